"""The examples of refusals in the contract document: what the mock answers to the probe table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from cart_spec.contract import CONTRACT_PATH

from tests.probes import CONTRACT, TABLE

PATH = CONTRACT_PATH
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXAMPLES = re.compile(r"^  examples:\n((?:    .*\n|\n)*)", re.MULTILINE)


def answers(exchanges: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded answer to each refusal of the probe table, by the name of its example."""
    return {
        str(CONTRACT.rule(rule_id).example): exchanges[rule_id][-1]["answer"]["body"]
        for rule_id in TABLE
    }


def with_examples(document: str, bodies: Mapping[str, Any]) -> str:
    """Return the document with these bodies as the values of its examples.

    The rest of the document stays as it is, comments included. Raises ValueError if the document
    has no example of that name.
    """
    found = _EXAMPLES.search(document)
    if found is None:
        raise ValueError(f"{PATH}: has no components/examples")
    examples = found[1]
    for name, body in bodies.items():
        block = re.compile(
            rf"(^    {re.escape(name)}:\n      summary: .*\n)      value:\n(?:       .*\n)*",
            re.MULTILINE,
        )
        value = "\n".join(_value(body))
        examples, count = block.subn(lambda m, v=value: f"{m[1]}{v}\n", examples)
        if count != 1:
            raise ValueError(f"{PATH}: has no example {name!r} under components/examples")
    return document[: found.start(1)] + examples + document[found.end(1) :]


def _value(body: Mapping[str, Any]) -> Iterator[str]:
    yield from ("      value:", "        errors:")
    for error in body["errors"]:
        for number, (key, value) in enumerate(error.items()):
            yield f"          {'- ' if number == 0 else '  '}{key}: {_scalar(value)}"


def _scalar(value: object) -> str:
    """Return a value as YAML, quoted if it has to be."""
    if not isinstance(value, str):
        return json.dumps(value)
    if re.fullmatch(r"[A-Za-z][^:#'\"]*", value):
        return value
    return "'" + value.replace("'", "''") + "'"


def with_references(document: str) -> str:
    """Return the document with the example of each refusal in the answers that may have it.

    Raises ValueError for an operation that documents no answer with the status of a refusal.
    """
    root = yaml.compose(document, Loader=_Loader)
    lines = document.splitlines(keepends=True)
    missing: dict[int, list[str]] = {}
    for rule in CONTRACT.rules:
        if rule.is_refusal:
            for operation in rule.operations:
                examples = _examples_of(root, operation, str(rule.status))
                names = [key.value for key, _ in examples.value]
                line = examples.end_mark.line
                if rule.example not in names and rule.example not in missing.get(line, ()):
                    indent = " " * examples.start_mark.column
                    reference = f"{{$ref: '#/components/examples/{rule.example}'}}"
                    lines[line - 1] += f"{indent}{rule.example}: {reference}\n"
                    missing.setdefault(line, []).append(str(rule.example))
    return "".join(lines)


def _examples_of(root: Any, operation: str, status: str) -> Any:
    """Return the YAML node of the examples of an answer."""
    method, path = CONTRACT.operations[operation]
    responses = _at(root, "paths", path, method.lower(), "responses")
    response = _at(responses, status)
    if response is None:
        raise ValueError(f"{operation} documents no answer with {status}: add one to the contract")
    reference = _at(response, "$ref")
    if reference is not None:
        response = _at(root, *reference.value.removeprefix("#/").split("/"))
    examples = _at(response, "content", "application/json", "examples")
    if examples is None:
        raise ValueError(f"the {status} answer of {operation} has no examples")
    return examples


def _at(node: Any, *keys: str) -> Any:
    """Return the node below these keys, or None."""
    for key in keys:
        node = next((value for name, value in node.value if name.value == key), None)
        if node is None:
            return None
    return node
