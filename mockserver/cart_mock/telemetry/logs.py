"""Log lines on standard error, as text or as one JSON object each.

With JSON, what a mock says at its start on standard output has the same form: whatever collects the
lines of a container reads both streams.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Literal, TextIO, get_args
from urllib.parse import quote

from cart_spec.redaction import Redactor
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from cart_mock.messages import Answer, Request

LogFormat = Literal["text", "json"]
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)

_TEXT = "%(levelname)s %(name)s: %(message)s"

_redactor = Redactor()
# Terminals act on control characters, and show text after a direction mark in another order.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

request_logger = logging.getLogger("cart_mock.requests")
"""Gets one line for each request to the API, at level info."""


def log_request(request: Request, operation_id: str, answer: Answer, seconds: float | None) -> None:
    """Log a request to the API and its answer, without headers and bodies: they hold secrets.

    A request that no operation answered has an empty ``operation_id``.
    """
    path = _redactor.text(request.path)  # clients put tokens into paths by mistake
    fields = {
        "request_id": request.id,
        "method": request.method,
        "path": path,
        "operation": operation_id or None,
        "status": answer.status,
        "rule": answer.refused_by,
        "milliseconds": None if seconds is None else round(seconds * 1000, 3),
    }
    refused = "" if answer.refused_by is None else f" {answer.refused_by}"
    # The path is quoted because an encoded line end in it would start a second line.
    request_logger.info(
        "%s %s %s: %s%s",
        request.id,
        request.method,
        quote(path, errors="backslashreplace"),
        answer.status,
        refused,
        extra=fields,
    )


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class TextLineFormatter(logging.Formatter):
    """A formatter that writes a record as one line of text, and its traceback behind it."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name is logging's
        """Return the line of a record: a line end in its message would start a second one."""
        return super().formatMessage(record).replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record with its traceback, without control characters."""
        return _visible(super().format(record))


class JsonLineFormatter(JsonFormatter):
    """A formatter that writes a record as one line of JSON, with the fields of its ``extra``."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={
                "asctime": "time",
                "levelname": "level",
                "name": "logger",
                "exc_info": "exception",
            },
            # uvicorn adds a copy of the message with colour codes.
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],
            json_default=str,
            json_ensure_ascii=False,
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802  # the signature is logging's
        """Return the time of a record in RFC 3339, in UTC."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON, with control characters escaped."""
        return _visible(super().format(record))

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        """Return the fields of a record with the level in lower case."""
        return {**log_data, "level": str(log_data["level"]).lower()}


def log_to(stream: TextIO, level: str, log_format: LogFormat) -> None:
    """Send all logging and warnings of the process, from this level up, to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLineFormatter() if log_format == "text" else JsonLineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # Python prints a warning as two lines of plain text unless logging takes it.
    logging.captureWarnings(True)
    # httpx logs the URL of each of its own requests, which can hold secrets.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def announced(line: str, log_format: LogFormat) -> str:
    """Return a line that a command prints for its user, in the format of the log."""
    if log_format == "text":
        return line
    record = logging.LogRecord("cart_mock", logging.INFO, "", 0, line, None, None)
    return JsonLineFormatter().format(record)
