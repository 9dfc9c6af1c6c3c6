"""What HTTPS is served with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Tls(NamedTuple):
    """Files in PEM: a certificate with its chain, and its key."""

    certificate: Path
    key: Path
