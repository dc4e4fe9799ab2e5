"""Client events."""

from __future__ import annotations

from typing import Any

from sockudo_tx.testing import MemoryClient, masked

from .case import ProtocolCase, compact, error

ONLY_PRIVATE = "Client event error: Client events can only be sent to private or presence channels"
TOO_FAST = error(4301, "Client event rejected due to rate limit")


class ClientEventTests(ProtocolCase):
    """What one client says to the others in a channel."""

    def pair(self, channel: str = "private-a") -> tuple[MemoryClient, MemoryClient]:
        """A and B, both in the channel."""
        return self.subscriber(channel), self.subscriber(channel)

    def say(
        self, client: MemoryClient, channel: str = "private-a", name: str = "client-x", **members: Any
    ) -> list[str]:
        return client.send({"event": name, "channel": channel, **members}).take()

    def relayed(self, members: str, channel: str = "private-a") -> str:
        return f'{{"event":"client-x","channel":"{channel}"{members}}}'

    def test_P109_object(self) -> None:
        """Given A and B in `private-a`, when A sends `client-x` with object data, then B receives it with the same
        object data and no `user_id`; A receives nothing."""
        a, b = self.pair()
        a.send('{"event": "client-x", "channel": "private-a", "data": {"on": true, "n": 1.50, "é": null}, "x": 1}')
        self.assertEqual(b.take(), [self.relayed(',"data":{"on":true,"n":1.50,"é":null}')])
        self.assertSilent(a)

    def test_P109_encrypted(self) -> None:
        """Encrypted channels carry them too, and a name may be nothing but `client-`."""
        a, b = self.pair("private-encrypted-a")
        a.send('{"event":"client-","channel":"private-encrypted-a","data":{}}')
        self.assertEqual(b.take(), ['{"event":"client-","channel":"private-encrypted-a","data":{}}'])

    def test_P110_string(self) -> None:
        """Given data that is a string, also one containing JSON, then B receives the same string (as a string)."""
        a, b = self.pair()
        for text in ("hello", '{"a":1}', "null", "", "é\n\\"):
            self.assertEqual(self.say(a, data=text), [])
            self.assertEqual(b.json(), [{"event": "client-x", "channel": "private-a", "data": text}])

    def test_P110_absent_and_null(self) -> None:
        """An absent `data` leaves the key out, an explicit null stays null."""
        a, b = self.pair()
        self.say(a)
        self.say(a, data=None)
        self.assertEqual(b.take(), [self.relayed(""), self.relayed(',"data":null')])

    def test_P111_members_kept(self) -> None:
        """Given data `{"channel":"z","user_data":"q","k":1}`, then B receives all three members."""
        a, b = self.pair()
        self.say(a, data={"channel": "z", "user_data": "q", "k": 1})
        self.assertEqual(b.take(), [self.relayed(',"data":{"channel":"z","user_data":"q","k":1}')])

    def test_P112_user_id(self) -> None:
        """Given a presence channel, then B receives top-level `user_id` equal to A's member id; a `user_id` supplied by
        A is ignored."""
        a, b = self.member("presence-r", "u1"), self.member("presence-r", "u2")
        a.take()
        self.say(a, "presence-r", data={}, user_id="mallory")
        self.assertEqual(b.take(), [self.relayed(',"data":{},"user_id":"u1"', "presence-r")])

    def test_P112_only_on_presence(self) -> None:
        """No `user_id` elsewhere, even if the sender is signed in or supplies one."""
        a, b = self.pair()
        a.signin("u1")
        self.say(a, data={}, user_id="u1")
        self.assertEqual(b.take(), [self.relayed(',"data":{}')])

    def test_P113_own_second_socket(self) -> None:
        """Given A's second socket in the channel, then that socket receives the event."""
        a, again = self.member("presence-r", "u1"), self.member("presence-r", "u1")
        self.say(a, "presence-r", data={})
        self.assertEqual(again.take(), [self.relayed(',"data":{},"user_id":"u1"', "presence-r")])
        self.assertSilent(a)

    def test_P114_disabled(self) -> None:
        """When the app disables client messages, then E(4301,`Client event error: Client events are not enabled for
        this app`)."""
        self.serve(enable_client_messages=False)
        a, b = self.pair()
        expected = [error(4301, "Client event error: Client events are not enabled for this app")]
        self.assertEqual(self.say(a, data={}), expected)
        self.assertSilent(b)
        self.assertUsable(a)

    def test_P115_public(self) -> None:
        """When the channel is public or `cache-`, then E(4301,`Client event error: Client events can only be sent to
        private or presence channels`)."""
        a, b = self.pair("news")
        a.subscribe("cache-a")
        b.subscribe("cache-a")
        for channel in ("news", "cache-a", "my-private-a"):
            self.assertEqual(self.say(a, channel, data={}), [error(4301, ONLY_PRIVATE)])
        self.assertSilent(b)

    def test_P116_not_subscribed(self) -> None:
        """When the sender is not subscribed, then E(4301,`Client event error: Socket <id> is not subscribed to channel
        private-a`)."""
        a, b = self.client(), self.subscriber("private-a")
        text = f"Client event error: Socket {a.established} is not subscribed to channel private-a"
        self.assertEqual(self.say(a, data={}), [error(4301, text)])
        self.assertSilent(b)

    def test_P117_no_channel(self) -> None:
        """When `channel` is missing, then E(4301,`Client event error: Channel required for client event`)."""
        client = self.client()
        expected = [error(4301, "Client event error: Channel required for client event")]
        self.assertEqual(client.send('{"event":"client-x","data":{}}').take(), expected)
        self.assertEqual(client.send('{"event":"client-x","channel":null,"data":{}}').take(), expected)
        self.assertUsable(client)

    def test_P118_name_length(self) -> None:
        """When the name is 201 bytes, then E(4000,`Invalid event name: Event name exceeds maximum length of 200`)."""
        a, b = self.pair()
        expected = [error(4000, "Invalid event name: Event name exceeds maximum length of 200")]
        self.assertEqual(self.say(a, name="client-" + "x" * 194, data={}), expected)
        self.assertEqual(self.say(a, name="client-" + "é" * 97, data={}), expected)
        self.assertSilent(b)
        self.assertEqual(self.say(a, name="client-" + "x" * 193, data={}), [])
        self.assertEqual(len(b.take()), 1)

    def test_P118_channel_length(self) -> None:
        """A channel name that is too long is refused with 4300 and the client-event text."""
        expected = [error(4300, "Channel name invalid: Channel name exceeds maximum length of 200")]
        self.assertEqual(self.say(self.client(), "private-" + "x" * 193, data={}), expected)

    def test_P119_payload_size(self) -> None:
        """Given `max_event_payload_in_kb` 1, when data is 1025 bytes, then 4301 starting `Client event error: Event
        payload size (1025 bytes) exceeds limit (1KB)`; at 1024 bytes it is delivered."""
        self.serve(max_event_payload_in_kb=1)
        a, b = self.pair()
        start = "Client event error: Event payload size (1025 bytes) exceeds limit (1KB)"
        self.assertRefused(self.say(a, data="x" * 1025), 4301, start)
        self.assertRefused(self.say(a, data={"a": "x" * (1025 - 8)}), 4301, start)
        self.assertRefused(self.say(a, data="é" * 512 + "x"), 4301, start)
        self.assertSilent(b)
        for data in ("x" * 1024, "é" * 512, {"a": "x" * (1024 - 8)}):
            self.assertEqual(self.say(a, data=data), [])
            self.assertEqual(b.take(), [self.relayed(f',"data":{compact(data)}')])

    def burst(self, client: MemoryClient, number: int) -> None:
        """This many client events in one write."""
        message = masked(0x1, b'{"event":"client-x","channel":"private-a","data":{}}')
        client.write(message * number)

    def test_P120_rate(self) -> None:
        """Given `max_client_events_per_second` 3, when sending 5 at once, then 3 are delivered and two E(4301,`Client
        event rejected due to rate limit`) come back, the connection stays, and after 1 s sending works again."""
        self.serve(max_client_events_per_second=3)
        a, b = self.pair()
        self.burst(a, 5)
        self.assertEqual((len(b.take()), a.take()), (3, [TOO_FAST] * 2))
        self.server.advance(0.9)
        self.burst(a, 1)
        self.assertEqual((len(b.take()), a.take()), (0, [TOO_FAST]))
        self.assertUsable(a)
        self.server.advance(0.2)
        self.burst(a, 3)
        self.assertEqual((len(b.take()), a.take()), (3, []))

    def test_P121_no_limit(self) -> None:
        """Given limit 0, when sending 1000 at once, then all are delivered."""
        self.serve(max_client_events_per_second=0)
        a, b = self.pair()
        self.burst(a, 1000)
        self.assertEqual((len(b.take()), a.take()), (1000, []))

    def test_P122_per_socket(self) -> None:
        """Given two sockets, then the limits are independent."""
        self.serve(max_client_events_per_second=3)
        a, b = self.pair()
        self.burst(a, 4)
        self.assertEqual(a.take(), [TOO_FAST])
        b.take()
        self.burst(b, 3)
        self.assertEqual((len(a.take()), b.take()), (3, []))

    def test_P122_refused_events_count(self) -> None:
        """Events that are refused for another reason use the limit up, and the limit is asked first."""
        self.serve(max_client_events_per_second=1)
        a = self.client()
        self.assertEqual(self.say(a, "news"), [error(4301, ONLY_PRIVATE)])
        self.assertEqual(a.send('{"event":"client-x"}').take(), [TOO_FAST])

    def test_P123_after_unsubscribe(self) -> None:
        """When the sender unsubscribes and sends again, then 116's error."""
        a, b = self.pair()
        a.unsubscribe("private-a")
        text = f"Client event error: Socket {a.established} is not subscribed to channel private-a"
        self.assertEqual(self.say(a, data={}), [error(4301, text)])
        self.assertSilent(b)
