"""``cart-spec traffic``: judges recorded traffic. An entry point adds it to cart-spec."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from cart_spec import Contract, load_contract
from cart_spec.cli_errors import InputError, write_report
from cart_spec.findings import FORMATS, Finding, Review, Severity
from cart_spec.source import UnreadableDocumentError

from cart_conformance.config import TEXTS, Texts
from cart_conformance.oracle import Oracle
from cart_conformance.reports.text import one_line
from cart_conformance.results import Deviation, RuleVerdict, Verdict
from cart_conformance.run.verdicts import Policy
from cart_conformance.traffic.evidence import Evidence, Judged, weigh
from cart_conformance.traffic.recorded import read_recording
from cart_conformance.traffic.recording import Recording

_WORDS = {
    Verdict.CONFORMS: "follow the contract",
    Verdict.DEVIATES: "deviate",
    Verdict.ADVICE: "differ, as advice",
    Verdict.UNTESTABLE: "cannot be judged",
    Verdict.SKIPPED: "were left out",
}


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.har")
@click.option(
    "--alone",
    is_flag=True,
    help="No other client used the store or set its clock. Check answers against earlier ones.",
)
@click.option("--strict", is_flag=True, help="Also fail on observed rules and interpretations.")
@click.option(
    "--texts",
    type=click.Choice(TEXTS),
    default="fail",
    show_default=True,
    help="The effect of a text that differs from the documented one.",
)
@click.option("--format", "form", type=click.Choice([*FORMATS]), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@click.pass_context
def traffic(
    ctx: click.Context,
    *,
    file: Path,
    alone: bool,
    strict: bool,
    texts: Texts,
    form: str,
    output: Path | None,
) -> None:
    """Judge recorded traffic by the contract, without sending anything.

    FILE is a HAR file, as browsers and proxies export it, or the mock's own request journal (GET
    /_mock/stores/STORE/requests). The output lists which exchanges follow the contract, which do
    not, and which rules they test, with the verdicts and texts of cart-conformance. It never
    repeats secrets. Data that is missing from the recording never counts as a deviation.

    The JSON can be given to `cart-spec observe`. Exit status: 0 nothing deviates, 1 something does,
    2 the recording is unusable.

    \b
    Examples:
      cart-spec traffic shop.har
      cart-spec traffic shop.har --format json -o traffic.json && cart-spec observe traffic.json
    """
    contract = load_contract()
    policy = Policy(strict=strict, texts=texts)
    try:
        recording = read_recording(file)
        evidence = weigh(recording, Oracle(contract), policy, alone=alone)
    except UnreadableDocumentError as error:
        raise InputError(str(error)) from error
    if not evidence.judged:
        raise InputError(
            f"{file}: none of its {len(recording)} exchanges is of this contract"
            f"{_first_broken(evidence)}; "
            "record requests to /v2/carts, /v2/customers or /oauth/access_token"
        )
    if all(each.verdict is Verdict.SKIPPED for each in evidence.judged):
        raise InputError(
            f"{file}: all of its {len(evidence.judged)} exchanges of this contract were left out: "
            f"{'; '.join(_reasons(evidence, 3))}; record them with their headers and bodies"
        )
    if form == "json":
        text = json.dumps(_document(recording, evidence, contract), indent=2, ensure_ascii=False)
    else:
        text = FORMATS[form](_review(recording, evidence, contract, policy))
    write_report(text, output)
    ctx.exit(int(any(each.verdict is Verdict.DEVIATES for each in evidence.verdicts)))


def _review(recording: Recording, evidence: Evidence, contract: Contract, policy: Policy) -> Review:
    findings = [
        _finding(recording, judged, deviation, contract, policy)
        for judged in evidence.judged
        for deviation in judged.deviations
    ]
    titles = {rule.id: rule.condition for rule in contract.rules}
    return Review("cart-spec traffic", findings, titles, _summary(recording, evidence))


def _finding(
    recording: Recording,
    judged: Judged,
    deviation: Deviation,
    contract: Contract,
    policy: Policy,
) -> Finding:
    severity: Severity = "error" if policy.fails(deviation) else "warning"
    source = contract.rule(deviation.rule).source
    request = f"{judged.recorded.method} {one_line(judged.recorded.url, 300)}"
    return Finding(
        id=deviation.rule,
        severity=severity,
        document=recording.name,
        pointer=judged.recorded.pointer,
        line=judged.recorded.line,
        message=f"{request}: expected {one_line(deviation.expected, 500)}; "
        f"came {one_line(deviation.actual, 500).rstrip('.')}.",
        advice=f'{source.page}: "{source.sentence}"',
        facts={"level": deviation.level},
    )


def _summary(recording: Recording, evidence: Evidence) -> str:
    counts = Counter(judged.verdict for judged in evidence.judged)
    told = ", ".join(f"{counts[each]} {word}" for each, word in _WORDS.items() if counts[each])
    number = f"{len(evidence.judged)} exchanges of the contract's operations"
    lines = [f"{recording.name} ({recording.kind}): {number}, {evidence.others} others. {told}."]
    lines += [f"  {reason}" for reason in _reasons(evidence, 5)]
    if evidence.broken:
        lines.append(f"Entries that cannot be read, and were left out: {len(evidence.broken)}.")
        lines += [f"  {recording.name}:{each.line}  {each.pointer} {one_line(each.reason, 200)}"
                  for each in evidence.broken[:5]]  # fmt: skip
    tried = [each for each in evidence.verdicts if each.verdict is not Verdict.SKIPPED]
    lines.append(f"Rules put to the test: {len(tried)} of {len(evidence.verdicts)}.")
    lines += [f"  {each.verdict.value:10}  {each.id}" for each in tried]
    return "\n".join(lines)


def _reasons(evidence: Evidence, limit: int) -> list[str]:
    reasons = Counter(each.reason for each in evidence.judged if each.reason)
    return [f"{number} times: {reason}" for reason, number in reasons.most_common(limit)]


def _first_broken(evidence: Evidence) -> str:
    """Return how many entries cannot be read, with the first one; empty if all can."""
    if not evidence.broken:
        return ""
    first = evidence.broken[0]
    return (
        f" ({len(evidence.broken)} cannot be read: {first.pointer} {one_line(first.reason, 200)})"
    )


def _document(recording: Recording, evidence: Evidence, contract: Contract) -> dict[str, Any]:
    hosts = dict.fromkeys(urlsplit(each.recorded.url).netloc for each in evidence.judged)
    counts = Counter(judged.verdict for judged in evidence.judged)
    return {
        "tool": "cart-spec traffic",
        "contract_version": contract.version,
        "recording": recording.name,
        "kind": recording.kind,
        "target": ", ".join(filter(None, hosts)) or recording.kind,
        "started_at": next((e.recorded.when for e in evidence.judged if e.recorded.when), ""),
        "counts": {verdict.value: counts[verdict] for verdict in _WORDS},
        "others": evidence.others,
        "broken": [
            {"pointer": each.pointer, "line": each.line, "reason": one_line(each.reason, 200)}
            for each in evidence.broken
        ],
        "exchanges": [_exchange(each) for each in evidence.judged],
        "rules": [_rule(each) for each in evidence.verdicts],
    }


def _exchange(judged: Judged) -> dict[str, Any]:
    recorded = judged.recorded
    return {
        "pointer": recorded.pointer,
        "line": recorded.line,
        "when": recorded.when,
        "method": recorded.method,
        "url": one_line(recorded.url, 2000),
        "status": recorded.status,
        "operation": judged.operation,
        "verdict": judged.verdict.value,
        "rules": list(judged.rules),
        "reason": judged.reason,
        "deviations": [_deviation(each) for each in judged.deviations],
    }


def _rule(verdict: RuleVerdict) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "level": verdict.level,
        "verdict": verdict.verdict.value,
        "reason": verdict.reason,
        "deviations": [_deviation(each) for each in verdict.deviations],
    }


def _deviation(deviation: Deviation) -> dict[str, Any]:
    return {
        "rule": deviation.rule,
        "level": deviation.level,
        "kind": deviation.kind.value,
        "operation": deviation.operation,
        "expected": one_line(deviation.expected, 2000),
        "actual": one_line(deviation.actual, 2000),
    }
