"""`--report PATH`: the report as a file, whose ending says in which form."""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .charts import picture
from .documents import labels
from .page import page
from .require import Verdict
from .table import table
from .terminal import text_report

__all__ = ["report_path", "text_report", "write_report"]

_ENDINGS = (".html", ".svg", ".png", ".md", ".json")
# Twice the size it is drawn in, so that it is sharp on a good screen.
_ZOOM = 2.0


def report_path(text: str) -> Path:
    """The file a report can be written to. Raises ArgumentTypeError, so that a wrong one is known before the run."""
    path = Path(text)
    if path.suffix.lower() not in _ENDINGS:
        raise argparse.ArgumentTypeError(
            f"{text!r} must end in one of {', '.join(_ENDINGS)}: that is the report's form"
        )
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: there is no folder {str(path.parent)!r}")
    if path.suffix.lower() == ".png" and importlib.util.find_spec("resvg_py") is None:
        raise argparse.ArgumentTypeError(
            f"{text!r}: a PNG needs one more package: pip install 'sockudo-tx[bench]'; .svg and .html need nothing"
        )
    return path


def write_report(
    path: Path, documents: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict], names: Sequence[str] = ()
) -> None:
    """One run, or several side by side under these names. The path is one `report_path` accepted. Raises OSError."""
    known = labels(documents, names)
    form = path.suffix.lower()
    if form == ".png":
        path.write_bytes(_pixels(picture(documents, known, dark=False)))
        return
    if form == ".html":
        text = page(documents, known, verdicts)
    elif form == ".svg":
        text = picture(documents, known)
    elif form == ".md":
        text = table(documents, known, verdicts)
    else:
        text = json.dumps(documents[0] if len(documents) == 1 else list(documents), indent=1) + "\n"
    # A server's texts may hold halves of surrogate pairs, which no file can.
    path.write_text(text, encoding="utf-8", errors="replace")


def _pixels(svg: str) -> bytes:
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM))
