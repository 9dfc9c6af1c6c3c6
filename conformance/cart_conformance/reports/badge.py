"""Writes the outcome of a run as a small SVG picture."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from cart_conformance.reports.text import one_line

LABEL = "cart associations"

# White text stands on each of these with a contrast of 4.5 to 1 or better.
COLOURS = {
    "conforms": "#1d6b41",
    "deviates": "#a1371f",
    "could-not-run": "#5a6473",
    "incomplete": "#8a5a00",
}

# The mean width of a letter in 11 px Verdana, the font that badges are set in. textLength holds the
# text to the width so found, whichever font there is.
_LETTER = 6.6
_PADDING = 7


def message(report: dict[str, Any]) -> str:
    """The outcome in a word or four."""
    counts = report["counts"]
    match report["outcome"]:
        case "deviates":
            verb = "deviates" if counts["deviates"] == 1 else "deviate"
            return f"{counts['deviates']} of {len(report['rules'])} rules {verb}"
        case "incomplete":
            return "incomplete"
        case "could-not-run":
            return "could not run"
        case _:
            return "conforms"


def render(report: dict[str, Any]) -> bytes:
    """The badge as SVG in UTF-8. Its title names outcome, target and day."""
    text = message(report)
    left, right = _width(LABEL), _width(text)
    width = left + right
    title = f"{LABEL}: {text}"
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{width}",
            "height": "20",
            "viewBox": f"0 0 {width} 20",
            "role": "img",
            "aria-label": title,
        },
    )
    described = f"{title} ({one_line(report['target'])}, {report['started_at'][:10]})"
    SubElement(svg, "title").text = described
    clip = SubElement(svg, "clipPath", id="round")
    SubElement(clip, "rect", width=f"{width}", height="20", rx="3")
    ground = SubElement(svg, "g", {"clip-path": "url(#round)"})
    SubElement(ground, "rect", width=f"{left}", height="20", fill="#3d4653")
    SubElement(
        ground, "rect", x=f"{left}", width=f"{right}", height="20", fill=COLOURS[report["outcome"]]
    )
    letters = SubElement(
        svg,
        "g",
        {
            "fill": "#fff",
            "font-family": "Verdana, DejaVu Sans, sans-serif",
            "font-size": "11",
            "text-anchor": "middle",
        },
    )
    for x, part, room in ((left / 2, LABEL, left), (left + right / 2, text, right)):
        place = {"x": f"{x:g}", "y": "14", "textLength": f"{room - 2 * _PADDING}"}
        SubElement(letters, "text", place | {"lengthAdjust": "spacingAndGlyphs"}).text = part
    xml: bytes = tostring(svg, encoding="utf-8", xml_declaration=True)
    return xml


def _width(text: str) -> int:
    return round(len(text) * _LETTER) + 2 * _PADDING
