"""The examples, started with their one command and used in Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.clients import Clients
from tests.conformance.daemon import ROOT, free_port


@contextmanager
def example(name: str, server_port: int) -> Iterator[str]:
    """Runs `python -m examples.<name>`; gives the address of its page."""
    command = [sys.executable, "-m", f"examples.{name}", "--port", "0"]
    environment = {**os.environ, "PORT": str(server_port), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("Open http"):
                yield line.split()[1].replace("localhost", "127.0.0.1")
                break
        else:
            raise AssertionError(f"examples.{name} did not start:\n{''.join(said)}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.usefixtures("browser", "folder", "clients")
class Examples(SynchronousTestCase):
    """What a newcomer tries first."""

    clients: Clients
    folder: Path

    def test_chat(self) -> None:
        """Both people see each other, messages arrive, typing shows, and a closed page leaves the room."""
        # No server on this port: the example starts one of its own.
        with example("chat", free_port()) as page:
            found = self.clients.run("examples.js", "chat", page=page, shots=self._shots())
        self.assertEqual(found["members"]["ada"], ["Ada Lovelace", "Grace Hopper"])
        self.assertEqual(found["members"]["grace"], ["Grace Hopper", "Ada Lovelace"])
        self.assertEqual(found["typing"], "Ada Lovelace is typing…")
        self.assertEqual(found["history"][0], "Has anyone a compiler to lend?")
        self.assertEqual(found["history"][2], "<b>not bold</b>")
        self.assertEqual(found["alone"], ["Ada Lovelace"])

    def test_interactive(self) -> None:
        """Every kind of channel, sign-in, publishing, client events, and a log that can be filtered."""
        with example("interactive", self.clients.options["port"]) as page:
            found = self.clients.run("examples.js", "interactive", page=page, shots=self._shots())
        self.assertTrue(found["filtered"])
        for kind, text in found["filtered"]:
            self.assertNotEqual(kind, "http")
            self.assertIn("presence", text)
            self.assertNotIn("cache", text)

    def _shots(self) -> str:
        return os.environ.get("EXAMPLE_SHOTS", str(self.folder))
