"""Publishing several events at once: `POST /apps/{id}/batch_events`."""

from __future__ import annotations

from typing import Any

from .case import HttpCase, event_frame


def event(channel: str = "c", **members: Any) -> dict[str, Any]:
    return {"name": "n", "channel": channel, "data": "d", **members}


class BatchTests(HttpCase):
    """Cases H-55 to H-61."""

    def test_H55_two_events(self) -> None:
        """Two events, no `info`: 200 `{}`, both delivered in order."""
        client = self.subscriber("a", "b")
        response = self.batch(event("b", data="1"), event("a", data="2"))
        self.assertEqual((response.status, response.text), (200, "{}"))
        self.assertHeard(client, event_frame("n", "b", "1"), event_frame("n", "a", "2"))

    def test_H56_info(self) -> None:
        """Three events, `info` on the 1st and 3rd: `batch` has 3 objects, the middle one `{}`."""
        self.subscriber("presence-a", "c", user_id="1")
        answer = self.batch(
            event("presence-a", info="user_count,subscription_count"), event("b"), event("c", info="subscription_count")
        )
        counts = [{"user_count": 1, "subscription_count": 1}, {}, {"subscription_count": 1}]
        self.assertJson(answer, {"batch": counts})

    def test_H57_size(self) -> None:
        """Ten events: 200; eleven: 400 with the default limit."""
        self.assertJson(self.batch(*[event()] * 10), {})
        self.assertRefused(self.batch(*[event()] * 11), 400, "limit_exceeded", "11", "10")
        self.server.change_app("app-id", max_event_batch_size=11)
        self.assertJson(self.batch(*[event()] * 11), {})

    def test_H58_one_invalid(self) -> None:
        """Third of four invalid: 400 naming index 2, nothing delivered."""
        client = self.subscriber("c")
        self.assertRefused(self.batch(event(), event(), event("$"), event()), 400, "invalid_input", "batch[2]: ")
        self.assertHeard(client)

    def test_H59_one_oversized(self) -> None:
        """Oversized payload in one: 413, nothing delivered."""
        client = self.subscriber("c")
        response = self.batch(event(), event(data="x" * 102401), event("$"))
        self.assertRefused(response, 413, "payload_too_large", "batch[1]: ")
        self.assertHeard(client)

    def test_H60_shapes(self) -> None:
        """`batch` missing / object / containing a string: 400; empty array: 200 `{}`."""
        for body in ({}, {"batch": {}}, {"batch": None}, {"batch": ["x"]}, {"batch": [event(), "x"]}, []):
            self.assertRefused(self.post("/batch_events", body), 400, "invalid_input")
        self.assertJson(self.batch(), {})

    def test_H61_several_channels(self) -> None:
        """Element using `channels` of two names with `info`: object describes the first."""
        client = self.subscriber("a", "b")
        element = {"name": "n", "channels": ["b", "a", "z"], "data": "d", "info": "subscription_count"}
        self.assertJson(self.batch(element), {"batch": [{"subscription_count": 1}]})
        self.assertHeard(client, event_frame("n", "b", "d"), event_frame("n", "a", "d"))
