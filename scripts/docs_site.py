"""Adds the repository's changelogs to the site, and names the files that its pages link to."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
TAKEN = {"changelog.md": "CHANGELOG.md", "contract-changelog.md": "openapi/CHANGELOG.md"}
"""Pages of the site that stand elsewhere in the repository."""
OF_REPOSITORY = re.compile(r"\[([^\]]+)\]\((?!https?:|#)((?:\.\./)?openapi/[^)]*|\.\./[^)]*)\)")
"""A link from a page to a file that is not on the site."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages that the navigation does not name at its end."""
    named = set(re.findall(r"[\w-]+\.md", str(config.nav)))
    others = [path.name for path in sorted(Path(config.docs_dir).glob("*.md"))]
    more = [name for name in others if name not in named]
    if more and config.nav is not None:
        config.nav.append({"More": more})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand elsewhere in the repository."""
    for name, source in TAKEN.items():
        content = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Name the files of the repository that a page links to: the site does not have them."""
    folder = Path(TAKEN.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent

    def named_in_text(found: re.Match[str]) -> str:
        text, target = found.groups()
        path = (ROOT / folder / target.partition("#")[0]).resolve()
        if not path.exists():
            raise PluginError(f"{page.file.src_uri} links to {target}, which is not there")
        shown = path.relative_to(ROOT).as_posix()
        return text if text.strip("`") == shown else f"{text} (`{shown}`)"

    return OF_REPOSITORY.sub(named_in_text, markdown)
