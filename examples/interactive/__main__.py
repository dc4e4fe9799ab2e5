"""`python -m examples.interactive`"""

from __future__ import annotations

from examples.interactive.backend import Console
from examples.launch import run

if __name__ == "__main__":
    run("interactive", 3000, lambda application: Console(application).root())
