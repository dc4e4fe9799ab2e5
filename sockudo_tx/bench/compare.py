"""`sockudo bench compare a.json b.json`: several runs side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .documents import DocumentError, labels, read_document
from .report import report_path, write_report
from .terminal import columns, printable
from .words import compared, comparison

__all__ = ["add_compare_options", "compare", "side_by_side"]

_MOST = 12


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Declares them on a parser."""
    parser.description = (
        "Puts runs side by side that `sockudo bench SCENARIO --report run.json` wrote. Their names are those of the "
        "files, the ratio is the second to the first. Runs on one machine, one after the other, compare best."
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.json", help="a run; two or more")
    parser.add_argument(
        "--report", type=report_path, metavar="FILE", help="also write it to a file: .html, .svg, .png, .md or .json"
    )


def compare(options: argparse.Namespace) -> int:
    """Prints the figures of the runs side by side; 2 when a file is no run."""
    if not 2 <= len(options.runs) <= _MOST:
        print(f"sockudo bench compare: takes 2 to {_MOST} runs, not {len(options.runs)}", file=sys.stderr)
        return 2
    try:
        documents = [read_document(path) for path in options.runs]
    except DocumentError as error:
        print(f"sockudo bench compare: {error}", file=sys.stderr)
        return 2
    return side_by_side(documents, labels(documents, [path.stem for path in options.runs]), options.report)


def side_by_side(documents: Sequence[Any], names: Sequence[str], report: Path | None, *, quiet: bool = False) -> int:
    """Prints the figures of runs in columns under these names, and writes the report. 1 when that cannot be written."""
    if not quiet:
        rows = [[row.name, *row.values, *([row.ratio] if len(documents) == 2 else [])] for row in compared(documents)]
        head = ["", *names, *(["ratio"] if len(documents) == 2 else [])]
        print(printable("\n".join([*columns([head, *rows]), "", comparison(documents, names)])))
    if report is not None:
        try:
            write_report(report, documents, (), names)
        except OSError as error:
            print(f"sockudo bench: {report}: {error.strerror}", file=sys.stderr)
            return 1
    return 0
