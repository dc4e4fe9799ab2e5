"""`sockudo bench compare a.json b.json`: several runs side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .documents import DocumentError, labels, read_document
from .report import report_path, write_report
from .terminal import columns, printable
from .words import compared, comparison

__all__ = ["add_compare_options", "compare"]

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
    names = labels(documents, [path.stem for path in options.runs])
    rows = [[row.name, *row.values, *([row.ratio] if len(documents) == 2 else [])] for row in compared(documents)]
    head = ["", *names, *(["ratio"] if len(documents) == 2 else [])]
    print(printable("\n".join([*columns([head, *rows]), "", comparison(documents, names)])))
    if options.report is not None:
        try:
            write_report(options.report, documents, (), names)
        except OSError as error:
            print(f"sockudo bench compare: {options.report}: {error.strerror}", file=sys.stderr)
            return 1
    return 0
