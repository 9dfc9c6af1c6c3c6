"""OpenTelemetry traces, if its standard environment variables enable them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cart_spec.extras import how_to_install
from starlette.types import ASGIApp

if TYPE_CHECKING:
    # Optional: only the extra "telemetry" installs it.
    from opentelemetry.sdk.trace.export import SpanExporter

_ASKED_BY = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT",
             "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")  # fmt: skip
_HIDDEN = ".*token.*,authorization,cookie,x-control-key"


class TelemetryMissing(Exception):
    """Traces that the environment enables although OpenTelemetry is not installed."""


def instrumented(app: ASGIApp, environment: Mapping[str, str] = os.environ) -> ASGIApp:
    """Return the application with traces, or unchanged if the environment does not enable them.

    Raises TelemetryMissing.
    """
    if not _is_asked_for(environment):
        return app
    try:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise TelemetryMissing(
            "the environment asks for OpenTelemetry, which is not installed. Set "
            f"OTEL_SDK_DISABLED=true, or install it. {how_to_install('telemetry')}"
        ) from None
    os.environ.setdefault("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", _HIDDEN)
    os.environ.setdefault("OTEL_SERVICE_NAME", "cart-mock")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(_exporter(environment)))
    traced: ASGIApp = OpenTelemetryMiddleware(app, tracer_provider=provider)
    return traced


def _is_asked_for(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(environment.get(name) for name in _ASKED_BY)


def _exporter(environment: Mapping[str, str]) -> SpanExporter:
    if environment.get("OTEL_TRACES_EXPORTER") == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
