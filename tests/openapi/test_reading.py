"""Whatever a file holds, reading it ends in a document or in one line, and fetches nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from cart_spec.cli import main
from cart_spec.contract import CONTRACT_PATH, load_contract
from cart_spec.document import load, parse
from cart_spec.source import MAX_BYTES, MAX_DEPTH, UnreadableDocumentError
from click.testing import CliRunner

HEAD = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths: {}\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
MERGE_BOMB = "a0: &a0 {k: x}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 9)
)


def referring(reference: str) -> str:
    return HEAD + f"components: {{schemas: {{A: {{$ref: '{reference}'}}}}}}\n"


BAD = {
    "nothing": ("", "is empty"),
    "prose": ("just a sentence", "its top level is not a mapping"),
    "a list": ("- 1\n- 2\n", "its top level is not a mapping"),
    "broken YAML": ("openapi: [3.0.3\n", "is not YAML or JSON: line 2"),
    "broken JSON": ('{"openapi": "3.0.3", ', "is not YAML or JSON"),
    "two documents": (HEAD + "---\n" + HEAD, "is not YAML or JSON"),
    "a Python object": (HEAD + "x: !!python/object/apply:os.system [ls]\n", "is not YAML or JSON"),
    "a date as a key's type": (HEAD + "x: !!timestamp 2020-01-01\n", "is not a type that JSON has"),
    "another mapping": ("a: 1\n", "it has no `openapi: 3.0.3`"),
    "Swagger": ("swagger: '2.0'\npaths: {}\n", "is Swagger 2.0; convert it"),
    "a version to come": ("openapi: 4.0.0\npaths: {}\n", "OpenAPI 3.0, 3.1 and 3.2 can be"),
    "a version that is a number": ("openapi: 3.0\npaths: {}\n", "OpenAPI 3.0, 3.1 and 3.2"),
    "paths that are a list": ("openapi: 3.0.3\npaths: []\n", "`paths` is not a mapping"),
    "components that are a list": (HEAD + "components: []\n", "`components` is not a mapping"),
    "a reference loop": (
        HEAD + "components: {schemas: {A: {$ref: '#/components/schemas/B'},"
        " B: {$ref: '#/components/schemas/A'}}}\n",
        "leads back to itself",
    ),
    "a reference to itself": (referring("#/components/schemas/A"), "leads back to itself"),
    "a dangling reference": (referring("#/components/schemas/B"), "leads nowhere"),
    "a reference to an absent file": (referring("other.yaml#/A"), "other.yaml: cannot be read"),
    "a reference up": (referring("../../etc/passwd"), "leaves the document's folder"),
    "an escaped reference up": (referring("%2e%2e/bad.yaml"), "leaves the document's folder"),
    "an absolute reference": (referring("/etc/passwd"), "leaves the document's folder"),
    "a remote reference": (referring("https://example.com/a.yaml"), "is remote, and nothing is"),
    "a reference to a host": (referring("//example.com/a.yaml"), "is remote, and nothing is"),
    "a reference to an anchor of a file": (referring("bad.yaml#here"), "names an anchor"),
    "an aliased loop": (HEAD + "x-loop: &loop [*loop]\n", "an alias contains itself"),
    "an alias bomb": (HEAD + BOMB, "once its aliases are written out"),
    "a merge bomb": (HEAD + MERGE_BOMB, "once its aliases are written out"),
    "deep nesting": (HEAD + "x: " + "[" * 100_000 + "]" * 100_000, f"deeper than {MAX_DEPTH}"),
    "deep JSON": ('{"openapi":' * 100_000, f"deeper than {MAX_DEPTH}"),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", [["check"], ["book"], ["diff"]], ids=lambda each: each[0])
def test_bad_input_gets_one_line_and_exit_status_2(
    name: str, command: list[str], tmp_path: Path
) -> None:
    text, told = BAD[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    files = [str(path)] * (2 if command == ["diff"] else 1)
    result = CliRunner().invoke(main, [*command, *files])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert told in result.stderr
    assert str(path) in result.stderr


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"\xff\xfe\x00", "is not UTF-8 text (byte 0)"),
        (b"#" * (MAX_BYTES + 1), "is larger than 10 MiB"),
    ],
    ids=["not text", "too large"],
)
def test_a_file_that_is_no_text_or_too_large_is_refused(
    raw: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(raw)
    with pytest.raises(UnreadableDocumentError) as caught:
        load(path)
    assert told in str(caught.value)


def test_a_file_of_200_mb_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    result = CliRunner().invoke(main, ["check", str(path)])
    assert (result.exit_code, "is larger than 10 MiB" in result.stderr) == (2, True)


@pytest.mark.parametrize("path", [Path("no-such-file.yaml"), Path()], ids=["absent", "a directory"])
def test_a_file_that_cannot_be_read_is_refused(path: Path) -> None:
    with pytest.raises(UnreadableDocumentError, match="cannot be read"):
        load(path)


def test_an_id_in_a_schema_does_not_make_the_validator_fetch(tmp_path: Path) -> None:
    path = tmp_path / "identified.yaml"
    path.write_text(
        "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\ncomponents: {schemas: {"
        "A: {$id: 'https://example.com/a', $schema: 'https://example.com/s',"
        " properties: {b: {$ref: '#/components/schemas/B'}}}, B: {type: string}}}\n"
    )
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 1


def test_a_schema_that_contains_itself_is_read() -> None:
    text = HEAD + "components: {schemas: {A: {items: {$ref: '#/components/schemas/A'}}}}\n"
    assert parse(text, "recursive").version == "3.0.3"


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/info", 2),
        ("/info/version", 3),
        ("/paths/~1carts~1{id}/get", 6),
        ("/paths/~1carts~1{id}/get/tags/1", 9),
        ("/paths/~1carts~1{id}/get/responses", 6),
        ("/nowhere", 1),
    ],
)
def test_a_pointer_has_the_line_of_its_key_or_of_what_is_around_it(pointer: str, line: int) -> None:
    text = """openapi: 3.0.3
info:
  version: '1'
paths:
  /carts/{id}:
    get:
      tags:
        - a
        - b
"""
    assert parse(text, "lines").line(pointer) == line


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2020-01-01", "2020-01-01"),
        ("200", 200),
        ("'yes'", "yes"),
        ("~", None),
        ("", None),
        ("NO", "NO"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("-1.5", -1.5),
        ("True", True),
    ],
)
def test_values_are_those_that_json_has(written: str, read_as: object) -> None:
    document = parse(HEAD + f"x-value: {written}\nx-keys: {{200: a, true: b}}\n", "values")
    assert document.data["x-value"] == read_as
    assert set(document.data["x-keys"]) == {"200", "true"}


def test_json_with_surrogate_pairs_is_read() -> None:
    text = '{"openapi": "3.1.0", "info": {"title": "\\ud83d\\ude00", "version": "1"}, "paths": {}}'
    assert parse(text, "emoji.json").data["info"]["title"] == "😀"


# ---- The shipped contract -----------------------------------------------------------------------


def test_load_contract_again_reads_the_file_only_if_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "contract.yaml"
    text = CONTRACT_PATH.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr("cart_spec.contract.CONTRACT_PATH", path)
    first = load_contract()
    assert load_contract() is first
    path.write_text(text.replace(f"version: {first.version}", "version: 99.9.9"), encoding="utf-8")
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))
    assert load_contract().version == "99.9.9"
