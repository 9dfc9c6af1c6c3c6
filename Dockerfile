# The mock, and nothing else of this repository.
#
#   docker build --tag cart-mock .
#   docker run --rm --read-only --publish 127.0.0.1:8080:8080 cart-mock
#
# The options of cart-mock are arguments, or variables such as CART_MOCK_SEED.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/cart-mock
# The dependencies change less often than the source, so they are a layer of their own.
# "shared" has what --shared needs, too.
ARG REQUIREMENTS=mock
COPY requirements/${REQUIREMENTS}.txt requirements/
RUN /opt/cart-mock/bin/pip install --quiet --require-hashes --no-deps --requirement requirements/${REQUIREMENTS}.txt
COPY pyproject.toml README.md LICENSE ./
COPY openapi openapi
COPY mockserver mockserver
COPY conformance conformance
# The wheel has all three packages; the image needs neither the suite nor what builds and installs.
RUN /opt/cart-mock/bin/pip install --quiet --no-deps --no-build-isolation . \
    && rm -r /opt/cart-mock/lib/python3.13/site-packages/cart_conformance /opt/cart-mock/bin/cart-conformance \
    && /opt/cart-mock/bin/pip uninstall --quiet --yes \
        hatchling editables packaging pathspec pluggy trove-classifiers pip

FROM python:3.13-slim
COPY --from=build /opt/cart-mock /opt/cart-mock
# /data is for --data; without it the mock writes nothing, so the root file system can be read-only.
RUN install --directory --owner=10001 --group=10001 /data
USER 10001:10001
ENV CART_MOCK_HOST=0.0.0.0 \
    CART_MOCK_PORT=8080 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --start-interval=1s \
    CMD ["/opt/cart-mock/bin/python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['CART_MOCK_PORT'] + '/_mock/ready', timeout=4)"]
ENTRYPOINT ["/opt/cart-mock/bin/cart-mock"]
