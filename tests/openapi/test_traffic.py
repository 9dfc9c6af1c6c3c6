"""Recorded traffic is judged as a run would judge it; missing values count for nothing."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_conformance.oracle import Oracle
from cart_conformance.results import Verdict
from cart_conformance.run.verdicts import Policy
from cart_conformance.traffic.command import traffic
from cart_conformance.traffic.evidence import Evidence, weigh
from cart_conformance.traffic.recorded import read_recording
from cart_conformance.traffic.recording import Recording
from cart_mock.app import create_app
from cart_mock.state.clock import Clock
from cart_spec.cli import main
from cart_spec.contract import load_contract
from click.testing import CliRunner, Result

from tests.openapi.har import Entry, entry_of, har
from tests.openapi.recorder import RELATIONSHIPS, Stage, play

CONTRACT = load_contract()
ORACLE = Oracle(CONTRACT)
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[Entry]]:
    """The exchanges of each rule's scene, those that set it included, by rule id."""
    found: dict[str, list[Entry]] = {}
    current = ""

    async def keep(response: httpx.Response) -> None:
        nonlocal current
        await response.aread()
        store = re.match(r"client_id=store-of-([a-z0-9-]+)", response.request.content.decode())
        current = store[1] if store else current
        found.setdefault(current, []).append(entry_of(response))

    asyncio.run(play([rule.id for rule in CONTRACT.rules], keep))
    return found


def recording(tmp_path: Path, document: Any) -> Recording:
    path = tmp_path / "recording.json"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return read_recording(path)


def weighed(tmp_path: Path, document: Any, *, alone: bool = False, strict: bool = True) -> Evidence:
    return weigh(recording(tmp_path, document), ORACLE, Policy(strict=strict), alone=alone)


def told(evidence: Evidence) -> list[tuple[str, str]]:
    return [
        (str(judged.operation), deviation.rule)
        for judged in evidence.judged
        for deviation in judged.deviations
    ]


def run(tmp_path: Path, document: Any, *options: str) -> Result:
    path = tmp_path / "recording.har"
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
    return CliRunner().invoke(traffic, [str(path), *options])


# ---- Exchanges that follow the contract are not reported ----

# Time stands still in these recordings, and moves in that scene.
TIMELESS = [rule.id for rule in CONTRACT.rules if rule.id != "cart-expired"]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("rule_id", TIMELESS)
def test_what_the_mock_answers_follows_the_contract(
    rule_id: str, alone: bool, scenes: dict[str, list[Entry]], tmp_path: Path
) -> None:
    evidence = weighed(tmp_path, har(scenes[rule_id]), alone=alone)
    assert told(evidence) == []
    assert any(judged.verdict is Verdict.CONFORMS for judged in evidence.judged)


@pytest.mark.parametrize(
    "rule_id",
    [
        "access-token-invalid",
        "customer-token-required",
        "payload-not-array",
        "more-than-one-customer",
        "type-not-customer",
        "customer-not-permitted",
        "cart-name-missing",
        "page-out-of-range",
        "association-visible",
        "association-repeat",
        "last-cart",
    ],
)
def test_a_scene_puts_its_rule_to_the_test(
    rule_id: str, scenes: dict[str, list[Entry]], tmp_path: Path
) -> None:
    evidence = weighed(tmp_path, har(scenes[rule_id]), alone=True)
    verdicts = {each.id: each.verdict for each in evidence.verdicts}
    assert verdicts[rule_id] is Verdict.CONFORMS


def test_every_rule_gets_one_verdict(visit: list[Entry], tmp_path: Path) -> None:
    evidence = weighed(tmp_path, har(visit))
    assert [each.id for each in evidence.verdicts] == [rule.id for rule in CONTRACT.rules]


def test_other_traffic_is_counted_and_not_judged(visit: list[Entry], tmp_path: Path) -> None:
    image = copy.deepcopy(visit[0])
    image["request"].update(method="GET", url="https://cdn.example.com/logo.png")
    evidence = weighed(tmp_path, har([image, *visit]))
    assert (evidence.others, len(evidence.judged)) == (1, len(visit))


# ---- Exchanges that break the contract are reported, by rule ----


def answer(entry: Entry, status: int, body: Any) -> None:
    entry["response"]["status"] = status
    text = json.dumps(body)
    entry["response"]["content"].update(text=text, size=len(text))


def refusal(status: int, title: str) -> Callable[[Entry], None]:
    return lambda entry: answer(entry, status, {"errors": [{"status": status, "title": title}]})


