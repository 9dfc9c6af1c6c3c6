"""Shows a request as one ``curl`` line for bash that sends it again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable

# curl writes these itself, from the URL and the body.
_IMPLIED_HEADERS = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "user-agent"}
)
_NEEDS_ANSI_QUOTES = re.compile("[\x00-\x1f\x7f\udc80-\udcff]")
_NOT_IN_DOUBLE_QUOTES = re.compile(r"[\"$`\\!]")


def curl_line(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    body: str | bytes | None = None,
    *,
    variables: Collection[str] = (),
    show_head: bool = False,
) -> str:
    """Return a ``curl`` line that sends the request when it is pasted into bash.

    ``variables`` are names of shell variables, such as ``ACCESS_TOKEN``: the shell replaces
    ``$ACCESS_TOKEN`` in the URL, the headers and the body by its value. Use them in the place of
    secrets. Everything else is sent as it is given, to the byte. With ``show_head`` curl prints
    the head of the answer, too.
    """
    sent = [(name, value) for name, value in headers if name.lower() not in _IMPLIED_HEADERS]
    word = _Words(variables)
    words = ["curl", *_options(method, url, body, show_head=show_head), word(url)]
    for name, value in sent:
        # To curl "Name:" means to leave the header out; "Name;" sends it empty.
        words += ["-H", word(f"{name}: {value}" if value else f"{name};")]
    if body is None:
        return " ".join(words)
    if "content-type" not in {name.lower() for name, _ in sent}:
        words += ["-H", "Content-Type:"]
    text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
    if "\0" not in text:
        return " ".join([*words, "--data-raw", word(text)])
    # No argument of a command can hold a NUL.
    escaped = text.replace("\\", "\\\\").replace("%", "%%").replace("\0", "\\000")
    return " ".join(["printf", word(escaped), "|", *words, "--data-binary", "@-"])


def _options(method: str, url: str, body: str | bytes | None, *, show_head: bool) -> list[str]:
    options = ["-i"] if show_head else []
    if method == "HEAD" and body is None:
        options.append("--head")
    elif method != ("GET" if body is None else "POST"):
        options += ["-X", quoted(method)]
    if re.search(r"[][{}]", url):
        options.append("--globoff")
    if re.search(r"/\.", url):
        options.append("--path-as-is")
    return options


class _Words:
    """Writes texts as words for the shell, with the variables of these names expanded."""

    def __init__(self, variables: Collection[str]) -> None:
        names = "|".join(sorted(map(re.escape, variables), key=len, reverse=True))
        self._variable = re.compile(rf"(\$(?:{names}))(?![A-Za-z0-9_])") if names else None

    def __call__(self, text: str) -> str:
        pieces = self._variable.split(text) if self._variable is not None else [text]
        if len(pieces) == 1:
            return quoted(text)
        literals = [piece for piece in pieces[::2] if piece]
        plain = all(quoted(literal) == literal for literal in literals)
        if not plain and not any(
            _NOT_IN_DOUBLE_QUOTES.search(literal) or _NEEDS_ANSI_QUOTES.search(literal)
            for literal in literals
        ):
            return f'"{text}"'
        # Pieces at odd places are variables.
        return "".join(
            f'"{piece}"' if at % 2 else quoted(piece) for at, piece in enumerate(pieces) if piece
        )


def quoted(word: str) -> str:
    """Return one word of a bash line; control characters are written as escapes, in ``$'…'``."""
    if not _NEEDS_ANSI_QUOTES.search(word):
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    # A surrogate stands for a byte that is not UTF-8.
    return "$'" + _NEEDS_ANSI_QUOTES.sub(lambda m: f"\\x{ord(m[0]) & 0xFF:02x}", escaped) + "'"
