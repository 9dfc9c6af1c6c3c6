"""What the README and the site show: their blocks, and the commands in their text."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md")))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
PROGRAM = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:bru|cart-\w+|cd|curl|docker|kubectl|newman|npm|npx|pip|pipx|pytest"
    r"|python3?|redis-server|schemathesis|scripts/[\w-]+|uvx)(?= )|scripts/[\w-]+$"
)
"""How a line begins that is to be typed."""


class Block(NamedTuple):
    """A block of a page; one without a fence has no language."""

    page: str
    section: str
    language: str
    text: str

    @property
    def has_commands(self) -> bool:
        """Whether a line of it is to be typed."""
        return any(PROGRAM.match(line.strip()) for line in self.text.splitlines())


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in their order within each section."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for part in re.split(r"^##? ", text, flags=re.MULTILINE)[1:]:
        section = part.partition("\n")[0]
        found += [Block(page, section, *each) for each in FENCE.findall(part)]
        rest = FENCE.sub("", part)
        found += [Block(page, section, "", each) for each in INDENTED.findall(rest)]
    return found


def spans(page: str) -> Iterator[str]:
    """Yield what a page shows as code in its text and in its tables."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for span in SPAN.findall(FENCE.sub("", text)):
        yield " ".join(span.replace("\\|", "|").split())


def typed(page: str) -> Iterator[str]:
    """Yield each line of a page that is to be typed, from its blocks and its text."""
    for block in blocks(page):
        for line in block.text.replace("\\\n", " ").splitlines():
            if PROGRAM.match(line.strip()):
                yield line.strip()
    for span in spans(page):
        if PROGRAM.match(span):
            yield span


def copy_checkout(folder: Path) -> Path:
    """Copy what git knows of this checkout into a folder, for commands that write into theirs."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def starts() -> dict[str, str]:
    """Return the lines of the README that start the mock, by what they start it with."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (\w[\w ]*) \| `(.+)` \|$", readme, re.MULTILINE))
