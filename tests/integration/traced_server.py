"""`sockudo`, with a line in the file TRACE for each webhook job that is on the disk: its id and its events.

What the queue has accepted, told by who stands behind the disk's answer; a line that is there when the process is
killed stays there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from sockudo_tx.backends.sqlite.database import Change, Database, Kept
from sockudo_tx.cli import main


def trace(path: str) -> None:
    """Write the lines from now on."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    write = Database.write

    def written(self: Database, changes: Mapping[str, Change], *more: int) -> None:
        write(self, changes, *more)
        jobs = [change.job for change in changes.values() if isinstance(change, Kept)]
        os.write(file, "".join(json.dumps([job.id, job.events]) + "\n" for job in jobs).encode())

    Database.write = written  # type: ignore[method-assign]


if __name__ == "__main__":
    trace(os.environ["TRACE"])
    sys.exit(main())
