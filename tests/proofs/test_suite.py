"""A run against a hostile server ends in bounded time and memory, with the right exit status."""

from __future__ import annotations

import gzip
import json
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.proofs.sizes import portion, said

TOKEN = json.dumps({"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 3600}).encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ENDLESS = 200_000_000
"""How many bytes a server sends that never ends, unless its client leaves before."""
Send = Callable[[bytes], None]


def whole(body: bytes, head: bytes = OK) -> bytes:
    """Return an answer with its length."""
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def again(piece: bytes, pause: float = 0.0) -> Callable[[Send], None]:
    """Return what sends a piece again and again."""

    def send_all(send: Send) -> None:
        for _ in range(ENDLESS // len(piece)):
            send(piece)
            time.sleep(pause)

    return send_all


def after(begin: bytes, more: Callable[[Send], None]) -> Callable[[Send], None]:
    """Return what sends a beginning, and then more."""

    def send_all(send: Send) -> None:
        send(begin)
        more(send)

    return send_all


BOMB = gzip.compress(gzip.compress(b" " * 3_000_000) * 100)
"""300 MB of spaces, which are never in one piece."""
HOSTILE: dict[str, bytes | Callable[[Send], None]] = {
    "an endless body": after(OK + b"\r\n", again(b"x" * 65_536)),
    "an endless head": after(OK, again(b"X: y\r\n" * 1000)),
    "a head that trickles": after(OK, again(b"x", 0.3)),
    "a body that trickles": after(OK + b"Content-Length: 999\r\n\r\n", again(b" ", 0.3)),
    "endless chunks": after(OK + b"Transfer-Encoding: chunked\r\n\r\n", again(b"1\r\nx\r\n" * 999)),
    "a bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
    "endless 100s": again(b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "a bomb": whole(BOMB, OK + b"Content-Encoding: gzip, gzip\r\n"),
    "a nest": whole(b"[" * 100_000),
    "a large number": whole(b'{"data":' + b"9" * 100_000 + b"}"),
    "not a number": whole(b'{"data":[{"id":NaN,"type":Infinity}]}'),
    "half a pair": whole(b'{"data":[{"id":"\\ud800","token":"\\udfff"}]}'),
    "no UTF-8": whole(b'{"data":"\xff\xfe"}'),
    "another charset": whole(
        '{"data":[]}'.encode("utf-16"), OK.replace(b"json", b"json; charset=nix")
    ),
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n{}",
    "a long length": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a body that breaks off": OK + b"Content-Length: 99\r\n\r\n{}",
    "status 999": whole(b"{}", b"HTTP/1.1 999 X\r\n"),
    "status 101": b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nxx",
    "another protocol": b"SSH-2.0-OpenSSH_9.0\r\n",
    "HTTP/2": b"\x00\x00\x06\x04\x00\x00\x00\x00\x00",
    "nothing": b"",
    "a wait of a year": whole(b"{}", b"HTTP/1.1 429 X\r\nRetry-After: 31536000\r\n"),
    "a wait until later": whole(
        b"{}", b"HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"
    ),
    "a redirect to a file": whole(b"", b"HTTP/1.1 307 X\r\nLocation: file:///etc/passwd\r\n"),
    "a redirect in a circle": whole(b"", b"HTTP/1.1 307 X\r\nLocation: /\r\n"),
    "many cookies": whole(b"{}", OK + b"Set-Cookie: a=b\r\n" * 5000),
    "a terminal's commands": whole(
        json.dumps({"errors": [{"title": "\x1b[2J\x9b31m\u202e<script>", "status": 418}]}).encode(),
        b"HTTP/1.1 418 \x1b[2J\r\nContent-Type: text/html\r\n",
    ),
    "a million keys": whole(b"{" + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}"),
    "one list for all": whole(b'{"data":[' + b"{}," * 300_000 + b"{}]}"),
    "a promise that is not kept": after(
        OK + b"Content-Length: 99\r\n\r\n", lambda _: time.sleep(9)
    ),
}  # fmt: skip
"""What servers answer, by what is wrong with it."""


@contextmanager
def serving(answer: bytes | Callable[[Send], None], *, gives_tokens: bool) -> Iterator[str]:
    """Answer each request in that way, but for those for an access token if ``gives_tokens``."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(20)
            with suppress(OSError):
                if gives_tokens and b"/oauth/" in self.request.recv(65_536):
                    self.request.sendall(whole(TOKEN, OK + b"Connection: close\r\n"))
                elif isinstance(answer, bytes):
                    self.request.sendall(answer)
                else:
                    answer(self.request.sendall)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


MOST_SECONDS, MOST_MEMORY = 10, 500e6
LAUNCHER = (
    "import resource, subprocess, sys; status = subprocess.call(sys.argv[2:]);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss;"
    "open(sys.argv[1], 'w').write(f'{status} {used * 1024}')"
)
"""Notes the status and the peak of a command. The peak of a child begins with the memory of its
parent, and a process that runs tests can be as large as what is measured."""


def run(url: str, folder: Path) -> tuple[int, float, float, str]:
    """Check a server; return the exit status, the seconds, the bytes of memory, and the output."""
    command = [
        str(Path(sys.executable).with_name("cart-conformance")), "run", url, "--layers", "directed",
        "--client-id", "shop", "--client-secret", "very-secret", "--timeout", "1", "--settle", "0",
        "--max-time", str(MOST_SECONDS), "--report-dir", str(folder / "report"),
        "--journal", str(folder / "journal.jsonl"),
    ]  # fmt: skip
    began, noted = time.monotonic(), folder / "noted"
    done = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, str(noted), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
    )  # fmt: skip
    status, memory = noted.read_text("utf-8").split()
    return int(status), time.monotonic() - began, float(memory), done.stdout.decode()


@pytest.mark.timeout(100_000)
def test_run_against_a_hostile_server_ends(tmp_path: Path) -> None:
    ways = [(name, gives) for gives in (True, False) for name in HOSTILE]
    ways = ways[:: max(1, round(len(ways) / portion(2, len(ways))))]
    longest, most = 0.0, 0.0
    for number, (name, gives_tokens) in enumerate(ways):
        folder = tmp_path / str(number)
        folder.mkdir()
        with serving(HOSTILE[name], gives_tokens=gives_tokens) as url:
            status, seconds, memory, output = run(url, folder)
        where = (name, gives_tokens, status, seconds, memory, output[-1500:])
        longest, most = max(longest, seconds), max(most, memory)
        # Never 0. It is 4 if the time was up before anything deviated, but things may be left.
        assert status in (1, 2, 3, 4), where
        assert memory < MOST_MEMORY, where
        assert "Traceback" not in output, where
        assert "very-secret" not in output, where
        assert not {"\x1b[2J", "\x9b", "\u202e"} & set(output.split()), where
    said(f"{len(ways)} runs against hostile servers, the longest took {longest:.0f} s, the largest "
         f"{most / 1e6:.0f} MB")  # fmt: skip
