"""What the tests of the documentation's snippets share: a folder, a server, Node with Pusher's packages, a shell."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.clients import missing
from tests.integration.launch import BIN, ROOT, SOCKUDO, LaunchCase, Process, WebSocket, eventually

PYTHON_APP = {
    "SOCKUDO_DEFAULT_APP_ID": "1001",
    "SOCKUDO_DEFAULT_APP_KEY": "python-key",
    "SOCKUDO_DEFAULT_APP_SECRET": "python-secret",
}
DEMO_APP = {"id": "app-id", "key": "app-key", "secret": "app-secret", "enable_client_messages": True}
# Signs for every client and prints nothing: what the pages call "your backend".
BACKEND = """
const Server = require("pusher");
const server = new Server({ appId: "app-id", key: "app-key", secret: "app-secret", host: "127.0.0.1", port: 6001 });
let users = 0;
const signed = ({ socketId, channelName }, callback) =>
  callback(null, server.authorizeChannel(socketId, channelName, { user_id: String(++users), user_info: { name: "Ann" } }));
"""
CLIENT = """
const Pusher = require("pusher-js");
const connect = () => new Pusher("app-key", {
  cluster: "local", wsHost: "127.0.0.1", wsPort: 6001, forceTLS: false, enabledTransports: ["ws"],
  channelAuthorization: { customHandler: signed },
});
"""


class Pages(LaunchCase):
    """An empty folder with Pusher's packages for Node in it, and a server on the port of the test."""

    def paste(self, text: str) -> str:
        return text.replace("6001", str(self.port))

    def serve(self, **variables: str) -> Process:
        server = self.launch(SOCKUDO, passed=(), **variables)
        server.up(self.port)
        return server

    def serve_app(self, **members: Any) -> Process:
        """A server with the demo app that the pages name, and with these members besides."""
        (self.folder / "config").mkdir()
        settings = {"app_manager": {"array": {"apps": [{**DEMO_APP, **members}]}}}
        (self.folder / "config" / "config.json").write_text(json.dumps(settings))
        return self.serve()

    def subscribed(self, key: str = "app-key", channel: str = "news") -> WebSocket:
        client = WebSocket(self.port, key)
        self.addCleanup(client.close)
        client.event()
        client.send({"event": "pusher:subscribe", "data": {"channel": channel}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        return client

    def node(self, script: str, name: str = "snippet.cjs") -> Process:
        """Starts JavaScript where the tests' Pusher packages are."""
        if reason := missing():
            self.skipTest(reason)
        if not (self.folder / "node_modules").exists():
            (self.folder / "node_modules").symlink_to(ROOT / "tests" / "conformance" / "node_modules")
        (self.folder / name).write_text(self.paste(script))
        return self.launch("node", name)

    def ends(self, process: Process) -> str:
        self.assertEqual(process.status(), 0, process.output)
        return process.output

    def says(self, process: Process, text: str) -> None:
        eventually(f"{text!r} of {process.output}", lambda: text in process.output)

    def shell(self, text: str, **variables: str) -> tuple[int, str]:
        """Runs a shell block, with the programs of this environment first in the path."""
        return self.run_to_end("/bin/sh", "-c", f'PATH="{BIN}:$PATH"; {text}', **variables)
