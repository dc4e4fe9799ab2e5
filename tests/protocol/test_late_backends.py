"""Every case once more, with apps, cache and authority that answer in a later turn.

So the cases hold also where state lives on another machine, whatever the driver.
"""

from __future__ import annotations

import importlib
import pathlib

from .case import ProtocolCase


def late_cases() -> dict[str, type[ProtocolCase]]:
    """A late twin of every class of numbered cases beside this file."""
    twins = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("test_p*.py")):
        module = importlib.import_module(f"{__package__}.{path.stem}")
        for name, case in vars(module).items():
            if isinstance(case, type) and issubclass(case, ProtocolCase) and case is not ProtocolCase:
                twins[f"Late{name}"] = type(f"Late{name}", (case,), {"late": True, "__module__": __name__})
    return twins


globals().update(late_cases())
