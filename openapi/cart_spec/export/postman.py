"""Writes the plans as a Postman collection, format 2.1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.document import OpenApiDocument
from cart_spec.export.plans import plans_of
from cart_spec.export.steps import BASE_URL, GIVEN, RUN, Capture, Listed, Plan, Step

_FORM = "application/x-www-form-urlencoded"
_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NEW_RUN = f"pm.collectionVariables.set('{RUN}', Date.now().toString(36));"


def postman(document: OpenApiDocument) -> str:
    """Return a Postman collection: a folder for each plan, with tests on every request."""
    info = document.data["info"]
    collection = {
        "info": {
            "name": info["title"],
            "description": info.get("description", ""),
            "version": info["version"],
            "schema": _SCHEMA,
        },
        "variable": [{"key": key, "value": value} for key, value in GIVEN.items()],
        "item": [_folder(plan, document) for plan in plans_of(document)],
    }
    return json.dumps(collection, indent=2, ensure_ascii=False)


def _folder(plan: Plan, document: OpenApiDocument) -> dict[str, Any]:
    items = [_item(step, document) for step in plan.steps]
    for item in items[:1]:
        item["event"].append(_script("prerequest", [_NEW_RUN]))
    return {"name": plan.title, "description": plan.description, "item": items}


def _item(step: Step, document: OpenApiDocument) -> dict[str, Any]:
    return {
        "name": step.name,
        "event": [_script("test", list(_tests(step)))],
        "request": {
            "method": step.method,
            "description": "\n\n".join(each for each in (step.summary, step.description) if each),
            "auth": {"type": "noauth"},
            "header": list(_headers(step)),
            "url": _url(step),
            **({"body": _body(step)} if step.body is not None else {}),
        },
        "response": list(_saved(step, document)),
    }


def _script(listen: str, lines: list[str]) -> dict[str, Any]:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}


def _headers(step: Step) -> Iterator[dict[str, str]]:
    for name, value in step.headers.items():
        yield {"key": name, "value": value}
    if step.body is not None:
        yield {"key": "Content-Type", "value": step.media_type or "application/json"}


def _url(step: Step) -> dict[str, Any]:
    url: dict[str, Any] = {
        "raw": f"{{{{{BASE_URL}}}}}{step.url}",
        "host": [f"{{{{{BASE_URL}}}}}"],
        "path": step.url.strip("/").split("/"),
    }
    if step.optional:
        url["query"] = [
            {"key": name, "value": value, "disabled": True} for name, value in step.optional.items()
        ]
    return url


def _body(step: Step) -> dict[str, Any]:
    if step.media_type == _FORM:
        pairs = [{"key": key, "value": value} for key, value in step.body.items()]
        return {"mode": "urlencoded", "urlencoded": pairs}
    text = json.dumps(step.body, indent=2, ensure_ascii=False)
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}


def _tests(step: Step) -> Iterator[str]:
    yield f"pm.test('{step.name}: {' or '.join(map(str, step.statuses))}', () => {{"
    yield f"  pm.expect(pm.response.code).to.be.oneOf({json.dumps(step.statuses)});"
    yield "});"
    for check in step.checks:
        yield from _listed(step, check)
    for capture in step.captures:
        yield (
            f"pm.collectionVariables.set('{capture.variable}', "
            f"pm.response.json(){_member(capture)});"
        )


def _listed(step: Step, check: Listed) -> Iterator[str]:
    yield f"pm.test('{step.name}: {check.sentence}', () => {{"
    yield "  const ids = pm.response.json().data.map(each => each.id);"
    negation = "" if check.present else "not."
    yield f"  pm.expect(ids).to.{negation}include(pm.collectionVariables.get('{check.variable}'));"
    yield "});"


def _member(capture: Capture) -> str:
    return "".join(f"[{json.dumps(part)}]" for part in capture.path)


def _saved(step: Step, document: OpenApiDocument) -> Iterator[dict[str, Any]]:
    """Yield the examples of the operation's answers, which Postman shows next to the request."""
    operation = next(each for each in document.operations if each.id == step.operation_id)
    for status, written in operation.data.get("responses", {}).items():
        content = document.resolve(written).get("content") or {}
        for media_type, media in content.items() if status.isdigit() else ():
            for name, example in media.get("examples", {}).items():
                value: Mapping[str, Any] = document.resolve(example)
                yield {
                    "name": f"{status} {name}",
                    "originalRequest": {"method": step.method, "url": _url(step)},
                    "code": int(status),
                    "header": [{"key": "Content-Type", "value": media_type}],
                    "body": json.dumps(value.get("value"), indent=2, ensure_ascii=False),
                }
