"""The session's rules for client events."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.protocol.effects import Relay
from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.protocol.messages import ClientEvent, Ping, Subscribe, Unsubscribe

from .session_case import SOCKET_ID, SessionCase, changed, signed, signin


class ClientEventTests(SessionCase):
    """Client events (protocol.md 13)"""

    def setUp(self) -> None:
        super().setUp()
        self.enter(signed("private-a"))
        self.enter(signed("presence-r", '{"user_id":"u1"}'))
        self.enter(Subscribe("news"))

    def test_relay(self) -> None:
        """Accepted where the socket is subscribed; on presence channels with its id in that very channel."""
        self.enter(signed("presence-s", '{"user_id":"u2"}'))
        self.receive(signin('{"id":"u3"}'))
        for channel, user_id in [("private-a", None), ("presence-r", "u1"), ("presence-s", "u2")]:
            self.assertEqual(
                self.receive(ClientEvent("client-x", channel, '"d"')), [Relay(channel, "client-x", '"d"', user_id)]
            )
        self.assertEqual(
            self.receive(ClientEvent("client-", "private-a", None)), [Relay("private-a", "client-", None, None)]
        )

    def test_order_of_checks(self) -> None:
        """An event with every fault is refused for the first; with each repaired the next one shows."""
        event = ClientEvent("client-" + "x" * 200, None, '"' + "d" * 102_401 + '"')
        off = changed(enable_client_messages=False)
        self.assertEqual(self.refusal(event, off), (4301, "Client event error: Channel required for client event"))
        event = event._replace(channel="news" * 51)
        self.assertEqual(
            self.refusal(event, off), (4301, "Client event error: Client events are not enabled for this app")
        )
        self.assertEqual(self.refusal(event), (4000, "Invalid event name: Event name exceeds maximum length of 200"))
        event = event._replace(event="client-x")
        self.assertEqual(
            self.refusal(event), (4300, "Channel name invalid: Channel name exceeds maximum length of 200")
        )
        event = event._replace(channel="news")
        wrong_kind = (4301, "Client event error: Client events can only be sent to private or presence channels")
        self.assertEqual(self.refusal(event), wrong_kind)
        event = event._replace(channel="private-b")
        too_big = (4301, "Client event error: Event payload size (102401 bytes) exceeds limit (100KB)")
        self.assertEqual(self.refusal(event), too_big)
        event = event._replace(data="{}")
        outside = f"Client event error: Socket {SOCKET_ID} is not subscribed to channel private-b"
        self.assertEqual(self.refusal(event), (4301, outside))
        self.assertEqual(len(self.receive(event._replace(channel="private-a"))), 1)

    def test_after_leaving(self) -> None:
        """After unsubscribing no more."""
        self.receive(Unsubscribe("private-a"))
        self.assertEqual(self.refusal(ClientEvent("client-x", "private-a", None))[0], 4301)

    def test_kinds(self) -> None:
        """Private, encrypted and presence channels and their cache forms take client events; no other kind does."""
        for channel in ("private-cache-a", "private-encrypted-a", "private-encrypted-cache-a", "presence-cache-r"):
            self.enter(signed(channel, '{"user_id":"u1"}'))
            self.assertEqual(len(self.receive(ClientEvent("client-x", channel, None))), 1)
        self.receive(signin('{"id":"u1"}'))
        for channel in ("news", "cache-a", "#server-to-user-u1"):
            self.enter(Subscribe(channel))
            self.assertEqual(self.refusal(ClientEvent("client-x", channel, None))[0], 4301)

    def test_lengths(self) -> None:
        """Names and payloads count in UTF-8 bytes, a string its own; 0 is no limit."""
        app = changed(max_event_name_length=9, max_event_payload_in_kb=1)
        self.assertEqual(len(self.receive(ClientEvent("client-é", "private-a", None), app)), 1)
        self.assertEqual(self.refusal(ClientEvent("client-éx", "private-a", None), app)[0], 4000)
        for fits, exceeds in [
            ('"' + "é" * 512 + '"', '"' + "é" * 513 + '"'),
            ('"' + "\\n" * 1024 + '"', '"' + "\\n" * 1025 + '"'),
            ("[" + "1" * 1022 + "]", "[" + "1" * 1023 + "]"),
        ]:
            self.assertEqual(len(self.receive(ClientEvent("client-x", "private-a", fits), app)), 1)
            self.assertEqual(self.refusal(ClientEvent("client-x", "private-a", exceeds), app)[0], 4301)
        unlimited = changed(max_event_name_length=0, max_event_payload_in_kb=0, max_channel_name_length=0)
        huge = ClientEvent("client-" + "x" * 999, "private-a", '"' + "d" * 999_999 + '"')
        self.assertEqual(len(self.receive(huge, unlimited)), 1)

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1000))
    def test_payload_shortcut(self, text: str) -> None:
        """The limit falls exactly where counting every byte would put it."""
        app = changed(max_event_payload_in_kb=1, max_client_events_per_second=0)
        data = json.dumps(text * 4, ensure_ascii=False)
        fits = len((text * 4).encode()) <= 1024
        try:
            self.receive(ClientEvent("client-x", "private-a", data), app)
        except PeerError:
            self.assertFalse(fits)
        else:
            self.assertTrue(fits)


class RateTests(SessionCase):
    """The rate of client events (protocol.md 13.4)"""

    LIMITED = (4301, "Client event rejected due to rate limit")

    def setUp(self) -> None:
        super().setUp()
        self.enter(signed("private-a"))
        self.app = changed(max_client_events_per_second=3)
        self.event = ClientEvent("client-x", "private-a", None)

    def test_window(self) -> None:
        """There are never more in any second, whenever it begins; each is forgotten after one."""
        self.now = 10.0
        for _ in range(3):
            self.receive(self.event, self.app)
            self.now += 0.3
        self.assertEqual(self.refusal(self.event, self.app), self.LIMITED)
        self.now = 10.99
        self.assertEqual(self.refusal(self.event, self.app), self.LIMITED)
        for moment in (11.0, 11.31, 11.61):
            self.now = moment
            self.receive(self.event, self.app)
            self.assertEqual(self.refusal(self.event, self.app), self.LIMITED)

    def test_flood(self) -> None:
        """Who never stops gets as many through as the limit says: what is refused does not count."""
        self.now = 10.0
        passed = 0
        for _ in range(100):
            try:
                self.receive(self.event, self.app)
                passed += 1
            except PeerError:
                pass
            self.now += 0.1
        self.assertEqual(passed, 30)

    def test_memory(self) -> None:
        """A connection that sends no client events has no window, and neither has one without a limit."""
        self.receive(Ping(), self.app)
        self.receive(self.event, changed(max_client_events_per_second=0))
        self.assertIsNone(self.session._events)
        self.receive(self.event, self.app)
        self.assertIsNotNone(self.session._events)

    def test_refused_count(self) -> None:
        """Events that are refused for another reason count too: the limit is looked at before anything else."""
        for _ in range(3):
            self.assertEqual(self.refusal(ClientEvent("client-x", None, None), self.app)[0], 4301)
        self.assertEqual(self.refusal(ClientEvent("client-x", None, None), self.app), self.LIMITED)

    def test_unlimited(self) -> None:
        """0 is no limit; other commands never count."""
        unlimited = changed(max_client_events_per_second=0)
        for _ in range(1000):
            self.receive(self.event, unlimited)
        for _ in range(10):
            self.receive(Ping(), self.app)
        self.receive(self.event, self.app)
