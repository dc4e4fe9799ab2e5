"""docs/metrics.md: what the server declares."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "metrics.py"


class MetricsPageTests(SynchronousTestCase):
    """The table of metrics"""

    def test_fresh(self) -> None:
        """The page says what the declarations say."""
        done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0))
