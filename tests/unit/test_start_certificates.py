"""A certificate that changes while the server starts."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx import check, start
from sockudo_tx.config.load import Loaded
from tests.certificates import self_signed


class ChangeTests(SynchronousTestCase):
    """Between reading the configuration and using it"""

    def test_gone(self) -> None:
        """A key that has vanished since it was checked is told in a line, like one that was never there."""
        files = self_signed(Path(self.mktemp()))
        read = check.read_configuration

        def then_gone(path: str | None, strict: bool, workers: int | None) -> Loaded:
            found = read(path, strict, workers)
            Path(files.key).unlink()
            return found

        self.patch(start, "read_configuration", then_gone)
        for name, value in (("SSL_ENABLED", "1"), ("SSL_CERT_PATH", files.cert), ("SSL_KEY_PATH", files.key)):
            self.patch(os, "environ", {**os.environ, name: value})
        with self.assertRaises(SystemExit) as caught:
            start.prepare(None, False, MemoryReactorClock())
        self.assertRegex(
            str(caught.exception.code), rf"^sockudo: ssl\.key_path: '{files.key}' cannot be read: .*\. Set "
        )
