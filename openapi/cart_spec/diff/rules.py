"""Compares two rule catalogues, rule by rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from cart_spec.contract import CATALOGUE_KEY, LEVELS, Contract, Rule
from cart_spec.diff.changes import Change, Side, Use
from cart_spec.source import pointer_of


def rule_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield what changed from one catalogue to the other."""
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for rule_id, rule in before.items():
        if rule_id not in after:
            kind = "rule-removed" if rule.is_refusal else "rule-removed-effect"
            yield _change(kind, old, rule, "", f"It is gone: {rule.condition}", side="old")
    for rule_id, rule in after.items():
        if rule_id in before:
            yield from _within(before[rule_id], rule, new)
        else:
            yield _change(_kind_of_new(rule), new, rule, "", f"It is new: {rule.condition}")
    yield from _order(old, new)
    yield from _protocol_errors(old, new)
    yield from _disagreements(old, new)
    yield from _documents(old, new)


def _documents(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield the sources that rules may quote, and what else the catalogue has, if they changed."""
    before, after = (contract.document[CATALOGUE_KEY] for contract in (old, new))
    compared = {"rules", "protocol_errors", "disagreements"}
    for key in sorted({*before, *after} - compared):
        if before.get(key) != after.get(key):
            side: Side = "new" if key in after else "old"
            at = pointer_of(CATALOGUE_KEY, key)
            yield Change.of("rule-source-changed", Use("catalogue"), side, at, f"{key} changed.")


def _kind_of_new(rule: Rule) -> str:
    if rule.level != "documented":
        return "rule-added-advice"
    return "rule-added" if rule.is_refusal else "rule-added-effect"


def _within(was: Rule, now: Rule, new: Contract) -> Iterator[Change]:
    yield from _levels(was, now, new)
    yield from _statuses(was, now, new)
    if was.text != now.text or was.detail != now.detail:
        published = was.documented_text or now.documented_text
        kind = "rule-text-changed" if published else "rule-text-changed-advice"
        message = f'Its text was "{was.detail or was.text}" and is "{now.detail or now.text}".'
        yield _change(kind, new, now, "text", message)
    for operation in sorted(set(now.operations) - set(was.operations)):
        message = f"It applies to {operation}."
        yield _change("rule-operation-added", new, now, "operations", message)
    for operation in sorted(set(was.operations) - set(now.operations)):
        message = f"It no longer applies to {operation}."
        yield _change("rule-operation-removed", new, now, "operations", message)
    for name in ("condition", "freedom"):
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            message = f'Its {name} was "{before or "none"}" and is "{after or "none"}".'
            yield _change(f"rule-{name}-changed", new, now, name if after else "", message)
    for name in ("group", "example", "documented_text", "beyond_run"):
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            message = f'Its {name} was "{before}" and is "{after}".'
            yield _change("rule-other-changed", new, now, name if after else "", message)
    if was.source != now.source:
        yield _change("rule-source-changed", new, now, "source", "Its source changed.")


def _levels(was: Rule, now: Rule, new: Contract) -> Iterator[Change]:
    for name in ("level", "exact"):
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            raised = LEVELS.index(after) < LEVELS.index(before)
            kind = "rule-level-raised" if raised else "rule-level-lowered"
            what = "It" if name == "level" else "Its exact status and text"
            message = f"{what} was {before} and is {after}."
            yield _change(kind, new, now, "" if now.exact == now.level else name, message)


def _statuses(was: Rule, now: Rule, new: Contract) -> Iterator[Change]:
    before, after = set(was.statuses), set(now.statuses)
    gained, lost = sorted(after - before), sorted(before - after)
    if was.status != now.status:
        message = f"Its status was {was.status} and is {now.status}."
        yield _change("rule-status-changed", new, now, "status", message)
        return
    if gained:
        message = f"It may also answer {', '.join(map(str, gained))}."
        yield _change("rule-statuses-wider", new, now, "statuses", message)
    if lost:
        message = f"It may no longer answer {', '.join(map(str, lost))}."
        yield _change("rule-statuses-narrower", new, now, "", message)


def _order(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield a change if the rules that both catalogues have are in another order."""
    refusals = [rule.id for rule in old.rules if rule.is_refusal]
    common = [rule for rule in new.rules if rule.is_refusal and rule.id in refusals]
    before = [rule_id for rule_id in refusals if any(rule.id == rule_id for rule in common)]
    for was, rule in zip(before, common, strict=True):
        if was != rule.id:
            message = f"{rule.id} is judged in the place of {was}."
            yield _change("rule-order-changed", new, rule, "", message)
            return


def _protocol_errors(old: Contract, new: Contract) -> Iterator[Change]:
    before = {error.id: error for error in old.protocol_errors}
    after = {error.id: error for error in new.protocol_errors}
    for error_id in [*before, *(key for key in after if key not in before)]:
        if before.get(error_id) != after.get(error_id):
            word = "is new"
            if error_id in before and error_id in after:
                fields = (each.name for each in dataclasses.fields(before[error_id]))
                was, now = before[error_id], after[error_id]
                names = [name for name in fields if getattr(was, name) != getattr(now, name)]
                word = f"changed: {', '.join(names)}"
            side: Side = "new" if error_id in after else "old"
            if side == "old":
                word = "is gone"
            errors = (new if side == "new" else old).protocol_errors
            index = [error.id for error in errors].index(error_id)
            at = pointer_of(CATALOGUE_KEY, "protocol_errors", index)
            yield Change.of("protocol-error-changed", Use(error_id), side, at, f"It {word}.")


def _disagreements(old: Contract, new: Contract) -> Iterator[Change]:
    before = {entry.id: entry for entry in old.disagreements}
    for index, entry in enumerate(new.disagreements):
        at = pointer_of(CATALOGUE_KEY, "disagreements", index)
        was = before.get(entry.id)
        if was is None:
            message = f"It is new: {entry.topic}; decided: {entry.decision}"
            yield Change.of("disagreement-changed", Use(entry.id), "new", at, message)
        elif was.decision != entry.decision:
            message = f'The decision was "{was.decision}" and is "{entry.decision}".'
            yield Change.of("disagreement-changed", Use(entry.id), "new", at, message)
        elif was != entry:
            message = "Its topic, quotes or rules changed."
            yield Change.of("disagreement-changed", Use(entry.id), "new", at, message)
    after = {entry.id for entry in new.disagreements}
    for index, entry in enumerate(old.disagreements):
        if entry.id not in after:
            at = pointer_of(CATALOGUE_KEY, "disagreements", index)
            message = f"It is gone: {entry.topic}."
            yield Change.of("disagreement-changed", Use(entry.id), "old", at, message)


def _change(
    kind: str, contract: Contract, rule: Rule, part: str, message: str, *, side: Side = "new"
) -> Change:
    entry = contract.rule(rule.id).entry
    pointer = pointer_of(CATALOGUE_KEY, "rules", entry, *([part] if part else []))
    return Change.of(kind, Use(rule.id), side, pointer, message)
