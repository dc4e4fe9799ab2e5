"""Cache channels of a server without a cache driver, over real connections."""

from __future__ import annotations

import http.client
import json
import time

from sockudo_tx.config.default_app import DEMO_APP
from sockudo_tx.testing.signing import signed_target
from tests.integration.launch import SOCKUDO, LaunchCase


class CacheChannelTests(LaunchCase):
    """`cache.driver: none`"""

    def test_C81_none(self) -> None:
        """A late subscriber gets the last event, and `/up` is green."""
        self.launch(SOCKUDO, CACHE_DRIVER="none").up(self.port)
        body = json.dumps({"name": "price", "channels": ["cache-stock"], "data": "7"}).encode()
        target = signed_target(DEMO_APP, "POST", "/apps/app-id/events", time.time(), body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        self.assertEqual(connection.getresponse().status, 200)
        client = self.socket()
        client.send({"event": "pusher:subscribe", "data": {"channel": "cache-stock"}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        last = client.event()
        self.assertEqual((last["event"], last["channel"], last["data"]), ("price", "cache-stock", "7"))
