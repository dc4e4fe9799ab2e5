#!/usr/bin/env python3
"""Write docs/conformance.md: every numbered conformance case, its sentence, and the tests that carry it.

    scripts/conformance.py            write the page
    scripts/conformance.py --check    change nothing; fail when a case has no test or the page is stale

The sentences are in docs/conformance/cases.json. A test carries a case by its name: `test_P17_…`, `test_H3_…`.
"""

from __future__ import annotations

import ast
import json
import pathlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = ROOT / "docs" / "conformance" / "cases.json"
PAGE = ROOT / "docs" / "conformance.md"
NAME = re.compile(r"test_([A-Z])0*(\d+)(?:_|$)")

Tests = dict[str, list[str]]
"""Case such as `P-17` to the tests that carry it, as `path::Class::test`."""


def tests_in(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Case and test of every numbered test in one file."""
    where = path.relative_to(ROOT).as_posix()
    for node in ast.parse(path.read_text()).body:
        functions = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{where}::{node.name}" if isinstance(node, ast.ClassDef) else where
        for function in functions:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and (found := NAME.match(function.name)):
                yield f"{found[1]}-{found[2]}", f"{prefix}::{function.name}"


def all_tests() -> Tests:
    """Every numbered test below tests/."""
    tests: Tests = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" not in path.parts:
            for case, test in tests_in(path):
                tests[case].append(test)
    return tests


def sections(cases: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Letter, section, number and sentence of every case."""
    for letter, part in cases.items():
        for section in part["sections"]:
            for number, sentence in section["cases"].items():
                yield letter, section["title"], number, sentence


def faults(cases: dict[str, Any], tests: Tests) -> list[str]:
    """Cases without a test that should have one, and numbered tests whose case does not exist."""
    found = []
    known = set()
    for letter, _, number, sentence in sections(cases):
        case = f"{letter}-{number}"
        known.add(case)
        if not tests.get(case) and number not in cases[letter]["later"]:
            found.append(f"{case} has no test: {sentence}")
    strangers = [case for case in tests if case[0] in cases and case not in known]
    return found + [f"{case} is carried by {tests[case][0]} and is no case" for case in strangers]


def page(cases: dict[str, Any], tests: Tests) -> str:
    """The whole of docs/conformance.md."""
    lines = [
        "# Conformance",
        "",
        "<!-- Written by scripts/conformance.py from conformance/cases.json and the names of the tests. -->",
        "",
        "What the server promises to clients and to backends, case by case, and the tests that prove it. A test",
        "carries its case's number in its name: `pytest -k P17_` runs case P-17.",
        "",
    ]
    for letter, part in cases.items():
        lines += [f"## {part['title']}: {letter}-1 to {letter}-{_last(part)}", "", part["fixture"], ""]
        for section in part["sections"]:
            lines += [f"### {section['title']}", ""]
            for number, sentence in section["cases"].items():
                case = f"{letter}-{number}"
                lines.append(f"* **{case}** {sentence}")
                lines += _carriers(tests.get(case, []), part["later"].get(number))
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _last(part: dict[str, Any]) -> str:
    return list(part["sections"][-1]["cases"])[-1]


def _carriers(tests: list[str], later: str | None) -> list[str]:
    lines = [f"  <br>`{test}`" for test in tests]
    if later is not None:
        lines.append(f"  <br>*Later, with {later}.*" if not tests else f"  <br>*More of it later, with {later}.*")
    return lines


def main(arguments: list[str]) -> int:
    """Exit status: 0, or 1 with every reason on standard error."""
    cases, tests = json.loads(CASES.read_text()), all_tests()
    text = page(cases, tests)
    if arguments != ["--check"]:
        PAGE.write_text(text)
        return 0
    wrong = faults(cases, tests)
    if not PAGE.exists() or PAGE.read_text() != text:
        wrong.append("docs/conformance.md is stale: run scripts/conformance.py")
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
