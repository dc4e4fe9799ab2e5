"""docs/conformance.md: every case has a test, and the page says which."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "conformance.py"


class ConformancePageTests(SynchronousTestCase):
    """The list that explains the numbers in the names of our tests."""

    def test_complete(self) -> None:
        """Every case that is not left to later has a test, no test carries an unknown number, the page is fresh."""
        done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
        self.assertEqual((done.stderr, done.returncode), ("", 0))