TAMPERED: dict[str, tuple[int, Callable[[Entry], None], str]] = {
    "a refusal that is none": (-1, lambda e: answer(e, 200, {"data": []}),
                               "more-than-one-customer"),
    "another status": (-1, refusal(400, "Cannot associate more than one customer"),
                       "more-than-one-customer"),
    "another text": (-1, refusal(403, "Too many"), "more-than-one-customer"),
    "no envelope": (-1, lambda e: answer(e, 403, "Cannot associate more than one customer"),
                    "error-envelope"),
    "a success that is refused": (-2, refusal(403, "No"), "many-carts"),
    "a body against the schema": (-2, lambda e: answer(e, 200, {"data": {}}), "success-answer"),
    "a server error": (-2, refusal(500, "Oops"), "many-carts"),
    "a password in an answer": (-2, lambda e: answer(e, 200, {"data": [], "x": PASSWORD}),
                                "success-answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_a_deviation_is_told_by_its_rule(name: str, visit: list[Entry], tmp_path: Path) -> None:
    index, tamper, rule_id = TAMPERED[name]
    entries = copy.deepcopy(visit)
    tamper(entries[index])
    evidence = weighed(tmp_path, har(entries), alone=True)
    assert ("createCustomerCartAssociation", rule_id) in told(evidence)
    assert run(tmp_path, har(entries), "--alone", "--strict").exit_code == 1


def test_a_text_that_differs_can_be_advice_or_nothing(visit: list[Entry], tmp_path: Path) -> None:
    entries = copy.deepcopy(visit)
    refusal(403, "Too many")(entries[-1])
    results = {each: run(tmp_path, har(entries), "--alone", "--texts", each) for each in
               ("fail", "advise", "ignore")}  # fmt: skip
    assert {name: result.exit_code for name, result in results.items()} == {
        "fail": 1, "advise": 0, "ignore": 0,
    }  # fmt: skip
    assert "warning" in results["advise"].stdout
    assert "Too many" not in results["ignore"].stdout


def test_a_deviation_has_its_place_its_sentence_and_its_line(
    visit: list[Entry], tmp_path: Path
) -> None:
    entries = copy.deepcopy(visit)
    refusal(400, "Cannot associate more than one customer")(entries[-1])
    result = run(tmp_path, har(entries), "--alone", "--format", "sarif")
    found = json.loads(result.stdout)["runs"][0]["results"][0]
    place = found["locations"][0]
    line = place["physicalLocation"]["region"]["startLine"]
    lines = (tmp_path / "recording.har").read_text().splitlines()
    assert place["logicalLocations"][0]["fullyQualifiedName"] == f"/log/entries/{len(entries) - 1}"
    assert json.loads("\n".join(lines[line - 1 :]).rpartition("]")[0]) == entries[-1]
    assert CONTRACT.rule("more-than-one-customer").source.sentence in found["message"]["text"]


# ---- Values that are not in the recording never count ----


def without(name: str) -> Callable[[Entry], None]:
    def edit(entry: Entry) -> None:
        headers = entry["request"]["headers"]
        headers[:] = [header for header in headers if header["name"].lower() != name]

    return edit


def masked(mark: str) -> Callable[[Entry], None]:
    def edit(entry: Entry) -> None:
        for header in entry["request"]["headers"]:
            if header["name"].lower() in {"authorization", "x-moltin-customer-token"}:
                header["value"] = mark
        for owner in (entry["request"].get("postData"), entry["response"]["content"]):
            if owner:
                owner["text"] = re.sub(
                    r'("(?:password|token|access_token)": ?")[^"]*"', rf'\1{mark}"', owner["text"]
                )
                owner["text"] = re.sub(r"(client_secret=)[^&]*", rf"\1{mark}", owner["text"])

    return edit


LEFT_OUT: dict[str, Callable[[Entry], None]] = {
    "credentials": without("authorization"),
    "marks for secrets": masked("[redacted]"),
    "asterisks for secrets": masked("****"),
    "answers": lambda entry: entry["response"]["content"].pop("text"),
    "bodies": lambda entry: entry["request"].pop("postData", None),
    "all answers": lambda entry: entry["response"].update(status=0),
}


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_a_recorder_left_out_is_no_deviation(
    name: str, alone: bool, visit: list[Entry], tmp_path: Path
) -> None:
    entries = copy.deepcopy(visit)
    for entry in entries:
        LEFT_OUT[name](entry)
    evidence = weighed(tmp_path, har(entries), alone=alone)
    assert told(evidence) == []


def test_what_others_may_have_done_is_no_deviation(visit: list[Entry], tmp_path: Path) -> None:
    """Another client may have deleted the cart; with --alone, none can have."""
    entries = copy.deepcopy(visit)
    refusal(404, "Cart not found")(entries[-2])
    assert told(weighed(tmp_path, har(entries))) == []
    assert told(weighed(tmp_path, har(entries), alone=True)) != []


# ---- Secrets ----


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_secrets_are_never_repeated(form: str, visit: list[Entry], tmp_path: Path) -> None:
    entries = copy.deepcopy(visit)
    secrets = {PASSWORD, "my-secret"}
    for entry in entries:
        for header in entry["request"]["headers"]:
            if header["name"].lower() in {"authorization", "x-moltin-customer-token"}:
                secrets.add(header["value"].removeprefix("Bearer "))
    echo = " ".join(sorted(secrets))
    for entry in entries:
        entry["request"]["url"] += f"?echo={httpx.QueryParams({'q': echo})}"
        if entry["request"]["url"].startswith("http://mock/v2/carts"):
            refusal(400, f"You sent {echo}")(entry)
    result = run(tmp_path, har(entries), "--alone", "--strict", "--format", form)
    assert result.exit_code == 1
    for secret in secrets:
        assert secret not in result.stdout
    assert "redacted" in result.stdout


# ---- The mock's own journal ----


@pytest.fixture(scope="module")
def journal() -> Any:
    async def go() -> Any:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
            stage = Stage(client, Clock(), "journalled")
            await stage.set_up()
            await stage.associate("Ada", caller="SHOPPER", customer="ADA")
            await stage.associate("Bob", caller="SHOPPER", customer="ADA")
            await stage.associate("Ada", "bobs-list")
            await stage.show("GET", "/v2/carts", caller="SHOPPER")
            body = {"data": {"name": "  "}}
            await stage.show("POST", "/v2/carts", body)
            await stage.show("DELETE", RELATIONSHIPS.format("adas-list"), text="{")
            shown = await client.get("/_mock/stores/journalled/requests?limit=100")
            return shown.json()

    return asyncio.run(go())


@pytest.mark.parametrize("alone", [True, False])
def test_the_mocks_journal_is_judged_by_who_called(
    alone: bool, journal: Any, tmp_path: Path
) -> None:
    evidence = weighed(tmp_path, journal, alone=alone)
    verdicts = {each.id: each.verdict for each in evidence.verdicts}
    assert told(evidence) == []
    for rule_id in ("customer-not-permitted", "carts-need-an-owner", "payload-not-array"):
        assert verdicts[rule_id] is Verdict.CONFORMS


def test_a_journal_of_a_mock_that_deviates_is_told(journal: Any, tmp_path: Path) -> None:
    document = copy.deepcopy(journal)
    refused = [each for each in document["data"] if each["rule"] == "customer-not-permitted"]
    refused[0].update(status=200)
    refused[0]["answer"]["body"] = refused[0]["body"]
    evidence = weighed(tmp_path, document)
    assert told(evidence) == [("createCustomerCartAssociation", "customer-not-permitted")]


def test_what_an_injected_fault_answered_is_left_out(journal: Any, tmp_path: Path) -> None:
    document = copy.deepcopy(journal)
    for each in document["data"]:
        each.update(status=500, fault={"kind": "status"})
    evidence = weighed(tmp_path, document)
    assert {judged.verdict for judged in evidence.judged} == {Verdict.SKIPPED}


# ---- The command ----


def test_it_is_a_command_of_cart_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    class Announced:
        name = "traffic"
        value = "cart_conformance.traffic.command:traffic"

        def load(self) -> Any:
            return traffic

    monkeypatch.setattr("cart_spec.cli.entry_points", lambda **_: [Announced()])
    result = CliRunner().invoke(main, ["--help"])
    assert "traffic" in result.stdout
    assert CliRunner().invoke(main, ["traffic", "--help"]).exit_code == 0


def test_its_report_can_be_observed(visit: list[Entry], tmp_path: Path) -> None:
    report = tmp_path / "traffic.json"
    assert run(tmp_path, har(visit), "--format", "json", "-o", str(report)).exit_code == 0
    result = CliRunner().invoke(main, ["observe", str(report), "--format", "markdown"])
    assert result.exit_code == 0
    assert "Seen on mock," in result.stdout


BAD = {
    "no JSON": ("no JSON", "is not JSON"),
    "deep JSON": ("[" * 100_000, "is not JSON"),
    "another document": ("{}", "is neither a HAR file"),
    "a list of something": ("[1]", "is neither a HAR file"),
    "no exchanges": (json.dumps(har([])), "none of its 0 exchanges"),
    "an entry that is none": (json.dumps(har([{}])), "/log/entries/0 has no request"),
    "a number for a request": (
        json.dumps(har([{"request": 1}])),
        "has a number in the place of the request",
    ),
    "broken base64": (
        json.dumps(
            har(
                [
                    {
                        "request": {"method": "GET", "url": "/v2/carts", "headers": []},
                        "response": {"status": 200, "content": {"text": "?", "encoding": "base64"}},
                    }
                ]
            )
        ),
        "is not base64",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_recording_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    result = run(tmp_path, text)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert said in result.stderr
