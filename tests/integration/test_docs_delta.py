"""The snippets of docs/delta.md and of the helper's page, run as they stand there."""

from __future__ import annotations

import base64
import json
import re

from sockudo_tx.delta import fossil
from tests.integration.launch import ROOT, Process
from tests.integration.pages import Pages
from tests.integration.snippets import block, blocks

PACKAGE = ROOT / "clients" / "js"
PUBLISHER = """
const Server = require("pusher");
const server = new Server({ appId: "app-id", key: "app-key", secret: "app-secret", host: "127.0.0.1", port: 6001 });
(async () => {
  for (let n = 0; n < 5; n += 1) {
    await server.trigger(CHANNEL, "tick", { symbol: "BTC", price: 64250 + n, about: "the same in all of them ".repeat(10) });
  }
})();
"""


class Listening(Pages):
    """Runs snippets that use the helper."""

    def listening(self, text: str, channel: str) -> Process:
        """A snippet, in its channel."""
        text = text.replace('"sockudo-tx-pusher-js"', f'"{PACKAGE}/index.js"')
        ready = (
            f"\npusher.channel('{channel}').bind('pusher:subscription_succeeded', () => console.log('in the channel'));"
        )
        heard = self.node(text + ready, "page.mjs")
        self.says(heard, "in the channel")
        return heard


class Delta(Listening):
    """docs/delta.md"""

    def test_from_pusher_js(self) -> None:
        """The page hears every price, and fewer bytes than there are without deltas have arrived in the end."""
        self.serve()
        heard = self.listening(block("delta.md", "js", "bytesSaved"), "ticker")
        self.ends(self.node(PUBLISHER.replace("CHANNEL", '"ticker"')))
        self.says(heard, "BTC 64254")
        saved = [int(number) for number in re.findall(r"^BTC \d+ (-?\d+)$", heard.output, re.MULTILINE)]
        self.assertEqual((len(saved), saved[-1] > 200), (5, True), heard.output)

    def test_frames(self) -> None:
        """The delta of the page is one: it makes of the message before it the frame of that event."""
        texts = [each.text.strip() for each in blocks("delta.md") if each.language == "json"]
        full = next(text for text in texts if "__delta_seq" in text)
        wire = next(json.loads(text) for text in texts if "pusher:delta" in text and "base_index" in text)["data"]
        base = full.replace(',"__delta_seq":0', "").encode()
        event = json.loads(fossil.decode(base, base64.b64decode(wire["delta"])))
        self.assertEqual((event["event"], event["channel"]), (wire["event"], "ticker"))
        self.assertEqual(json.loads(event["data"])["price"], 64250.7)


class HelperPage(Listening):
    """clients/js/README.md"""

    def test_first_example(self) -> None:
        """Five lines, and both channels of them hear what they should."""
        self.serve()
        example = re.findall(r"^```js\n(.*?)^```$", (PACKAGE / "README.md").read_text(), re.DOTALL | re.MULTILINE)[0]
        self.assertEqual(len(example.splitlines()), 5)
        heard = self.listening(example, "ticker")
        self.ends(self.node(PUBLISHER.replace("CHANNEL", '"ticker"')))
        self.says(heard, "64254")
