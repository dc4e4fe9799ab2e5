"""Public channels."""

from __future__ import annotations

import json

from .case import ProtocolCase, error, event, subscribe, succeeded


class PublicChannelTests(ProtocolCase):
    """Subscribing, unsubscribing, names, and events published through the REST API."""

    def test_P50_subscribe(self) -> None:
        """When subscribing to `news` with `auth` `""`, then exactly
        `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`."""
        client = self.client()
        client.send('{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}')
        expected = '{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}'
        self.assertEqual(client.take(), [expected])

    def test_P51_no_auth(self) -> None:
        """When the same request has no `auth`, then the same answer."""
        client = self.client()
        client.send('{"event":"pusher:subscribe","data":{"channel":"news"}}')
        self.assertEqual(client.take(), [succeeded("news")])

    def test_P51_odd_members(self) -> None:
        """`auth` and `channel_data` of other types, other keys and a top-level channel do not matter."""
        client = self.client()
        client.send(
            '{"event":"pusher:subscribe","channel":"x","data":{"channel":"news","auth":5,"channel_data":[],"y":{}}}'
        )
        self.assertEqual(client.take(), [succeeded("news")])

    def test_P52_double_encoded(self) -> None:
        """When `data` is a JSON string containing the object, then the same answer."""
        client = self.client()
        client.send({"event": "pusher:subscribe", "data": '{"auth":"","channel":"news"}'})
        self.assertEqual(client.take(), [succeeded("news")])

    def test_P52_bad_double_encoding(self) -> None:
        """A string that is not JSON, or has no channel, is told so."""
        client = self.client()
        client.send({"event": "pusher:subscribe", "data": "news"})
        self.assertEqual(client.take(), [error(4000, "Invalid message format: Failed to parse subscription data")])
        client.send({"event": "pusher:subscribe", "data": '{"channel":1}'})
        self.assertEqual(client.take(), [error(4000, "Invalid message format: Missing channel field in string data")])

    def test_P53_subscribe_twice(self) -> None:
        """When subscribing twice, then two `subscription_succeeded`; a publish is then received once; the channel's
        subscriber count is 1."""
        client = self.client()
        self.assertEqual(client.subscribe("news") + client.subscribe("news"), [succeeded("news")] * 2)
        self.server.publish("news", "e")
        self.assertEqual(client.take(), [event("e", "news")])
        self.assertEqual(self.server.subscriptions("news"), 1)

    def test_P54_unsubscribe_once(self) -> None:
        """Given 53, when unsubscribing once, then no more events are received."""
        client = self.client()
        client.subscribe("news")
        client.subscribe("news")
        self.assertEqual(client.unsubscribe("news"), [])
        self.server.publish("news", "e")
        self.assertSilent(client)
        self.assertEqual(self.server.subscriptions("news"), 0)

    def test_P55_no_acknowledgement(self) -> None:
        """When unsubscribing, then no acknowledgement; when unsubscribing from a channel never joined, then
        silent."""
        client = self.subscriber("news")
        watcher = self.member("presence-a", "u1")
        self.assertEqual(client.unsubscribe("news"), [])
        self.assertEqual(client.unsubscribe("never"), [])
        self.assertEqual(client.unsubscribe("presence-a"), [])
        self.assertEqual(client.unsubscribe("no such name"), [])
        self.assertSilent(client, watcher)

    def test_P56_subscribe_without_data(self) -> None:
        """When `pusher:subscribe` has no data, then E(4000,`Invalid message format: Invalid subscription data
        format`)."""
        client = self.client()
        for text in ('{"event":"pusher:subscribe"}', '{"event":"pusher:subscribe","data":null}'):
            client.send(text)
            self.assertEqual(client.take(), [error(4000, "Invalid message format: Invalid subscription data format")])
        self.assertUsable(client)

    def test_P57_subscribe_without_channel(self) -> None:
        """When `pusher:subscribe` data is `{}` or `{"channel":5}`, then E(4000,`Invalid message format: Missing
        channel field`)."""
        client = self.client()
        for data in ({}, {"channel": 5}, [], 7, True, ["news"]):
            client.send({"event": "pusher:subscribe", "data": data})
            self.assertEqual(client.take(), [error(4000, "Invalid message format: Missing channel field")])
        self.assertUsable(client)

    def test_P58_unsubscribe_without_channel(self) -> None:
        """When `pusher:unsubscribe` has no data, then E(4000,`Invalid message format: Missing data in unsubscribe
        message`); data `{}` → `… Missing channel in unsubscribe message`."""
        client = self.subscriber("news")
        client.send('{"event":"pusher:unsubscribe"}')
        self.assertEqual(client.take(), [error(4000, "Invalid message format: Missing data in unsubscribe message")])
        for data in ({}, {"channel": 5}, []):
            client.send({"event": "pusher:unsubscribe", "data": data})
            expected = error(4000, "Invalid message format: Missing channel in unsubscribe message")
            self.assertEqual(client.take(), [expected])
        self.assertEqual(self.server.subscriptions("news"), 1)

    def test_P59_unsubscribe_by_string(self) -> None:
        """When `pusher:unsubscribe` data is the string `news`, then the socket leaves `news`."""
        client = self.client()
        for data in ("news", '{"channel":"news"}'):
            client.subscribe("news")
            self.assertEqual(client.send({"event": "pusher:unsubscribe", "data": data}).take(), [])
            self.assertEqual(self.server.subscriptions("news"), 0)

    def test_P60_name_length(self) -> None:
        """When subscribing to a name of 200 characters, then success; of 201, then E(4300,`Channel error: Channel
        name too long. Max length is 200`)."""
        client = self.client()
        self.assertEqual(client.subscribe("n" * 200), [succeeded("n" * 200)])
        too_long = [error(4300, "Channel error: Channel name too long. Max length is 200")]
        self.assertEqual(client.subscribe("n" * 201), too_long)
        self.assertEqual(client.subscribe("é" * 101), too_long)
        self.assertUsable(client)

    def test_P61_app_name_length(self) -> None:
        """Given `max_channel_name_length` 10, then an 11-character name fails with `Max length is 10`."""
        self.serve(max_channel_name_length=10)
        client = self.client()
        self.assertEqual(client.subscribe("n" * 10), [succeeded("n" * 10)])
        expected = [error(4300, "Channel error: Channel name too long. Max length is 10")]
        self.assertEqual(client.subscribe("n" * 11), expected)

    def test_P62_bad_character(self) -> None:
        """When subscribing to `a b`, then 4300 with text starting `Channel error: Channel name contains invalid
        characters: 'a b'`."""
        client = self.client()
        start = "Channel error: Channel name contains invalid characters: 'a b'"
        self.assertRefused(client.subscribe("a b"), 4300, start)
        self.assertUsable(client)

    def test_P63_alphabet(self) -> None:
        """When subscribing to `A-Za_z=@.:,;9`, then success; to `a#b` or to an empty name, then 4300."""
        client = self.client()
        self.assertEqual(client.subscribe("A-Za_z=@.:,;9"), [succeeded("A-Za_z=@.:,;9")])
        for name in ("a#b", "#a", "", "é", "a\nb", "a/b"):
            self.assertRefused(client.subscribe(name), 4300, "Channel error: Channel name ")
        self.assertUsable(client)

    def test_P64_published_event(self) -> None:
        """Given two subscribers, when an API event is published, then both receive
        `{"event":"e","channel":"news","data":"…"}` with string data and no other keys."""
        clients = [self.subscriber("news"), self.subscriber("news")]
        self.server.publish("news", "e", '{"id":1}')
        for client in clients:
            self.assertEqual(client.take(), ['{"event":"e","channel":"news","data":"{\\"id\\":1}"}'])

    def test_P65_data_forms(self) -> None:
        """Given publish `data` `{"a":1}` as an object, then the socket sees the string `{"a":1}`; as the string
        `hello`, then `hello`; absent, then `null`."""
        client = self.subscriber("news")
        for body, seen in (
            (b'{"name":"e","channel":"news","data":{"a":1}}', '{"a":1}'),
            (b'{"name":"e","channel":"news","data": { "b" : [1, 2.50], "a":"\\u00e9/" } }', '{"b":[1,2.50],"a":"é/"}'),
            (b'{"name":"e","channel":"news","data":"hello"}', "hello"),
            (b'{"name":"e","channel":"news"}', "null"),
            (b'{"name":"e","channel":"news","data":null}', "null"),
        ):
            self.assertEqual(self.server.request("POST", "/apps/app/events", body=body).status, 200)
            self.assertEqual(client.take(), [event("e", "news", seen)])

    def test_P66_excluded_socket(self) -> None:
        """Given publish with `socket_id` of subscriber A, then A receives nothing and B receives the event."""
        a, b = self.subscriber("news", "other"), self.subscriber("news")
        self.server.publish(["news", "other"], "e", socket_id=a.established)
        self.assertSilent(a)
        self.assertEqual(b.take(), [event("e", "news")])

    def test_P67_two_channels(self) -> None:
        """Given a socket in `x` and `y`, when publishing one event to both, then it receives two messages, one per
        channel."""
        client = self.subscriber("x", "y")
        self.server.publish(["x", "y"], "e")
        self.assertEqual(client.take(), [event("e", "x"), event("e", "y")])

    def test_P68_order(self) -> None:
        """Given 1000 sequential publishes to one channel, then each subscriber receives them in order."""
        clients = [self.subscriber("news") for _ in range(3)]
        for number in range(1000):
            self.server.publish("news", "e", str(number))
        for client in clients:
            self.assertEqual([json.loads(text)["data"] for text in client.take()], [str(n) for n in range(1000)])

    def test_P68_subscription_in_between(self) -> None:
        """No event comes before `subscription_succeeded`, none published after it is missed."""
        client = self.client()
        self.server.publish("news", "before")
        client.send(subscribe("news"))
        self.server.publish("news", "after")
        self.assertEqual(client.take(), [succeeded("news"), event("after", "news")])
