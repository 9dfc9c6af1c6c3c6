"""Finds the line of a value in a JSON text, for messages about files."""

from __future__ import annotations

import re

import yaml

LARGEST = 1_000_000
"""How many characters a text may have: a larger one would take seconds."""
_STEP = re.compile(r"[^.\[\]]+")


def line_of(text: str, path: str) -> int | None:
    """Return the line of the value at a path such as ``carts[0].name``, or None.

    If the path leads nowhere, it is the line of the nearest value around it.
    """
    if len(text) > LARGEST:
        return None
    try:
        # JSON is YAML, whose parser keeps positions. A tab is only between the values of JSON.
        node = yaml.compose(text.replace("\t", " "), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, AttributeError, RecursionError):
        return None
    for step in _STEP.findall(path):
        inner = _child(node, step)
        if inner is None:
            break
        node = inner
    return None if node is None else int(node.start_mark.line) + 1


def _child(node: yaml.Node | None, step: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        found: yaml.Node = node.value[int(step)]
        return found
    return None
