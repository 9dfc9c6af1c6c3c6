"""Report phrases that are not plain English, with what to write instead.

Looks at documentation, comments, docstrings, texts in code that users read, and pages:

    python -m scripts.plain_language            # fails if it finds a phrase
    python -m scripts.plain_language --counts   # counts for each phrase and folder
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).parent.parent

PHRASES = {
    r"who(so)?ever": "name the actor: client, user, deployment",
    r"whom": "name the actor, or start a new sentence",
    r"nobody|no one": "name the actor: no client, no user",
    r"somebody": "name the actor: a client, another user",
    r"none such|no such thing": "does not exist; is unknown",
    r"in vain": "without success",
    r"beside": "next to; besides; compared with",
    r"(?<!there )(?:is|are|was|were) no"
    r"(?! longer| more than| less than| fewer than| later than)(?= \w)": "is not a",
    r"(?:is|are|was|were|be|has|have|had|comes?) (?-i:none)": "does not exist; has no ...",
    r"(?:that|which|those|what|who) there (?:is|are|was|were)(?: not)?": "existing; unknown",
    r"where (?:it|they|one|none|no|nothing|there|this|that|both|neither|an?) ": "if; when",
    r"tells?|told": "report; say; name",
    r"(?:does not|do not|did not|that|which) holds?": "is valid; contains",
    r"(?:is|are|was|were|be) shown": "returned; rendered; displayed",
    r"(?:is|can|could|may|be) (?:to be |be )?had(?! \w+ed)": "is available; can be obtained",
    r"there (?:is|are|was|were) no such": "does not exist",
    r"that (?:is|are) no(?! longer)": "is not a",
    r"letter case aside": "letter case does not count",
    r"made out": "parsed; recognised",
    r"comes? into being|came into being": "is created",
    r"comes? to (?!\d|the |an? |its )\w+|came to (?!the |an? )\w+": "use the verb itself",
    r"anew": "again",
    r"there(?:by|of|in|upon|with)|where(?:in|of|upon|by)|hence|lest|save for": "use a modern word",
    r"other than (?:it|they) (?:was|were)": "changed",
    r"(?:is|are) \w+ no more": "no longer",
    r"that which|those which": "what; the ones that",
    r"must needs|be it|in word alone|of no use": "say it directly",
    r"nothing else that is ours": "say what is required",
}
"""Patterns between word boundaries, in any case, and what to write instead."""

QUOTING = {"scripts/plain_language.py", "tests/test_plain_language.py"}
"""Files that name the phrases themselves."""

WHOLE_FILES = {".md", ".html", ".js", ".mjs", ".mts", ".ts", ".css", ".toml", ".yaml", ".yml", ""}
"""Suffixes of files of which every line is text for people, or close to it."""

DERIVED = {"docs/endpoints.md", "docs/options.md", "docs/rules.md"}
"""Pages made from help texts and documents, which are checked where they stand."""

DERIVED_PART = "<!-- written by scripts/regenerate.py -->"
"""Where the derived part of a page begins. It is the last one of its page."""

CONTRACT = "openapi/cart-associations.yaml"
QUOTED = re.compile(r"\s*(?:- )?(?:sentence|text|detail|title|page|'?summary'?): ")
"""Lines of the contract that quote texts of the API and its pages, which stay as they are."""

PERMANENT = (
    "another, client credentials beside",
    "client credentials beside the customer token",
    "a customer, client credentials beside",
    "in the list beside client credentials",
    "a customer whom the cart has too",
    "nobody else's",
    "by somebody without a cart",
    "by somebody who shares another cart",
    "a name that is no string",
    "bytes that are no UTF-8",
    "no cart of nobody",
    "credentials-wrong:tells-apart",
)
"""Names of directed cases and breaks. Reports and test suites refer to them, so they stay."""

_PATTERNS = {
    phrase: re.compile(
        rf"\b(?:{phrase})\b" if phrase[-1] != " " else rf"\b(?:{phrase})", re.IGNORECASE
    )
    for phrase in PHRASES
}

_PERMANENT = re.compile("|".join(map(re.escape, PERMANENT)))


class Finding(NamedTuple):
    """A phrase in a line of a file."""

    file: str
    line: int
    phrase: str
    found: str

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: "{self.found}": write: {PHRASES[self.phrase]}'


def texts_of_python(source: str, *, strings: bool) -> Iterator[tuple[int, str]]:
    """Return line numbers and texts of comments and docstrings, and of other strings if asked."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        # A string without a space is a name.
        if id(node) in docstrings or (strings and " " in node.value):
            for offset, line in enumerate(node.value.split("\n")):
                yield node.lineno + offset, line


def findings(file: str, source: str) -> Iterator[Finding]:
    """Find the phrases in the texts of one file."""
    suffix = Path(file).suffix
    if suffix == ".py":
        # Strings of tests are inputs; those of the rooms are what a user reads.
        is_test = file.startswith("tests/")
        texts: Iterable[tuple[int, str]] = texts_of_python(source, strings=not is_test)
    elif suffix in WHOLE_FILES and Path(file).name != "LICENSE":
        texts = enumerate(source.partition(DERIVED_PART)[0].splitlines(), 1)
        if file == CONTRACT:
            texts = [(line, text) for line, text in texts if not QUOTED.match(text)]
    else:
        return
    for line, text in texts:
        reworded = _PERMANENT.sub("", text)
        for phrase, pattern in _PATTERNS.items():
            for match in pattern.finditer(reworded):
                yield Finding(file, line, phrase, match.group().strip())


def files() -> list[str]:
    """Return the files of the project that have texts, as git lists them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is found on the PATH, as everywhere
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [name for name in listed if name not in QUOTING | DERIVED and (ROOT / name).is_file()]


def all_findings(names: Iterable[str]) -> list[Finding]:
    """Find the phrases in files of the project."""
    found: list[Finding] = []
    for name in names:
        try:
            source = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image
        found += sorted(findings(name, source))
    return found


def counts(found: Iterable[Finding]) -> Iterator[str]:
    """Return the lines of two tables: findings for each phrase, and for each folder."""
    found = list(found)
    for title, counter in (
        ("phrase", Counter(finding.phrase for finding in found)),
        ("folder", Counter(finding.file.partition("/")[0] for finding in found)),
    ):
        yield title
        for name, count in counter.most_common():
            yield f"{count:6}  {name}"
    yield f"{len(found):6}  in all"


@click.command()
@click.option("--counts", "only_counts", is_flag=True, help="Only count, and do not fail.")
def main(only_counts: bool) -> None:
    """Report phrases that are not plain English, with file and line."""
    found = all_findings(files())
    if only_counts:
        click.echo("\n".join(counts(found)))
        return
    for finding in found:
        click.echo(finding)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
