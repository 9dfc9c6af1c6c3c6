"""Every export says the same as the contract, and the workflows in it run against the mock."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import yaml
from cart_mock.app import create_app
from cart_mock.testing import in_process
from cart_spec.cli import main
from cart_spec.contract import load_contract
from cart_spec.diff import compare
from cart_spec.document import OpenApiDocument, parse
from cart_spec.export.formats import FORMATS
from cart_spec.export.json_schema import bodies
from cart_spec.export.tour import tour
from cart_spec.export.typescript import type_of
from cart_spec.source import pointer_of
from cart_spec.validation import Schemas, openapi_errors
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.openapi.documents import contract_document

DOCUMENT = contract_document()
CONTRACT = load_contract()


def export(name: str, document: OpenApiDocument = DOCUMENT) -> str:
    text = FORMATS[name].write(document)
    assert isinstance(text, str)
    return text


def folder(name: str, document: OpenApiDocument = DOCUMENT) -> Mapping[str, str]:
    files = FORMATS[name].write(document)
    assert isinstance(files, Mapping)
    return files


# ---- The command ----


def test_export_offers_the_formats_that_exist() -> None:
    command = main.get_command(click.Context(main), "export")
    assert command is not None
    choice = command.params[0].type
    assert isinstance(choice, click.Choice)
    assert list(choice.choices) == list(FORMATS)
    assert all(f"  {name} " in (command.help or "") for name in FORMATS)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if not form.is_folder])
def test_export_writes_a_file(name: str, tmp_path: Path) -> None:
    output = tmp_path / "exported"
    result = CliRunner().invoke(main, ["export", name, "-o", str(output)])
    assert (result.exit_code, result.output) == (0, "")
    assert output.read_text(encoding="utf-8") == export(name).rstrip("\n") + "\n"


def test_export_writes_a_folder_and_keeps_other_files_in_it(tmp_path: Path) -> None:
    own = tmp_path / "environments" / "mine.bru"
    own.parent.mkdir()
    own.write_text("vars {\n}\n")
    result = CliRunner().invoke(main, ["export", "bruno", "-o", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "")
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {*folder("bruno"), "environments/mine.bru"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["bruno"], "name a folder"),
        (["postman", "missing.yaml"], "cannot be read"),
        (["html"], "is not one of"),
        (["bruno", "-o", __file__], "cannot be written"),
    ],
)
def test_export_refuses_what_it_cannot_do_in_one_line(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(main, ["export", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_arazzo_of_a_document_without_the_operations_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text("{openapi: 3.0.3, info: {title: Small, version: '1'}, paths: {}}")
    result = CliRunner().invoke(main, ["export", "arazzo", str(path)])
    assert result.exit_code == 2
    assert "has no operation createAccessToken" in result.stderr


@pytest.mark.parametrize("name", ["openapi-3.1", "json-schema", "typescript", "postman", "bruno"])
def test_export_of_any_document_succeeds(name: str) -> None:
    small = parse("{openapi: 3.0.3, info: {title: Small, version: '1'}, paths: {}}", "small.yaml")
    assert FORMATS[name].write(small)


# ---- OpenAPI 3.1 and JSON Schema ----


@pytest.fixture(scope="module")
def modern() -> OpenApiDocument:
    return parse(export("openapi-3.1"), "modern.yaml")


def test_openapi_31_is_valid_and_differs_in_nothing_but_its_version(
    modern: OpenApiDocument,
) -> None:
    assert modern.version.startswith("3.1.")
    assert list(openapi_errors(modern)) == []
    assert [str(change) for change in compare(DOCUMENT, modern).changes] == []
    assert modern.data["x-rule-catalogue"] == DOCUMENT.data["x-rule-catalogue"]


def test_openapi_31_of_the_export_is_the_export(modern: OpenApiDocument) -> None:
    assert parse(export("openapi-3.1", modern), "again.yaml").data == modern.data


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(export("json-schema"))
    return loaded


def broken(value: Any) -> Iterator[Any]:
    """Yield the value, and it with each part taken away, null, or of another type."""
    yield value
    for path in list(paths(value)):
        for change in (None, 0, ...):
            changed = copy.deepcopy({"root": value})
            inner: Any = changed
            *way, last = ("root", *path)
            for part in way:
                inner = inner[part]
            if change is not ...:
                inner[last] = change
            elif isinstance(inner, dict) and len(path) > 0:
                del inner[last]
            yield changed["root"]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def examples() -> Iterator[tuple[str, str, Any]]:
    """Yield each example of a body, as (name of the body, pointer to its schema, value)."""
    for operation in DOCUMENT.operations:
        body, at = DOCUMENT.resolved(
            operation.data.get("requestBody", {}), f"{operation.pointer}/requestBody"
        )
        owners = [(f"{operation.id}-request", body, at)]
        for status, written in operation.data["responses"].items():
            answer, at = DOCUMENT.resolved(written, f"{operation.pointer}/responses/{status}")
            owners.append((f"{operation.id}-{status}", answer, at))
        for name, owner, at in owners:
            for media_type, media in owner.get("content", {}).items():
                for example in media.get("examples", {}).values():
                    pointer = at + pointer_of("content", media_type, "schema")
                    yield name, pointer, DOCUMENT.resolve(example)["value"]


def test_json_schema_has_an_anchor_for_every_body(bundle: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(bundle)
    anchors = {each.get("$anchor") for each in bundle["$defs"].values()} - {None}
    assert anchors == {name for name, _ in bodies(DOCUMENT)}
    assert {"createACart-request", "createACart-201", "createACart-default"} <= anchors


def test_json_schema_judges_examples_and_damaged_ones_as_the_contract_does(
    bundle: dict[str, Any],
) -> None:
    schemas = Schemas(DOCUMENT)
    resource = DRAFT202012.create_resource(bundle)
    registry = Registry[Any]().with_resource("urn:bundle", resource).crawl()
    seen: set[str] = set()
    verdicts = {True: 0, False: 0}
    for name, pointer, example in examples():
        # One example of each schema is enough: damaging it takes most of the time.
        schema = DOCUMENT.resolved(DOCUMENT.at(pointer), pointer)[1]
        if schema in seen:
            continue
        seen.add(schema)
        validator = Draft202012Validator(
            {"$ref": f"urn:bundle#{name}"},
            registry=registry,
            format_checker=OAS31Validator.FORMAT_CHECKER,
        )
        for value in broken(example):
            valid = validator.is_valid(value)
            assert valid == (schemas.problem(value, pointer) is None), (name, value)
            verdicts[valid] += 1
    assert min(verdicts.values()) > 50


# ---- TypeScript ----


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "nullable": True}, "string | null"),
        ({"type": ["integer", "null"]}, "number | null"),
        ({"enum": ["a", 1, None], "nullable": True}, '"a" | 1 | null'),
        ({"const": "a"}, '"a"'),
        ({"type": "array", "items": {"oneOf": [{"type": "string"}, {"$ref": "#/x/A.B"}]}},
         "Array<string | A_B>"),
        ({"allOf": [{"$ref": "#/x/A"}, {"type": "object"}]}, "(A) & (Record<string, unknown>)"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        ({"properties": {"a b": {}}, "required": ["a b"]}, '{\n  "a b": unknown;\n}'),
        (True, "unknown"),
    ],
)  # fmt: skip
def test_type_of_a_schema(schema: Any, expected: str) -> None:
    assert type_of(schema) == expected


# ---- The collections ----


def test_collections_send_every_operation() -> None:
    wanted = set(CONTRACT.operations)
    assert {step.operation_id for step in tour(DOCUMENT).steps} == wanted
    folders = json.loads(export("postman"))["item"]
    names = {item["name"].partition(" ")[0] for item in folders[0]["item"]}
    assert names == wanted
    files = {Path(name).stem.partition(" ")[0] for name in folder("bruno") if "Every" in name}
    assert files - {"folder"} == wanted


def test_tour_needs_no_variable_that_no_step_before_has_captured() -> None:
    known = {"baseUrl", "clientID", "clientSecret", "run"}
    for step in tour(DOCUMENT).steps:
        used = set(
            re.findall(r"\{\{(\w+)\}\}", json.dumps([step.url, step.body, *step.headers.values()]))
        )
        assert used <= known, step.name
        known |= {capture.variable for capture in step.captures}


def test_tour_takes_in_a_new_operation_by_itself() -> None:
    data = copy.deepcopy(dict(DOCUMENT.data))
    data["paths"]["/v2/carts/{cartID}/notes"] = {
        "parameters": [{"$ref": "#/components/parameters/CartID"}],
        "post": {
            "operationId": "createANote",
            "responses": {
                "201": {
                    "description": "Created.",
                    "content": {
                        "application/json": {"examples": {"a": {"value": {"data": {"id": "n"}}}}}
                    },
                }
            },
        },
    }
    data["paths"]["/v2/carts/{cartID}/notes/{noteID}"] = {
        "parameters": [
            {"$ref": "#/components/parameters/CartID"},
            {"name": "noteID", "in": "path", "required": True, "schema": {}},
        ],
        "delete": {"operationId": "deleteANote", "responses": {"204": {"description": "Gone."}}},
    }
    steps = {step.name: step for step in tour(parse(json.dumps(data), "new.json")).steps}
    names = list(steps)
    assert names.index("createACart") < names.index("createANote") < names.index("deleteANote")
    assert names.index("deleteANote") < names.index("deleteACart")
    assert steps["deleteANote"].url == "/v2/carts/{{cartID}}/notes/{{noteID}}"


# ---- Arazzo ----


class Runner:
    """Runs a workflow against a client, as the Arazzo specification has it."""

    def __init__(self, client: httpx.Client, inputs: Mapping[str, str]) -> None:
        self._client = client
        self._inputs = inputs
        self._outputs: dict[str, dict[str, Any]] = {}

    def run(self, workflow: Mapping[str, Any]) -> None:
        for step in workflow["steps"]:
            answer = self._send(step)
            for criterion in step["successCriteria"]:
                assert self._met(criterion, answer), (step["stepId"], answer.text)
            self._outputs[step["stepId"]] = {
                name: self._from_body(expression, answer)
                for name, expression in step.get("outputs", {}).items()
            }

    def _send(self, step: Mapping[str, Any]) -> httpx.Response:
        method, path = CONTRACT.operations[step["operationId"]]
        headers = {}
        for parameter in step.get("parameters", ()):
            value = self._filled(parameter["value"])
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", value)
            else:
                headers[parameter["name"]] = value
        body = step.get("requestBody")
        if body is None:
            return self._client.request(method, path, headers=headers)
        payload = self._filled(body["payload"])
        form = "form" in body["contentType"]
        sent: dict[str, Any] = {"data" if form else "json": payload}
        return self._client.request(method, path, headers=headers, **sent)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if value.startswith("$"):
            return self._expression(value)
        return re.sub(r"\{(\$[\w.]+)\}", lambda found: self._expression(found[1]), value)

    def _expression(self, expression: str) -> Any:
        kind, _, rest = expression.partition(".")
        if kind == "$inputs":
            return self._inputs[rest]
        step, _, output = rest.split(".")
        return self._outputs[step][output]

    def _from_body(self, expression: str, answer: httpx.Response) -> Any:
        value = answer.json()
        for part in expression.removeprefix("$response.body#/").split("/"):
            value = value[int(part) if isinstance(value, list) else part]
        return value

    def _met(self, criterion: Mapping[str, str], answer: httpx.Response) -> bool:
        if "type" not in criterion:
            wanted = re.findall(r"\$statusCode == (\d+)", criterion["condition"])
            return str(answer.status_code) in wanted
        condition = self._filled(
            criterion["condition"].replace("$.", "ROOT.").replace("$[", "ROOT[")
        )
        ids = [each["id"] for each in answer.json()["data"]]
        found = re.search(r'@\.id == "([^"]+)"', condition)
        assert found
        return (found[1] in ids) == ("== 0" not in condition)


def test_arazzo_workflow_runs_against_the_mock() -> None:
    written = yaml.safe_load(export("arazzo"))
    assert len(written["workflows"]) == 2
    with in_process(create_app()) as client:
        for workflow in written["workflows"]:
            assert set(workflow["inputs"]["required"]) == {"run"}
            Runner(client, {"clientID": "a-store", "run": "1"}).run(workflow)


def test_arazzo_refers_to_operations_of_the_contract_and_to_earlier_steps() -> None:
    written = yaml.safe_load(export("arazzo"))
    for workflow in written["workflows"]:
        outputs: set[str] = set()
        names = [step["stepId"] for step in workflow["steps"]]
        assert len(set(names)) == len(names)
        for step in workflow["steps"]:
            assert step["operationId"] in CONTRACT.operations
            used = set(re.findall(r"\$steps\.(\w+\.outputs\.\w+)", json.dumps(step)))
            assert used <= outputs
            outputs |= {f"{step['stepId']}.outputs.{name}" for name in step.get("outputs", {})}
