"""The snippets of docs/tags.md, run as they stand there."""

from __future__ import annotations

import json
import sys

from tests.integration.launch import ROOT, Process
from tests.integration.pages import DEMO_APP, Pages
from tests.integration.snippets import block

BACKEND_OPTIONS = {"appId": "app-id", "key": "app-key", "secret": "app-secret", "host": "127.0.0.1", "port": 6001}


class Tags(Pages):
    """docs/tags.md"""

    def published(self, *tags: dict[str, str]) -> None:
        """One trade for each of these, in a batch, numbered by its text."""
        events = [
            {"channel": "trades", "name": "trade", "data": str(number), "tags": each}
            for number, each in enumerate(tags)
        ]
        script = f'const Pusher = require("pusher"); new Pusher({json.dumps(BACKEND_OPTIONS)}).triggerBatch({json.dumps(events)});'
        self.ends(self.node(script))

    def test_publishing(self) -> None:
        """All three ways publish to whoever has no filter."""
        (self.folder / "config").mkdir()
        python_app = {"id": "1001", "key": "python-key", "secret": "python-secret"}
        (self.folder / "config" / "config.json").write_text(json.dumps({"apps": [DEMO_APP, python_app]}))
        self.serve()
        client = self.subscribed(channel="trades")
        self.ends(self.node(block("tags.md", "js", "pusher.trigger")))
        self.assertEqual(json.loads(client.event()["data"]), {"text": "BTC from Node"})
        status, output = self.shell(self.paste(block("tags.md", "sh", "curl")))
        self.assertEqual(status, 0, output)
        self.assertEqual(json.loads(client.event()["data"]), {"text": "BTC from curl"})
        client = self.subscribed("python-key", "trades")
        status, output = self.run_to_end(sys.executable, "-c", self.paste(block("tags.md", "python", "trigger_batch")))
        self.assertEqual(status, 0, output)
        self.assertEqual(json.loads(client.event()["data"]), {"text": "BTC from Python"})

    def test_from_pusher_js(self) -> None:
        """The example with the helper hears a trade that it wants."""
        self.serve()
        heard = self.listening()
        self.published({"symbol": "ETH", "price": "1000"})
        self.says(heard, "trade 0")

    def listening(self) -> Process:
        """The example of the page, in its channel, with a line for each trade."""
        text = block("tags.md", "js", "withDelta").replace('"sockudo-tx-pusher-js"', f'"{ROOT}/clients/js/index.js"')
        ready = 'trades.bind("pusher:subscription_succeeded", () => console.log("in the channel"));'
        heard = self.node(text.replace("data.text", '"trade", data') + ready, "page.mjs")
        self.says(heard, "in the channel")
        return heard
