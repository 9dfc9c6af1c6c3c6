"""Writes a plan as an Arazzo document: a workflow that refers to the operations of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from cart_spec.document import OpenApiDocument
from cart_spec.export.steps import GIVEN, RUN, VARIABLE, Capture, Listed, Plan, Step, replaced
from cart_spec.export.two_devices import two_devices
from cart_spec.source import pointer_of

_SOURCE = "contract"
_INPUTS = {
    "clientID": {
        "type": "string",
        "description": "The key of the store.",
        "default": GIVEN["clientID"],
    },
    RUN: {
        "type": "string",
        "description": "A text that no run had before. The customer's email is made from it.",
        "pattern": "^[0-9A-Za-z-]+$",
    },
}


def arazzo(document: OpenApiDocument) -> str:
    """Return the two-device flows as an Arazzo document in YAML.

    It refers to the contract by the name of its file, as if both were in one folder.
    Raises UnsuitedDocumentError.
    """
    plans = two_devices(document)
    info = document.data["info"]
    written = {
        "arazzo": "1.0.1",
        "info": {
            "title": f"{info['title']}: {plans[0].title.lower()}",
            "version": info["version"],
            "description": plans[0].description,
        },
        "sourceDescriptions": [
            {
                "name": _SOURCE,
                "url": f"./{document.name.replace(chr(92), '/').rpartition('/')[2]}",
                "type": "openapi",
            }
        ],
        "workflows": [_Workflow(plan).written() for plan in plans],
    }
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100)


class _Workflow:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # Which step's output a variable is; the others are inputs of the workflow.
        self._captured = {
            capture.variable: step.name for step in plan.steps for capture in step.captures
        }

    def written(self) -> dict[str, Any]:
        return {
            "workflowId": self._plan.name,
            "summary": self._plan.title,
            "description": self._plan.description,
            "inputs": {"type": "object", "required": [RUN], "properties": _INPUTS},
            "steps": [self._step(step) for step in self._plan.steps],
            "outputs": {"cartID": self._expression("cartID")},
        }

    def _step(self, step: Step) -> dict[str, Any]:
        written: dict[str, Any] = {
            "stepId": step.name,
            "description": step.summary,
            "operationId": step.operation_id,
        }
        parameters = [
            {"name": name, "in": place, "value": self._text(value)}
            for place, values in (("path", step.path_parameters), ("header", step.headers))
            for name, value in values.items()
        ]
        if parameters:
            written["parameters"] = parameters
        if step.body is not None:
            written["requestBody"] = {
                "contentType": step.media_type,
                "payload": replaced(step.body, self._text),
            }
        written["successCriteria"] = list(self._criteria(step))
        if step.captures:
            written["outputs"] = {each.variable: _body(each) for each in step.captures}
        return written

    def _criteria(self, step: Step) -> Iterator[Mapping[str, str]]:
        yield {"condition": " || ".join(f"$statusCode == {each}" for each in step.statuses)}
        for check in step.checks:
            yield self._listed(check)

    def _listed(self, check: Listed) -> Mapping[str, str]:
        entry = f'@.id == "{{{self._expression(check.variable)}}}"'
        found = f"count($.data[?{entry}])"
        return {
            "context": "$response.body",
            "type": "jsonpath",
            "condition": f"$[?{found} == {1 if check.present else 0}]",
        }

    def _text(self, text: str) -> str:
        """Return a text with expressions in the place of its variables, in braces if embedded."""
        whole = VARIABLE.fullmatch(text)
        if whole:
            return self._expression(whole[1])
        return VARIABLE.sub(lambda found: f"{{{self._expression(found[1])}}}", text)

    def _expression(self, variable: str) -> str:
        step = self._captured.get(variable)
        return f"$steps.{step}.outputs.{variable}" if step else f"$inputs.{variable}"


def _body(capture: Capture) -> str:
    return f"$response.body#{pointer_of(*capture.path)}"
