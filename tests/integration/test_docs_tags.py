"""The snippets of docs/tags.md, run as they stand there."""

from __future__ import annotations

import json
import sys

from tests.integration.pages import DEMO_APP, Pages
from tests.integration.snippets import block


class Tags(Pages):
    """docs/tags.md"""

    def published(self, *tags: dict[str, str]) -> None:
        """One trade for each of these, in a batch, numbered by its text."""
        events = [
            {"channel": "trades", "name": "trade", "data": str(number), "tags": each}
            for number, each in enumerate(tags)
        ]
        script = (
            f'const Pusher = require("pusher"); new Pusher({json.dumps(DEMO_APP)}).triggerBatch({json.dumps(events)});'
        )
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
