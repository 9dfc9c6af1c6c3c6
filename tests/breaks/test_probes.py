"""The probe table: each row violates exactly its rule, and its control violates none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.breaks.world import Mock, Seen, World, plain_passwords
from tests.probes import CONTRACT, PROBES, Probe


@pytest.fixture(autouse=True, scope="module")
def _plain_passwords() -> Iterator[None]:
    with plain_passwords():
        yield


@pytest.fixture(scope="module")
def mock() -> Mock:
    """A mock that breaks no rule."""
    return Mock(CONTRACT)


def error_of(seen: Seen) -> dict[str, object]:
    """Return the only error in an answer."""
    (error,) = seen.body["errors"]
    assert isinstance(error, dict)
    return error


@pytest.mark.parametrize("rule", dict.fromkeys(each.rule for each in PROBES))
def test_probe_request_is_refused_by_its_rule_and_control_passes(rule: str, mock: Mock) -> None:
    known = CONTRACT.rule(rule)
    for number, probe in enumerate(each for each in PROBES if each.rule == rule):
        seen = World(mock, f"{rule}-{number}").try_probe(probe)
        assert seen.status in known.statuses, (probe, seen)
        assert error_of(seen)["title"] in titles(probe), (probe, seen)
        assert error_of(seen).get("source") == probe.source, (probe, seen)
        control = World(mock, f"{rule}-{number}-control").try_control(probe)
        assert control.status < 400, (probe, control)


def titles(probe: Probe) -> set[object]:
    """Return the texts with which the rule of a probe may refuse."""
    variants = (each.text for each in CONTRACT.protocol_errors if each.rule == probe.rule)
    return {CONTRACT.rule(probe.rule).text, *variants}
