"""The snippets of README.md, run as they stand there against a live server."""

from __future__ import annotations

import re
import sys

from tests.conformance.clients import missing
from tests.integration.launch import ROOT, SOCKUDO, LaunchCase, WebSocket


def snippet(language: str, containing: str) -> str:
    """The block of README.md in this language that contains this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (found,) = [block for block in blocks if containing in block]
    return str(found)


class SnippetTests(LaunchCase):
    """What can be pasted works; only the port differs."""

    def subscribed(self, key: str) -> WebSocket:
        client = WebSocket(self.port, key)
        self.addCleanup(client.close)
        client.event()
        client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        client.event()
        return client

    def paste(self, text: str) -> str:
        self.assertIn("6001", text)
        return text.replace("6001", str(self.port))

    def test_curl_and_openssl(self) -> None:
        """The shell snippet publishes an event that a subscriber receives."""
        self.launch(SOCKUDO).up(self.port)
        client = self.subscribed("app-key")
        status, output = self.run_to_end("/bin/sh", "-c", self.paste(snippet("sh", "curl")))
        self.assertEqual(status, 0, output)
        self.assertEqual(client.event()["data"], '{"text":"Hello from curl"}')

    def node(self, script: str) -> str:
        """Runs JavaScript where the tests' Pusher packages are."""
        if reason := missing():
            self.skipTest(reason)
        (self.folder / "node_modules").symlink_to(ROOT / "tests" / "conformance" / "node_modules")
        (self.folder / "snippet.js").write_text(script)
        status, output = self.run_to_end("node", "snippet.js")
        self.assertEqual(status, 0, output)
        return output

    def test_node_sdk(self) -> None:
        """The Node snippet publishes."""
        self.launch(SOCKUDO).up(self.port)
        client = self.subscribed("app-key")
        self.node(self.paste(snippet("js", "pusher.trigger")))
        self.assertEqual(client.event()["data"], '{"text":"Hello from Node"}')

    def test_pusher_js(self) -> None:
        """The page's snippet connects, subscribes and prints what is published."""
        self.launch(SOCKUDO).up(self.port)
        (page,) = re.findall(r"<script>(.*?)</script>", snippet("html", "new Pusher"), re.DOTALL)
        publish = self.paste(snippet("js", "pusher.trigger")).replace(
            "const Pusher = require", "const Server = require"
        )
        publish = publish.replace("const pusher = new Pusher", "const server = new Server").replace(
            "pusher.t", "server.t"
        )
        script = f"""
            const Pusher = require("pusher-js");
            {self.paste(page)}
            pusher.channel("news").bind("pusher:subscription_succeeded", () => {{ {publish} }});
            pusher.channel("news").bind("hello", () => pusher.disconnect());
        """
        self.assertIn("Hello from Node", self.node(script))

    def test_python(self) -> None:
        """The Python snippet publishes, with the variables the text above it names."""
        text = (ROOT / "README.md").read_text()
        variables = dict(re.findall(r"(SOCKUDO_DEFAULT_APP_\w+)=([\w-]+)", text))
        self.assertEqual(len(variables), 3)
        self.launch(SOCKUDO, **variables).up(self.port)
        client = self.subscribed("python-key")
        status, output = self.run_to_end(sys.executable, "-c", self.paste(snippet("python", "pusher.Pusher")))
        self.assertEqual(status, 0, output)
        self.assertEqual(client.event()["data"], '{"text": "Hello from Python"}')
