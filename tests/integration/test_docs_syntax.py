"""Every block of the documentation is what it says it is: it parses, and a configuration has no error in it.

Blocks in the languages of `READ_ONLY` are looked at by people only, for want of their compilers; PHP, Ruby and Go are
parsed where their programs are installed. What can run here is run by `test_docs_snippets.py`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from sockudo_tx.config.load import survey
from sockudo_tx.config.schema import Config
from tests.integration.snippets import Block, blocks, pages

READ_ONLY = {"csharp", "java", "kotlin", "swift", "dart"}
# Settings of other programs, and what is printed.
PLAIN = {"", "text", "ini", "nginx", "promql", "toml", "dockerfile", "html", "haproxy", "http"}
PROGRAMS = {
    "js": ("node", "--check", "{name}"),
    "sh": ("/bin/sh", "-n", "{name}"),
    "php": ("php", "-l", "{name}"),
    "ruby": ("ruby", "-c", "{name}"),
    "go": ("gofmt", "-e"),  # takes fragments, but only from its standard input
}
EVERY = [each for page in pages() for each in blocks(page)]


def in_languages(*languages: str) -> pytest.MarkDecorator:
    """Runs a test for each block in these languages."""
    chosen = [each for each in EVERY if each.language in languages]
    return pytest.mark.parametrize("each", chosen, ids=[f"{each.page}:{number}" for number, each in enumerate(chosen)])


def test_languages() -> None:
    """Each block has a language that is checked, or is known not to be."""
    known = {*READ_ONLY, *PLAIN, *PROGRAMS, "json", "yaml", "python"}
    assert {(each.page, each.language) for each in EVERY if each.language not in known} == set()


@in_languages(*(name for name, command in PROGRAMS.items() if shutil.which(command[0])))
def test_programs_accept_it(each: Block, tmp_path: Path) -> None:
    """The language's own program parses the block."""
    text, suffix = each.text, each.language
    if each.language == "js":
        suffix = "mjs" if re.search(r"^(import|export) ", text, re.MULTILINE) else "cjs"
    if each.language == "php" and not text.startswith("<?php"):
        text = "<?php\n" + text
    file = tmp_path / f"block.{suffix}"
    file.write_text(text)
    command = [part.format(name=file) for part in PROGRAMS[each.language]]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{each.text}\n{done.stdout}{done.stderr}"


@in_languages("html")
def test_scripts_of_pages(each: Block, tmp_path: Path) -> None:
    """The scripts inside of a page parse."""
    file = tmp_path / "block.cjs"
    file.write_text("\n".join(re.findall(r"<script>(.*?)</script>", each.text, re.DOTALL)))
    subprocess.run(["node", "--check", str(file)], check=True)


@in_languages("python")
def test_python(each: Block) -> None:
    """The block compiles."""
    compile(each.text, each.page, "exec")


@in_languages("yaml")
def test_yaml(each: Block) -> None:
    """The block is YAML, of one document or several."""
    assert list(yaml.safe_load_all(each.text))


@in_languages("json")
def test_json(each: Block) -> None:
    """The block is JSON, and loads without an error if all its keys are those of the configuration."""
    value = json.loads(each.text)
    if not set(value) <= set(Config.__struct_fields__):
        return
    loaded = survey("page.json", {}, "/here", read=lambda _: each.text.encode())
    unwanted = [finding for finding in loaded.findings if finding.severity == "error" or "unknown" in finding.message]
    assert unwanted == []
