"""The threat model names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")


def test_every_threat_names_tests_that_exist() -> None:
    threats = [line for line in PAGE.splitlines() if line.count("|") == 4 and ".py`" in line]
    assert len(threats) >= 15
    named = {path for line in threats for path in re.findall(r"`(tests/[^`]+)`", line)}
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
