"""Turns a comparison into findings: breaking is an error, look a warning, safe a note."""

from __future__ import annotations

from cart_spec.diff.changes import IMPACTS, KINDS, Change, Impact
from cart_spec.diff.compare import Comparison
from cart_spec.diff.versions import impact_of, version_sentence
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
        comparison.changes, key=lambda change: IMPACTS.index(impact_of(change, audience))
    )
    findings = [_finding(change, old, new, audience) for change in changes]
    titles = {kind: KINDS[kind].title for kind in KINDS}
    return Review("cart-spec diff", findings, titles, _summary(comparison, old, new, audience))


def _finding(change: Change, old: OpenApiDocument, new: OpenApiDocument, audience: str) -> Finding:
    place = (old if change.side == "old" else new).place(change.pointer)
    facts: dict[str, str] = {"clients": change.clients, "servers": change.servers}
    if change.side == "old" and old.is_revision:
        # An annotation needs a file, so it stands where the new document is nearest.
        facts["old"] = f"{place.name}:{place.line}"
        place = place._replace(name=new.name, line=new.line(change.pointer))
    return Finding(
        id=change.kind,
        severity=_SEVERITIES[impact_of(change, audience)],
        document=place.name,
        pointer=place.pointer,
        line=place.line,
        message=f"{_names(change.about)}: {change.message}",
        advice=change.advice,
        facts=facts,
        uses=tuple(map(str, change.uses)) if len(change.uses) > 1 else (),
        also=change.kinds[1:],
    )


def _names(about: tuple[str, ...]) -> str:
    return ", ".join(about) if len(about) <= 3 else f"{about[0]} and {len(about) - 1} more"


def _summary(
    comparison: Comparison, old: OpenApiDocument, new: OpenApiDocument, audience: str
) -> str:
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
    else:
        parts.append(version_sentence(comparison.changes, old, new, audience))
    return " ".join(parts)
