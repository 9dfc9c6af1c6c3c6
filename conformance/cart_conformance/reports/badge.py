"""Writes the outcome of a run as a small SVG image, with ``anybadge``.

We use our own template, because the library's has no title and no text for screen readers.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Any

from anybadge import Badge  # type: ignore[import-untyped]  # it has no types

from cart_conformance.reports.text import one_line

LABEL = "cart associations"

# White text has a contrast of at least 4.5 to 1 on each of these colours.
COLOURS = {
    "conforms": "#1d6b41",
    "deviates": "#a1371f",
    "could-not-run": "#5a6473",
    "incomplete": "#8a5a00",
    "left-behind": "#8a5a00",
}


def message(report: dict[str, Any]) -> str:
    """Return the outcome in one to four words."""
    counts = report["counts"]
    match report["outcome"]:
        case "deviates":
            verb = "deviates" if counts["deviates"] == 1 else "deviate"
            return f"{counts['deviates']} of {len(report['rules'])} rules {verb}"
        case "incomplete":
            return "incomplete"
        case "could-not-run":
            return "could not run"
        case "left-behind":
            return "left things behind"
        case _:
            return "conforms"


def render(report: dict[str, Any]) -> bytes:
    """Return the badge as SVG in UTF-8. Its title names outcome, contract, target and day."""
    text = message(report)
    if report["outcome"] == "conforms":
        text += f" {report['contract_version']}"
    title = (
        f"{LABEL} {report['contract_version']}: {message(report)} ({one_line(report['target'])},"
        f" {report['started_at'][:10]})"
    )
    template = files("cart_conformance.reports").joinpath("templates/badge.svg").read_text("utf-8")
    badge = Badge(LABEL, text, default_color=COLOURS[report["outcome"]], template=template)
    # The title is filled in last, because it is the only text that a server can influence.
    svg: str = badge.badge_svg_text
    return svg.replace("{{ title }}", escape(title)).encode()
