"""Writes TypeScript types of the schemas, the operations and the rules of a document."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.contract import Contract
from cart_spec.document import OpenApiDocument, Operation

_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
_NAME = re.compile(r"[A-Za-z_$][\w$]*\Z")
_PLACES = ("path", "query", "header", "cookie")


def typescript(document: OpenApiDocument, contract: Contract | None) -> str:
    """Return a declaration file: a type for each schema, ``Operations``, and ``Rules``."""
    info = document.data["info"]
    parts = [f"// {info['title']}, version {info['version']}. Written by cart-spec export."]
    schemas = document.data.get("components", {}).get("schemas", {})
    parts += [_declaration(name, schema) for name, schema in schemas.items()]
    parts.append(
        _block("export interface Operations", map(_operation(document), document.operations))
    )
    parts.append(_HELPERS)
    if contract is not None:
        refusals = (
            f"{_key(rule.id)}: {{ status: {' | '.join(map(str, rule.statuses))}; "
            f"title: {json.dumps(rule.text)} }};"
            for rule in contract.rules
            if rule.is_refusal
        )
        about = "/** The answers of the rules that refuse requests, by the rule's id. */\n"
        parts.append(about + _block("export interface Rules", refusals))
        parts.append("export type RuleId = keyof Rules;")
    return "\n\n".join(parts)


_HELPERS = """\
export type OperationId = keyof Operations;
/** The body that a request of an operation carries. */
export type RequestBody<Id extends OperationId> = Operations[Id]["requestBody"];
/** The body of an operation's answer with this status; never, if there is no body. */
export type ResponseBody<
  Id extends OperationId,
  Status extends keyof Operations[Id]["responses"],
> = Operations[Id]["responses"][Status];"""


def _declaration(name: str, schema: Any) -> str:
    comment = _comment(schema)
    return f"{comment}export type {_type_name(name)} = {type_of(schema)};"


def type_of(schema: Any) -> str:
    """Return the TypeScript type of a schema of OpenAPI 3.0 or 3.1."""
    if not isinstance(schema, Mapping):
        return "unknown"
    if isinstance(schema.get("$ref"), str):
        return _type_name(schema["$ref"].rpartition("/")[2])
    written = schema.get("type")
    types = written if isinstance(written, list) else [written]
    shown = _union([_type_without_null(schema, each) for each in types if each != "null"])
    return _union([shown, "null"]) if "null" in types or schema.get("nullable") is True else shown


def _type_without_null(schema: Mapping[str, Any], kind: Any) -> str:
    if "enum" in schema:
        return _union([json.dumps(value) for value in schema["enum"] if value is not None])
    if "const" in schema:
        return json.dumps(schema["const"])
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            return _union([type_of(each) for each in schema[keyword]])
    if "allOf" in schema:
        return " & ".join(f"({type_of(each)})" for each in schema["allOf"])
    if kind == "array":
        return f"Array<{type_of(schema.get('items'))}>"
    if kind == "object" or "properties" in schema:
        return _object(schema)
    return _SCALARS.get(kind, "unknown")


def _object(schema: Mapping[str, Any]) -> str:
    properties: Mapping[str, Any] = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    if not properties:
        member = type_of(others) if isinstance(others, Mapping) else "unknown"
        return f"Record<string, {member}>"
    required = schema.get("required", ())
    return _block(
        "",
        (
            f"{_comment(each)}{_key(name)}{'' if name in required else '?'}: {type_of(each)};"
            for name, each in properties.items()
        ),
    )


def _operation(document: OpenApiDocument) -> Any:
    def written(operation: Operation) -> str:
        lines = [f"method: {json.dumps(operation.method.upper())};"]
        lines.append(f"path: {json.dumps(operation.path)};")
        lines.append(f"parameters: {_parameters(operation)};")
        request = document.resolve(operation.data.get("requestBody", {}))
        lines.append(f"requestBody: {_content(request)};")
        answers = (
            f"{_key(status)}: {_content(document.resolve(answer))};"
            for status, answer in operation.data.get("responses", {}).items()
        )
        lines.append(f"{_block('responses:', answers)};")
        comment = _comment({"description": operation.data.get("summary")})
        return f"{comment}{_block(_key(operation.id) + ':', lines)};"

    return written


def _parameters(operation: Operation) -> str:
    return _block("", _places(operation)) if operation.parameters else "{}"


def _places(operation: Operation) -> Iterator[str]:
    for place in _PLACES:
        found = [each for each, _ in operation.parameters if each["in"] == place]
        if not found:
            continue
        needed = any(each.get("required") for each in found)
        members = (
            f"{_comment(each)}{_key(each['name'])}{'' if each.get('required') else '?'}: "
            f"{type_of(each.get('schema'))};"
            for each in found
        )
        yield f"{_block(place + ('' if needed else '?') + ':', members)};"


def _content(body: Mapping[str, Any]) -> str:
    media = body.get("content") or {}
    return _union([type_of(each.get("schema")) for each in media.values()]) or "never"


def _union(types: list[str]) -> str:
    return " | ".join(dict.fromkeys(types))


def _block(head: str, lines: Any) -> str:
    inner = "".join(textwrap.indent(line, "  ") + "\n" for line in lines)
    return f"{head} {{\n{inner}}}".lstrip()


def _comment(described: Any) -> str:
    text = described.get("description") if isinstance(described, Mapping) else None
    if not text:
        return ""
    lines = str(text).replace("*/", "*\\/").strip().splitlines()
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */", ""])


def _key(name: str) -> str:
    return name if _NAME.match(name) or name.isdigit() else json.dumps(name)


def _type_name(name: str) -> str:
    """Return a schema's name as an identifier: dots and dashes are allowed in OpenAPI only."""
    cleaned = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{cleaned}" if cleaned[:1].isdigit() else cleaned
