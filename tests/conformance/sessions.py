"""Sessions of a run, without the engine around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from cart_conformance.config import Settings
from cart_conformance.target.ledger import Ledger
from cart_conformance.target.session import Session
from cart_conformance.target.transport import Transport
from cart_spec import load_contract

CONTRACT = load_contract()


@contextmanager
def session_on(
    url: str, *, seed: int = 1, max_requests: int = 20_000, timeout: float = 5.0, **settings: Any
) -> Iterator[Session]:
    """A provisioned session on a store of its own."""
    run_id = uuid4().hex[:8]
    chosen = Settings(
        target=url, client_id=f"store-{run_id}", client_secret="a secret", seed=seed, **settings
    )
    transport = Transport(
        rate=0, max_requests=max_requests, timeout=timeout, max_time=300, target=url
    )
    with TemporaryDirectory() as directory:
        ledger = Ledger(Path(directory) / "journal", run_id, url)
        session = Session(chosen, CONTRACT, transport, ledger, run_id)
        session.provision()
        try:
            yield session
        finally:
            transport.close()
            ledger.close()
