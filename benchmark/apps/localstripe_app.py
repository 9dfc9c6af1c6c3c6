"""Starts localstripe on one address, empty, without an access log: python FILE PORT HOST."""

import sys

# The peer's packages are in a separate folder, which the type checker does not read.
from aiohttp import web  # type: ignore[import-not-found]
from localstripe.server import app  # type: ignore[import-not-found]

if __name__ == "__main__":
    web.run_app(app, host=sys.argv[2], port=int(sys.argv[1]), access_log=None, print=None)
