"""What workers have in common although each serves clients of its own: cache, rate limits, quotas. Case S-84."""

from __future__ import annotations

import json

from sockudo_tx.config.default_app import DEMO_APP
from tests.integration.launch import Process, WebSocket, eventually
from tests.integration.several import WorkersCase

QUOTA = 7
CALLS = 20
ASKED = 6
"""Enough for more than one worker to be asked."""


class SharedTests(WorkersCase):
    """One count for all workers"""

    settings = {"RATE_LIMITER_ENABLED": "true", "RATE_LIMITER_API_MAX_REQUESTS": str(CALLS)}
    options = ("-c", "test.json")

    def start(self) -> Process:
        app = {"id": DEMO_APP.id, "key": DEMO_APP.key, "secret": DEMO_APP.secret, "max_connections": QUOTA}
        self.config(app_manager={"array": {"apps": [app]}})
        return super().start()

    def test_S84_quota(self) -> None:
        """So many connections and not one more, on whichever workers they are; one that goes makes room."""
        clients = [self.socket() for _ in range(QUOTA)]
        for _ in range(ASKED):
            client = WebSocket(self.port)
            self.addCleanup(client.close)
            self.assertEqual(client.event()["data"]["code"], 4004)
        clients[0].close()

        def admitted() -> bool:
            client = WebSocket(self.port)
            self.addCleanup(client.close)
            return bool(client.event()["event"] == "pusher:connection_established")

        eventually("room", admitted)

    def test_S84_cache(self) -> None:
        """The last event of a cache channel is known to all workers, whichever it was published at."""
        for number in range(ASKED):
            event = json.dumps({"name": f"n{number}", "channel": "cache-news", "data": "d"}).encode()
            self.assertEqual(self.call("POST", "/events", event, {})[0].status, 200)
            found = json.loads(self.get("/channels/cache-news", info="cache")[1])
            self.assertEqual(found["cache"]["event"], f"n{number}")

    def test_S84_rate_limit(self) -> None:
        """A client's calls count together, whichever workers answer them."""
        statuses = [self.get("/channels")[0].status for _ in range(CALLS + ASKED)]
        self.assertEqual(statuses, [200] * CALLS + [429] * ASKED)
