"""A proxy that sends each request to the next server, as a load balancer may."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Sequence
from contextlib import suppress


class RoundRobin:
    """A proxy over TCP. It closes each connection after one answer, so no client stays at one."""

    def __init__(self, targets: Sequence[tuple[str, int]]) -> None:
        self._turns = itertools.cycle(targets)

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Listen on a port, by default a free one."""
        return await asyncio.start_server(self._connection, "127.0.0.1", port, limit=2**20)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            line = await reader.readuntil(b"\n")
            upstream_reader, upstream = await asyncio.open_connection(*next(self._turns))
            upstream.write(line + b"Connection: close\r\n")
            sending = asyncio.create_task(_pump(reader, upstream))
            await _pump(upstream_reader, writer)
            sending.cancel()
            upstream.close()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _main(port: int, ports: list[int]) -> None:
    server = await RoundRobin([("127.0.0.1", each) for each in ports]).serve(port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), [int(each) for each in sys.argv[2:]]))
