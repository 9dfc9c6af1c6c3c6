"""Log lines on standard error, as text or as one JSON object each."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal, TextIO, get_args
from urllib.parse import quote

from cart_mock.http.messages import Answer, Request

LogFormat = Literal["text", "json"]
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)

_TEXT = "%(levelname)s %(name)s: %(message)s"
FIELDS = "cart_mock_fields"
"""The attribute of a log record that holds its fields, to be written beside the message."""


request_logger = logging.getLogger("cart_mock.tenants.request_log")
"""Has a line for each request to the API, at level info."""


def log_request(request: Request, operation_id: str, answer: Answer, seconds: float) -> None:
    """Log a request to the API and how it was answered; neither has secrets in what is logged."""
    fields = {
        "request_id": request.id,
        "method": request.method,
        "path": request.path,
        "operation": operation_id,
        "status": answer.status,
        "rule": answer.broken,
        "milliseconds": round(seconds * 1000, 3),
    }
    text = "%s %s %s: %s%s"
    refused = "" if answer.broken is None else f" {answer.broken}"
    # A path may hold line ends, which would make a line of their own.
    request_logger.info(
        text,
        request.id,
        request.method,
        quote(request.path),
        answer.status,
        refused,
        extra={FIELDS: fields},
    )


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to(stream: TextIO, level: str, log_format: LogFormat) -> None:
    """Log to a stream what is of that level or worse."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(_TEXT) if log_format == "text" else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # It logs each request of its own, with whatever is in its address.
    logging.getLogger("httpx").setLevel(logging.WARNING)
