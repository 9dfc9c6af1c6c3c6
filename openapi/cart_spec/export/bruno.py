"""Writes the plans as a Bruno collection: a folder of text files."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from cart_spec.document import OpenApiDocument
from cart_spec.export.plans import plans_of
from cart_spec.export.steps import BASE_URL, GIVEN, RUN, Capture, Plan, Step

_FORM = "application/x-www-form-urlencoded"
_NEW_RUN = f'bru.setVar("{RUN}", Date.now().toString(36));'


def bruno(document: OpenApiDocument) -> Mapping[str, str]:
    """Return the files of a Bruno collection by path: a folder for each plan, with assertions."""
    info = document.data["info"]
    root = {"version": "1", "name": info["title"], "type": "collection"}
    files = {
        "bruno.json": json.dumps(root, indent=2, ensure_ascii=False) + "\n",
        "collection.bru": _block("docs", info.get("description", "").splitlines()),
        "environments/mock.bru": _block("vars", _pairs(GIVEN)),
    }
    for place, plan in enumerate(plans_of(document), 1):
        files[f"{plan.title}/folder.bru"] = _folder(plan, place)
        for at, step in enumerate(plan.steps):
            files[f"{plan.title}/{step.name}.bru"] = _request(step, at)
    return files


def _folder(plan: Plan, place: int) -> str:
    about = {"name": plan.title, "seq": str(place)}
    return _block("meta", _pairs(about)) + _block("docs", [plan.description])


def _request(step: Step, at: int) -> str:
    form = step.media_type == _FORM
    kind = "none" if step.body is None else "formUrlEncoded" if form else "json"
    blocks = [
        _block("meta", _pairs({"name": step.name, "type": "http", "seq": str(at + 1)})),
        _block(
            step.method.lower(),
            _pairs({"url": f"{{{{{BASE_URL}}}}}{step.url}", "body": kind, "auth": "none"}),
        ),
    ]
    if step.optional:
        blocks.append(
            _block("params:query", _pairs({f"~{k}": v for k, v in step.optional.items()}))
        )
    if step.headers:
        blocks.append(_block("headers", _pairs(step.headers)))
    if form and step.body:
        blocks.append(_block("body:form-urlencoded", _pairs(step.body)))
    elif step.body is not None:
        text = json.dumps(step.body, indent=2, ensure_ascii=False)
        blocks.append(_block("body:json", text.splitlines()))
    if at == 0:
        blocks.append(_block("script:pre-request", [_NEW_RUN]))
    if step.captures:
        blocks.append(
            _block("vars:post-response", _pairs({c.variable: _member(c) for c in step.captures}))
        )
    blocks.append(_block("tests", _tests(step)))
    texts = [*step.summary.splitlines(), *step.description.splitlines()]
    if texts:
        blocks.append(_block("docs", texts))
    return "\n".join(blocks)


def _tests(step: Step) -> Iterator[str]:
    yield f'test("{" or ".join(map(str, step.statuses))}", function() {{'
    yield f"  expect(res.getStatus()).to.be.oneOf({json.dumps(step.statuses)});"
    yield "});"
    for check in step.checks:
        yield f'test("{check.sentence}", function() {{'
        yield "  const ids = res.getBody().data.map(each => each.id);"
        negation = "" if check.present else "not."
        yield f'  expect(ids).to.{negation}include(bru.getVar("{check.variable}"));'
        yield "});"


def _member(capture: Capture) -> str:
    return "res.body" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in capture.path
    )


def _pairs(values: Mapping[str, str]) -> Iterator[str]:
    return (f"{key}: {value}" for key, value in values.items())


def _block(name: str, lines: Iterable[str]) -> str:
    return f"{name} {{\n{textwrap.indent(chr(10).join(lines), '  ')}\n}}\n"
