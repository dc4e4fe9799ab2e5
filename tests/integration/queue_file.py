"""What is in the file of a server's webhook queue, while the server runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["jobs_on_disk"]


def jobs_on_disk(folder: Path) -> int:
    """How many deliveries the server in this folder has accepted and not yet settled."""
    path = folder / "sockudo-webhooks.sqlite3"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
            count: int = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
    except sqlite3.OperationalError:  # it has no tables yet
        return 0
    return count
