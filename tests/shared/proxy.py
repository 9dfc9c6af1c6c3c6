"""A proxy that sends each request to the next server, as a load balancer may."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import suppress


class RoundRobin:
    """A proxy over TCP. It closes each connection after one answer, so no client stays at one.

    ``targets`` are ports of this machine; the next one is first.
    """

    def __init__(self, targets: Iterable[int]) -> None:
        self.targets = deque(targets)

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Listen on a port, by default a free one."""
        return await asyncio.start_server(self._connection, "127.0.0.1", port, limit=2**20)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                line = await reader.readuntil(b"\n")
                port = self.targets[0]
                self.targets.rotate(-1)
                upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", port)
                writers.append(upstream)
                upstream.write(line + b"Connection: close\r\n")
                sending = asyncio.create_task(_pump(reader, upstream))
                try:
                    await _pump(upstream_reader, writer)
                finally:
                    sending.cancel()
        finally:
            for each in writers:
                each.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _main(targets: list[int]) -> None:
    server = await RoundRobin(targets).serve()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main([int(each) for each in sys.argv[1:]]))
