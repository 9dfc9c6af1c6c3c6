"""Sends the steps of a plan, as the exported collections do, and keeps the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
from cart_spec.export.steps import Plan, Step, replaced


def send_plan(
    client: httpx.Client, plan: Plan, variables: dict[str, str]
) -> Iterator[tuple[Step, httpx.Response]]:
    """Yield each step with its answer; what a step captures goes into ``variables``."""
    for step in plan.steps:
        answer = client.request(
            step.method,
            _filled(step.url, variables),
            headers={name: _filled(value, variables) for name, value in step.headers.items()},
            **_body(step, variables),
        )
        for capture in step.captures if answer.is_success else ():
            value = answer.json()
            for part in capture.path:
                value = value[part]
            variables[capture.variable] = value
        yield step, answer


def _filled(text: str, variables: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: variables[found[1]], text)


def _body(step: Step, variables: dict[str, str]) -> dict[str, Any]:
    if step.body is None:
        return {}
    kind = "data" if "form" in str(step.media_type) else "json"
    return {kind: replaced(step.body, lambda text: _filled(text, variables))}
