"""Opens bodies that a recorder kept as they were sent: gzip, deflate, br and zstd."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
from backports import zstd

MAX_OPENED = 10 * 1024 * 1024
"""Maximum size of a body in bytes, once it is opened."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class StillCompressedError(ValueError):
    """A body that cannot be opened."""


def opened(raw: bytes, encodings: str) -> bytes:
    """Return a body as it was before ``Content-Encoding``; most recorders keep it like that.

    Raises StillCompressedError if it is compressed and cannot be opened.
    """
    names = [name.strip().lower() for name in encodings.split(",") if name.strip()]
    names = [name for name in names if name != "identity"]
    if raw.startswith(_GZIP) and not {"gzip", "x-gzip"} & set(names):
        names.append("gzip")
    elif raw.startswith(_ZSTD) and "zstd" not in names:
        names.append("zstd")
    for name in reversed(names):
        if _is_text(raw):
            break  # the recorder has opened it
        try:
            raw = _OPENERS[name](raw)
        except KeyError:
            raise StillCompressedError(f"is still compressed as {name}") from None
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            raise StillCompressedError(f"is not valid {name}") from error
    return raw


def _is_text(raw: bytes) -> bool:
    """Return whether bytes are text, which compressed ones hardly ever are."""
    try:
        text = raw[:200].decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        if len(raw) <= 200 or error.start < 196:
            return False
        text = raw[: error.start].decode("utf-8")
    return all(each.isprintable() or each in "\r\n\t" for each in text)


def _bounded(raw: bytes, whole: bool) -> bytes:
    if len(raw) > MAX_OPENED or not whole:
        raise StillCompressedError(f"opens to more than {MAX_OPENED // 1024**2} MiB, or was cut")
    return raw


def _inflated(window: int) -> Callable[[bytes], bytes]:
    def inflate(raw: bytes) -> bytes:
        opener = zlib.decompressobj(window)
        return _bounded(opener.decompress(raw, MAX_OPENED + 1), opener.eof)

    return inflate


def _deflated(raw: bytes) -> bytes:
    try:
        return _inflated(zlib.MAX_WBITS)(raw)
    except zlib.error:
        return _inflated(-zlib.MAX_WBITS)(raw)  # some servers send it without its header


def _from_brotli(raw: bytes) -> bytes:
    opener = brotli.Decompressor()
    opened_to = opener.process(raw, output_buffer_limit=MAX_OPENED + 1)
    return _bounded(opened_to, opener.is_finished())


def _from_zstd(raw: bytes) -> bytes:
    opener = zstd.ZstdDecompressor()
    return _bounded(opener.decompress(raw, MAX_OPENED + 1), opener.eof)


_OPENERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _inflated(16 + zlib.MAX_WBITS),
    "x-gzip": _inflated(16 + zlib.MAX_WBITS),
    "deflate": _deflated,
    "br": _from_brotli,
    "zstd": _from_zstd,
}
