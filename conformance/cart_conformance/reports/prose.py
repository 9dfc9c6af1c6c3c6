"""Sentences for the reports that are plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cart_conformance.reports.text import one_line, visible

OUTCOME_WORDS = {
    "conforms": "Conforms",
    "deviates": "Deviates",
    "could-not-run": "Could not run",
    "incomplete": "Incomplete",
    "left-behind": "Conforms, but left things behind",
}

KIND_WORDS = {
    "not-refused": "was not refused",
    "error-inside": "an error inside a success",
    "refused": "was refused",
    "wrong-status": "another status",
    "wrong-text": "another text",
    "effect": "another effect",
    "envelope": "not the error envelope",
    "schema": "not the published schema",
    "leak": "gives away a password",
    "server-error": "server error",
}


def outcome_sentence(report: dict[str, Any]) -> str:
    """Return the outcome in one sentence, with the number of rules for each verdict."""
    if report["outcome"] == "could-not-run":
        return "No rule was tried."
    counts = report["counts"]
    told = [
        f"{counts[verdict]} {word}"
        for verdict, word in (
            ("deviates", "deviate" if counts["deviates"] != 1 else "deviates"),
            ("error", "errors" if counts["error"] != 1 else "error"),
            ("untestable", "could not be tried"),
            ("advice", "differ as advice" if counts["advice"] != 1 else "differs as advice"),
            ("conforms", "conform" if counts["conforms"] != 1 else "conforms"),
            ("skipped", "skipped"),
        )
        if counts[verdict]
    ]
    return f"Of {len(report['rules'])} rules: {', '.join(told)}."


def gaps(report: dict[str, Any]) -> Iterator[str]:
    """Yield what the run did not do, met or left behind although its verdicts do not show it."""
    yield from report["cut"]
    for each in report["server_errors"]:
        times = "once" if each["count"] == 1 else f"{each['count']} times"
        yield f"The server answered {each['status']} to {each['operation']} {times}."
    for each in report["faults"]:
        yield f"{counted(each['count'], 'request')} without an answer: {each['reason']}."
    for entry in report["stale"]:
        yield f"Stale entry of the baseline: {entry} (see cart-conformance baseline update)."
    cleanup = report["cleanup"]
    if cleanup and cleanup["left"]:
        journal = cleanup["journal"]
        later = f" Remove them with: cart-conformance cleanup {journal}" if journal else ""
        yield f"{counted(len(cleanup['left']), 'thing')} of the run could not be removed.{later}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s unless the number is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def causes_first(rules: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules in their order, but each one that follows from another of them after it."""
    ids = {rule["id"] for rule in rules}
    followers: dict[str | None, list[dict[str, Any]]] = {}
    for rule in rules:
        cause = rule["follows"] if rule["follows"] in ids else None
        followers.setdefault(cause, []).append(rule)
    return [
        each for rule in followers.get(None, []) for each in (rule, *followers.get(rule["id"], []))
    ]


SHOWN = 10
"""Maximum number of deviations printed for one rule; ``report.json`` contains more."""


def described(rule: dict[str, Any], deviations: Sequence[dict[str, Any]]) -> str:
    """Describe the deviations from one rule: first the rule and its source, then the evidence."""
    source = rule["source"]
    heading = [
        f"{rule['id']} ({rule['level']}): {rule['statement']}",
        f'  source    "{source["sentence"]}"',
        f"            {source['document']}, {source['page']}",
    ]
    if rule["follows"]:
        heading.append(f"  cause     it follows from {rule['follows']}")
    parts = [heading, *(list(evidence(each)) for each in deviations[:SHOWN])]
    if len(deviations) > SHOWN:
        parts.append([f"  … and {len(deviations) - SHOWN} more"])
    return visible("\n\n".join("\n".join(part) for part in parts))


def evidence(deviation: dict[str, Any]) -> Iterator[str]:
    """Yield the evidence of one deviation, as lines of text."""
    where = deviation["title"] or deviation["case"]
    about = f" (a refusal of {deviation['about']})" if deviation["about"] else ""
    endpoint = f"{deviation['method']} {deviation['path']}"
    yield f"  case      {endpoint if deviation['path'] else deviation['operation']}: {where}{about}"
    yield f"  expected  {_indented(deviation['expected'])}"
    yield f"  came      {_indented(deviation['actual'])}"
    if deviation["steps"]:
        yield "  steps"
        yield from (f"    {i}. {_indented(s)}" for i, s in enumerate(deviation["steps"], 1))
    if deviation["exchange"]:
        yield f"  sent      {deviation['exchange']['curl']}"
        yield f"  answer    {answer(deviation['exchange'])}{found_by(deviation['exchange'])}"
    if deviation["control"]:
        yield f"  control   {control(deviation['control'])}{found_by(deviation['control'])}"
    if deviation["known"]:
        known = deviation["known"]
        until = f", until {known['expires']}" if known["expires"] else ""
        yield f"  known     {' '.join(filter(None, (known['reason'], known['link'])))}{until}"


def found_by(exchange: dict[str, Any]) -> str:
    """Return how to find an exchange in the log of the server: its time, and its id."""
    told = [exchange["at"], exchange["request_id"] and f"request id {exchange['request_id']}"]
    return f"  [{', '.join(filter(None, told))}]" if any(told) else ""


def story(deviation: dict[str, Any]) -> Iterator[str]:
    """Yield the requests of a deviation's case, one line each."""
    for number, step in enumerate(deviation["story"], 1):
        found = ", ".join(filter(None, (step["at"], step["request_id"])))
        body = f" {one_line(step['body'], 160)}" if step["body"] else ""
        yield (
            f"{number:>3}. {step['role']:<7} {step['method']} {step['url']}{body}"
            f" → {step['status']} ({1000 * step['elapsed']:.0f} ms, {found})"
        )


def answer(exchange: dict[str, Any]) -> str:
    """Return the status and the start of the body, or the reason for a missing answer."""
    if exchange["status"] is None:
        return exchange["failure"] or "no answer"
    return f"{exchange['status']} {one_line(exchange['response_body'], 400)}".rstrip()


def control(exchange: dict[str, Any]) -> str:
    """Return the outcome of the control in a few words."""
    if exchange["status"] is None:
        return f"the same request without the fault: {exchange['failure'] or 'no answer'}"
    return f"the same request without the fault: {exchange['status']}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n            ")
