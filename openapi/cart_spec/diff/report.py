"""Turns a comparison into findings: breaking is an error, look a warning, safe a note."""

from __future__ import annotations

from cart_spec.diff.changes import IMPACTS, KINDS, Change, Impact, worst
from cart_spec.diff.compare import Comparison
from cart_spec.document import OpenApiDocument
from cart_spec.findings import Finding, Review, Severity

_SEVERITIES: dict[Impact, Severity] = {"breaking": "error", "look": "warning", "safe": "note"}


def review_of(
    comparison: Comparison, old: OpenApiDocument, new: OpenApiDocument, *, audience: str
) -> Review:
    """Return the findings of a comparison, the worst for ``audience`` first.

    ``audience`` is ``clients``, ``servers`` or ``both``, which takes the worse of the two.
    """
    changes = sorted(
        comparison.changes, key=lambda change: IMPACTS.index(_impact(change, audience))
    )
    findings = [
        _finding(change, old if change.side == "old" else new, audience) for change in changes
    ]
    titles = {kind: KINDS[kind].title for kind in KINDS}
    return Review("cart-spec diff", findings, titles, _summary(comparison, old, new))


def _impact(change: Change, audience: str) -> Impact:
    impacts = {"clients": (change.clients,), "servers": (change.servers,)}.get(
        audience, (change.clients, change.servers)
    )
    return worst(impacts)


def _finding(change: Change, document: OpenApiDocument, audience: str) -> Finding:
    place = document.place(change.pointer)
    return Finding(
        id=change.kind,
        severity=_SEVERITIES[_impact(change, audience)],
        document=place.name,
        pointer=place.pointer,
        line=place.line,
        message=f"{_names(change.about)}: {change.message}",
        advice=change.advice,
        facts={"clients": change.clients, "servers": change.servers},
        uses=tuple(map(str, change.uses)) if len(change.uses) > 1 else (),
    )


def _names(about: tuple[str, ...]) -> str:
    return ", ".join(about) if len(about) <= 3 else f"{about[0]} and {len(about) - 1} more"


def _summary(comparison: Comparison, old: OpenApiDocument, new: OpenApiDocument) -> str:
    counts = ", ".join(
        f"for {audience} "
        + " ".join(
            f"{sum(getattr(change, audience) == impact for change in comparison.changes)} {impact}"
            for impact in IMPACTS
        )
        for audience in ("clients", "servers")
    )
    compared = f"{old.name} -> {new.name}: {comparison.compared} operations compared"
    parts = [f"{compared}, {len(comparison.changes)} changes: {counts}."]
    if comparison.foreign:
        parts.append("One document has no rule catalogue, so rules were not compared.")
        for names, where in ((comparison.only_old, old), (comparison.only_new, new)):
            if names:
                parts.append(f"{len(names)} operations are only in {where.name}.")
    return " ".join(parts)
