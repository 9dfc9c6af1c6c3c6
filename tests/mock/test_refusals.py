"""Each refusal over HTTP, in every shape that the probe table has."""

from __future__ import annotations

import itertools

import pytest

from tests.mock.world import JSON, Site, World
from tests.probes import CONTRACT, TABLE, Probe

_shops = itertools.count(1)


@pytest.mark.rule("refusal-changes-nothing")
@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=pytest.mark.rule(rule)) for rule in TABLE]
)
def test_refusal_has_the_words_of_the_contract_and_changes_nothing(site: Site, rule: str) -> None:
    for probe in TABLE[rule]:
        shop = World(site, client_id=f"refusals-{next(_shops)}")
        shop.stock()
        for sent in probe.prepare:
            assert shop.try_request(sent).is_success, probe
        before = shop.everything()
        answer = shop.try_request(probe.request)
        status, text, detail = published(probe)
        assert answer.status_code == status, (probe, answer.text)
        assert answer.headers["content-type"] == JSON, probe
        [error] = answer.json()["errors"]
        assert (error["status"], error["title"]) == (status, text), probe
        assert error["detail"].startswith(detail or f"{text}: "), probe
        assert error.get("source") == probe.source, probe
        assert shop.everything() == before, probe


def published(probe: Probe) -> tuple[int | None, str | None, str | None]:
    """Return the status, the text and the detail that the contract has for a violation."""
    if probe.rule == "grant-invalid" and probe.source == "client_secret":
        variant = CONTRACT.protocol_error("grant-secret-wrong")
        return variant.status, variant.text, None
    rule = CONTRACT.rule(probe.rule)
    return rule.status, rule.text, rule.detail
