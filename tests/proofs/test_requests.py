"""No request, whatever it is, ends in a failure of the mock or in silence."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from tests.mock.processes import mock
from tests.proofs.hostile import STORES, Attacker
from tests.proofs.sizes import portion, said

FORM = {"client_id": "shop", "client_secret": "x"}
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def token_lines(url: str) -> list[bytes]:
    """Prepare a shop, and return the header lines of its callers."""
    with httpx.Client(base_url=url, timeout=60) as client:
        client.post("/_mock/stores", json={"client_id": "shop"})
        client.post("/_mock/stores/shop/seed", json={"scenario": "one-shopper"}).raise_for_status()
        lines = []
        for grant in ("implicit", "client_credentials"):
            answer = client.post("/oauth/access_token", data={"grant_type": grant, **FORM})
            lines.append(b"Authorization: Bearer " + answer.json()["access_token"].encode())
        return lines


async def send(port: int, attacker: Attacker, statuses: dict[int, int]) -> int:
    """Send what one connection sends; return how many answers came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    received = b""
    try:
        for piece in attacker.connection():
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        # Latency that was asked for may take longer than anybody waits.
        async with asyncio.timeout(2):
            received = await reader.read(-1)
    except (OSError, TimeoutError):
        pass
    finally:
        writer.close()
    found = STATUS.findall(received)
    for status in found:
        statuses[int(status)] = statuses.get(int(status), 0) + 1
    return len(found)


@pytest.mark.parametrize("options", [(), ("--no-accelerator",)], ids=["accelerator", "app"])
def test_no_request_makes_the_mock_fail(
    options: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answers_wanted = portion(600, 500_000)
    statuses: dict[int, int] = {}
    data = ("--data", str(tmp_path / "data"), "--log-level", "error", "--keep-alive", "5")

    async def calm(url: str) -> None:
        """Take faults back, or soon every request would wait or be refused."""
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            while True:
                for store in STORES:
                    await client.delete(f"/_mock/stores/{store}/faults")
                    await client.post(f"/_mock/stores/{store}/clock", json={"action": "resume"})
                await asyncio.sleep(0.2)

    async def attack(port: int, lines: list[bytes]) -> None:
        sent = 0
        calming = asyncio.create_task(calm(f"http://127.0.0.1:{port}"))

        async def client(seed: int) -> None:
            nonlocal sent
            attacker = Attacker(seed, lines)
            while sent < answers_wanted:
                answered = await send(port, attacker, statuses)
                sent += answered

        await asyncio.gather(*(client(seed) for seed in range(8)))
        calming.cancel()

    with mock(*data, *options) as (process, url):
        port = int(url.rpartition(":")[2])
        asyncio.run(attack(port, token_lines(url)))
        assert process.poll() is None
        assert httpx.get(f"{url}/_mock/health", timeout=60).status_code == 200
        process.terminate()
        _, errors = process.communicate(timeout=60)
    said(f"{sum(statuses.values())} answers: {dict(sorted(statuses.items()))}")
    assert errors == "", errors[-5000:]
    # What was kept can be read again.
    with mock("--data", str(tmp_path / "data")) as (_, url):
        assert httpx.get(f"{url}/_mock/stores", timeout=60).status_code == 200
