"""The fenced blocks of the documentation's pages."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import NamedTuple

from tests.integration.launch import ROOT

DOCS = ROOT / "docs"
# Made by programs that have tests of their own.
GENERATED = {"configuration.md", "conformance.md", "metrics.md"}
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One block, as a reader would copy it."""

    page: str
    language: str
    text: str


def pages() -> list[str]:
    """Every page somebody wrote, by its path in `docs/`."""
    found = (str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
    return sorted(name for name in found if name not in GENERATED)


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order; those inside of lists and tabs lose their indentation."""
    found = _FENCE.findall((DOCS / page).read_text())
    return [Block(page, language, dedent(text)) for _, language, text in found]


def block(page: str, language: str, containing: str) -> str:
    """The one block of a page in this language with this text in it."""
    found = [each.text for each in blocks(page) if each.language == language and containing in each.text]
    assert len(found) == 1, f"{page} has {len(found)} {language} blocks with {containing!r}"
    return found[0]
