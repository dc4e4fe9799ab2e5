"""P-149 in Chromium: pusher-js and Laravel Echo from their published bundles, with a real auth endpoint.

A console error, a console warning, an uncaught exception or a request to another machine fails a test.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.clients import Clients
from tests.conformance.daemon import ROOT


@pytest.mark.usefixtures("browser", "clients")
class PusherJsInChromium(SynchronousTestCase):
    """pusher-js from a script tag."""

    clients: Clients

    def check(self, scenario: str) -> None:
        """One page as two users, through every kind of channel."""
        found = self.clients.run("browser.js", scenario)
        for name in ("news", "private-orders", "presence-room", "cache-"):
            self.assertIn("to", found[name])
        self.assertEqual((found["joined"], found["left"]), ("bob", "bob"))
        self.assertEqual((found["typing"], found["invoice"]), ({"on": True}, {"total": 9}))
        self.assertEqual(found["replay"], found["cache-"])
        self.assertEqual(found["transport"], "ws")

    def test_P149_browser_pusher_js_8(self) -> None:
        """The current pusher-js works in a browser over a WebSocket, and nothing else is tried."""
        self.check("pusher")

    def test_P149_browser_pusher_js_7(self) -> None:
        """So does the version before it."""
        self.check("pusher7")


@pytest.mark.usefixtures("browser", "clients")
class LaravelEchoInChromium(SynchronousTestCase):
    """Laravel Echo, with the options of a Laravel application that hosts its own server."""

    clients: Clients

    def check(self, scenario: str) -> None:
        """Events, members, whispers and `toOthers()`."""
        found = self.clients.run("browser.js", scenario)
        for name in ("news", "private-orders", "private-encrypted-secrets"):
            self.assertEqual(found[name], {"to": name})
        self.assertEqual(found["here"], [{"name": "Ann"}])
        self.assertEqual(found["both"], [{"name": "Ann"}, {"name": "Bob"}])
        self.assertEqual((found["joining"], found["leaving"]), ({"name": "Bob"}, {"name": "Bob"}))
        self.assertEqual((found["whisper"], found["others"]), ({"on": True}, ["bob"]))
        self.assertEqual(found["status"], "connected")

    def test_P149_browser_echo_pusher(self) -> None:
        """Echo's `pusher` broadcaster."""
        self.check("echoPusher")

    def test_P149_browser_echo_reverb(self) -> None:
        """Echo's `reverb` broadcaster, unmodified."""
        self.check("echoReverb")


@pytest.mark.usefixtures("browser", "clients", "folder")
class ReadMePage(SynchronousTestCase):
    """What a reader of the README pastes into a file."""

    clients: Clients
    folder: Path

    def test_P149_browser_readme(self) -> None:
        """The README's page, opened from the disk, prints what is published; only the port differs."""
        found = re.search(r"```html\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        assert found is not None
        page = self.folder / "page.html"
        page.write_text(found[1].replace("6001", str(self.clients.options["port"])))
        self.assertEqual(self.clients.run("readme.js", "page", file=str(page)), ["Hello, page"])
