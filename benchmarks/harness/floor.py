"""Building the C server that every fan-out is compared with (subjects/pusher.c)."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

from .figure import NotAvailableError
from .process import Child
from .scratch import folder

__all__ = ["build", "floor"]

_SOURCE = Path(__file__).resolve().parents[1] / "subjects" / "pusher.c"


@cache
def build() -> str:
    """Path of the program, compiled once a run; removed at exit. Raises `NotAvailableError` without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NotAvailableError("there is no C compiler (cc, gcc or clang) for the C floor")
    program = folder() / "pusher"
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(_SOURCE)], check=True)
    return str(program)


def floor() -> Child:
    """The C server, to be started with `with`."""
    return Child("C floor", [build()])
