"""Runs one scenario of a script and prints what it found, in the form the Node scripts use."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

OPTIONS: dict[str, Any] = json.loads(os.environ["CONFORMANCE"])
DEADLINE = 10.0


def until(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds; the clients under test run in threads of their own."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.01)


def run(scenarios: Mapping[str, Callable[[], Any]]) -> None:
    """Runs the scenario named on the command line and ends the process; an exception in a thread is a complaint."""
    complaints: list[str] = []
    threading.excepthook = lambda args: complaints.append(f"{args.exc_type.__name__}: {args.exc_value}")
    outcome: dict[str, Any] = {"complaints": complaints}
    try:
        outcome["result"] = scenarios[sys.argv[1]]()
    except Exception:  # noqa: BLE001 - reported to the test, whatever it is
        outcome["failure"] = traceback.format_exc()
    print(json.dumps(outcome), flush=True)  # noqa: T201 - the report
    os._exit(0)  # pysher leaves threads behind that are not daemons
