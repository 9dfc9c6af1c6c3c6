"""Documents are read from git revisions and from several files; changes ask for a version."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cart_spec.cli import main
from cart_spec.diff import compare
from cart_spec.diff.versions import Bump, bump_of, is_enough, raised
from cart_spec.document import load
from cart_spec.source import UnreadableDocumentError
from click.testing import CliRunner, Result

from tests.openapi.small import small, written


def in_files(**name: Any) -> dict[str, Any]:
    """The small document in three files, the last of which refers back to the first."""
    data = small(**name)
    thing = data["components"]["schemas"].pop("Thing")
    thing["properties"]["name"] = {"$ref": "../api.yaml#/components/schemas/Name"}
    data["components"]["schemas"]["Name"] = small(**name)["components"]["schemas"]["Thing"][
        "properties"
    ]["name"]
    item = data["paths"]["/things"]
    text = json.dumps(item).replace("#/components/schemas/Thing", "thing.yaml#/Thing")
    data["paths"]["/things"] = {"$ref": "parts/things.yaml#/item"}
    return {
        "api.yaml": data,
        "parts/things.yaml": {"item": json.loads(text)},
        "parts/thing.yaml": {"Thing": thing},
    }


def written_all(folder: Path, files: dict[str, Any]) -> Path:
    for name, data in files.items():
        written(folder / name, data)
    return folder / "api.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit of a document in three files, and a working tree after it."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    written_all(tmp_path / "spec", in_files())
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True, env={**os.environ, "HOME": str(tmp_path)})
    written_all(tmp_path / "spec", in_files(maxLength=5))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def test_load_document_in_files_is_the_document_in_one(tmp_path: Path) -> None:
    one = load(written(tmp_path / "one.yaml", small()))
    several = load(written_all(tmp_path / "several", in_files()))
    changes = compare(one, several).changes
    assert changes == ()


def test_load_document_in_files_places_a_finding_in_its_file(tmp_path: Path) -> None:
    files = in_files()
    files["parts/thing.yaml"]["Thing"]["properties"]["age"] = {"type": "integer", "default": "x"}
    path = written_all(tmp_path, files)
    result = run("check", str(path))
    line = (tmp_path / "parts/thing.yaml").read_text().splitlines().index("      default: x") + 1
    assert f"{tmp_path}/parts/thing.yaml:{line}  error  schema-value-invalid" in result.stdout
    assert "at /Thing/properties/age/default" in result.stdout


def test_load_reference_in_a_file_that_leads_nowhere_is_placed_there(tmp_path: Path) -> None:
    files = in_files()
    files["parts/thing.yaml"]["Thing"]["properties"]["age"] = {"$ref": "things.yaml#/absent"}
    result = run("check", str(written_all(tmp_path, files)))
    assert result.exit_code == 2
    assert f"{tmp_path}/parts/thing.yaml: line" in result.stderr
    assert "parts/things.yaml#/absent leads nowhere" in result.stderr


def test_load_symbolic_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret.yaml", {"Thing": {"type": "string"}})
    path = written_all(tmp_path / "spec", in_files())
    (tmp_path / "spec/parts/thing.yaml").unlink()
    (tmp_path / "spec/parts/thing.yaml").symlink_to(secret)
    with pytest.raises(UnreadableDocumentError, match="symbolic link leads out"):
        load(path)


def test_diff_revision_with_the_working_tree_reports_the_change(repository: Path) -> None:
    result = run("diff", "HEAD:spec/api.yaml", "spec/api.yaml")
    assert result.exit_code == 1, result.stderr
    assert "maxLength was 10 and is 5" in result.stdout
    assert run("diff", "HEAD:spec/api.yaml", "HEAD:./spec/api.yaml").exit_code == 0


def test_diff_what_is_gone_from_a_revision_is_annotated_in_the_new_file(repository: Path) -> None:
    files = in_files()
    del files["parts/things.yaml"]["item"]["get"]
    written_all(repository / "spec", files)
    result = run("diff", "HEAD:spec/api.yaml", "spec/api.yaml", "--format", "github")
    assert "::error file=spec/api.yaml,line=" in result.stdout
    assert "[old: HEAD:spec/parts/things.yaml:" in result.stdout


@pytest.mark.parametrize(
    ("written_as", "told"),
    [
        ("nowhere:spec/api.yaml", "git cannot read it"),
        ("HEAD:spec/absent.yaml", "git cannot read it"),
        ("--output=x:spec/api.yaml", "is not a revision and a file"),
        ("HEAD:spec", "git cannot read it"),
    ],
)
def test_diff_bad_revision_is_refused_in_one_line(
    written_as: str, told: str, repository: Path
) -> None:
    result = run("diff", "--", written_as, "spec/api.yaml")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert told in result.stderr
    assert not (repository / "x").exists()


CHANGES: list[tuple[dict[str, Any], Bump]] = [
    ({}, "none"),
    ({"title": "Other"}, "patch"),
    ({"maxLength": 20}, "major"),  # an answer may be longer
    ({"maxLength": 5}, "major"),
    ({"default": "x"}, "minor"),
]


@pytest.mark.parametrize(("name", "bump"), CHANGES)
def test_bump_of_changes_follows_what_breaks_clients(
    name: dict[str, Any], bump: Bump, tmp_path: Path
) -> None:
    old = load(written(tmp_path / "old.yaml", small()))
    new = load(written(tmp_path / "new.yaml", small(**name)))
    assert bump_of(compare(old, new).changes, "clients") == bump


@pytest.mark.parametrize(
    ("version", "bump", "expected"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "none", "1.2.3"),
        ("0.4.1", "major", "0.5.0"),
        ("0.4.1", "minor", "0.4.2"),
        ("v1.2", "minor", "1.3.0"),
        ("2026-08", "major", None),
    ],
)
def test_raised_version_follows_semantic_versioning(
    version: str, bump: Bump, expected: str | None
) -> None:
    assert raised(version, bump) == expected


def test_is_enough_compares_numbers() -> None:
    assert is_enough("1.10.0", "1.9.0")
    assert is_enough("2.0", "2.0.0")
    assert not is_enough("1.2.3", "1.2.4")
    assert not is_enough("next", "1.0.0")


def test_changelog_has_the_version_and_the_changes_by_their_sort(tmp_path: Path) -> None:
    old = written(tmp_path / "old.yaml", small())
    new = written(tmp_path / "new.yaml", small(maxLength=5, title="Other", default="x"))
    result = run("changelog", str(old), str(new), "--check-version")
    assert result.exit_code == 1
    headings = [line for line in result.stdout.splitlines() if line.startswith("#")]
    assert headings == ["## 2.0.0", "### Breaking", "### Changed", "### Wording"]
    assert "- `getThings`, `createThing`: The 200 answer[].name: maxLength was 10" in result.stdout
    assert "so raise it to 2.0.0" in result.stderr
    data = small(maxLength=5)
    data["info"]["version"] = "2.0.0"
    assert run("changelog", str(old), str(written(new, data)), "--check-version").exit_code == 0
