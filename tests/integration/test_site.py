"""The documentation: it builds without a warning, is complete, needs no other host, and its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp

import yaml
from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PATIENCE = 120
"""Seconds for a build, which takes about five."""

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
_LOADED_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}
_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s*["'])((?:https?:)?//[^"')\s]+)""")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


class Loads(HTMLParser):
    """What a browser gets by itself when it shows a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _LOADED and _LOADED[tag] in values:
            self.found.append(values[_LOADED[tag]])
        if tag == "link" and _LOADED_RELATIONS & set(values.get("rel", "").split()):
            self.found.append(values.get("href", ""))


def elsewhere(address: str) -> bool:
    """Whether it is on another host."""
    return address.startswith(("http://", "https://", "//"))


def in_contents(entry: object) -> list[str]:
    """The pages of a piece of the table of contents."""
    if isinstance(entry, str):
        return [entry]
    parts = list(entry.values()) if isinstance(entry, dict) else entry
    assert isinstance(parts, list)
    return [page for part in parts for page in in_contents(part)]


class SiteTests(TestCase):
    """`make site`"""

    def build(self) -> tuple[Path, subprocess.CompletedProcess[str]]:
        folder = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(ROOT / "mkdocs.yml", folder)
        shutil.copytree(DOCS, folder / "docs")
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", "mkdocs.yml"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return folder / "build" / "site", done

    def test_builds(self) -> None:
        """It builds, without a warning; every page comes out; and no page gets anything from another host."""
        site, done = self.build()
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertNotIn("warning", said.lower())
        pages = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")}
        built = {page.relative_to(site).as_posix(): page.read_text() for page in site.rglob("*.html")}
        self.assertEqual(pages - set(built), set())
        for name, page in built.items():
            self.assertEqual([address for address in Loads(page).found if elsewhere(address)], [], name)
        for style in site.rglob("*.css"):
            self.assertEqual(_STYLE.findall(style.read_text()), [], style.name)

    def test_a_broken_link_fails(self) -> None:
        """The build refuses a page whose link leads nowhere; otherwise the test above would prove nothing."""
        folder = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / "docs").mkdir()
        (folder / "docs" / "index.md").write_text("# Nothing\n\n[there](nowhere.md)\n")
        contents = yaml.safe_load((ROOT / "mkdocs.yml").read_text()) | {"nav": [{"Nothing": "index.md"}]}
        (folder / "mkdocs.yml").write_text(yaml.safe_dump(contents))
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", "mkdocs.yml"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_contents(self) -> None:
        """Every page is in the table of contents, once."""
        contents = in_contents(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
        self.assertEqual(sorted(contents), sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")))

    def test_links_of_other_texts(self) -> None:
        """Links and paths of the texts outside docs/ lead to files that are there."""
        for text in (*ROOT.glob("*.md"), *(ROOT / "deploy").rglob("*.md"), *(ROOT / "config").glob("*.md")):
            for target in _LINK.findall(text.read_text()):
                if not elsewhere(target) and not target.startswith("#"):
                    path = text.parent / target.partition("#")[0]
                    self.assertTrue(path.exists(), f"{text.relative_to(ROOT)}: {target}")
