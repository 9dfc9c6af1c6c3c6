"""Phrases that are not plain English are found, with their place and a better wording."""

from __future__ import annotations

import pytest

from scripts.plain_language import PHRASES, all_findings, files, findings

PYTHON = '''"""Whoever asks, in vain."""

# This is no nobody: beside the point.
NAME = "whoever"
TEXT = f"a text {NAME} that there is not"


def shown() -> str:
    """Return the carts.

    A token that holds.
    """
    return "what a client reads of somebody"
'''


def test_findings_in_python_are_in_comments_docstrings_and_texts() -> None:
    found = [(f.line, f.found.lower()) for f in findings("mockserver/cart_mock/made_up.py", PYTHON)]
    assert sorted(found) == [
        (1, "in vain"),
        (1, "whoever"),
        (3, "beside"),
        (3, "is no"),
        (3, "nobody"),
        (5, "that there is not"),
        (11, "that holds"),
        (13, "somebody"),
    ]


def test_findings_in_tests_leave_out_inputs() -> None:
    found = [finding.line for finding in findings("tests/made_up.py", PYTHON)]
    assert 13 not in found
    assert 11 in found


def test_findings_in_a_page_name_the_line_and_the_better_wording() -> None:
    (finding,) = findings("docs/made_up.md", "# Title\n\nUse it where it is set.\n")
    assert str(finding).startswith('docs/made_up.md:3: "where it": write: if; when')


@pytest.mark.parametrize(
    "text",
    [
        "It is no longer valid.",
        "The file is not a cart.",
        "There is no limit.",
        "The value is None.",
        "besides",
        "Where do I start?",
        "the case no cart of nobody",
    ],
)
def test_plain_text_has_no_finding(text: str) -> None:
    assert not list(findings("docs/made_up.md", text))


def test_every_phrase_has_a_better_wording() -> None:
    assert all(PHRASES.values())


def test_the_project_is_plain() -> None:
    found = all_findings(files())
    assert not found, "\n".join(map(str, found))
