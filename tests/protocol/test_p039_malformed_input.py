"""Malformed and unknown input."""

from __future__ import annotations

import json

from sockudo_tx.testing import MemoryClient
from sockudo_tx.transports.port import WebSocketSettings

from .case import PONG, ProtocolCase, error, subscribe, succeeded

INVALID_JSON = "Invalid message format: Invalid JSON: "


class MalformedInputTests(ProtocolCase):
    """Bad input is told and survived; unknown input is ignored."""

    def assertNotJson(self, client: MemoryClient, message: str | bytes) -> None:
        self.assertRefused(client.send(message).take(), 4000, INVALID_JSON)
        self.assertUsable(client)

    def test_P39_not_json(self) -> None:
        """When sending `not json`, then `pusher:error` 4000 starting `Invalid message format: Invalid JSON`, and a
        following ping is answered."""
        self.assertNotJson(self.client(), "not json")

    def test_P40_not_an_object(self) -> None:
        """When sending `[]`, `"x"`, `1` or an empty text frame, then the same kind of error and the connection
        stays."""
        client = self.client()
        for text in ("[]", '"x"', "1", "", "null", "true", "{", '{"event":"pusher:ping"}x', '{"event":"pusher:ping",}'):
            self.assertNotJson(client, text)

    def test_P41_no_event(self) -> None:
        """When sending `{"data":{}}`, then E(4000,`Invalid event name: Event name is required`)."""
        for text in ('{"data":{}}', '{"event":null}', "{}"):
            client = self.client()
            expected = [error(4000, "Invalid event name: Event name is required")]
            self.assertEqual(client.send(text).take(), expected)
            self.assertUsable(client)

    def test_P42_event_of_wrong_type(self) -> None:
        """When sending `{"event":5}`, then a 4000 error and the connection stays."""
        client = self.client()
        for text in ('{"event":5}', '{"event":{}}', '{"event":"my-event","channel":5}', '{"event":"x","user_id":{}}'):
            self.assertNotJson(client, text)

    def test_P43_unknown_events(self) -> None:
        """When sending `{"event":"my-event","channel":"news","data":{}}` or `{"event":"pusher:foo"}`, then silent."""
        client, other = self.subscriber("news"), self.subscriber("news")
        client.send('{"event":"my-event","channel":"news","data":{}}')
        client.send('{"event":"pusher:foo"}')
        client.send('{"event":"","channel":null,"user_id":null,"data":null,"more":[1]}')
        self.assertSilent(client, other)

    def test_P44_server_events(self) -> None:
        """When sending `{"event":"pusher_internal:member_added","channel":"presence-x","data":"{}"}`, then silent and
        nobody receives it."""
        client, other = self.member("presence-x", "u1"), self.member("presence-x", "u2")
        client.take()
        for name in ("pusher_internal:member_added", "pusher:error", "pusher_internal:subscription_succeeded"):
            client.send({"event": name, "channel": "presence-x", "data": "{}"})
        self.assertSilent(client, other)

    def test_P45_binary_ping(self) -> None:
        """When sending a ping as a binary frame, then a pong as a text frame."""
        self.assertEqual(self.client().send(b'{"event":"pusher:ping","data":{}}').take(), [PONG])

    def test_P46_invalid_utf8(self) -> None:
        """When sending a binary frame with invalid UTF-8, then a 4000 `Invalid message format: Invalid UTF-8` error;
        when a text frame has invalid UTF-8, then Close 1007."""
        client = self.client()
        for payload in (b"\xff\xfe", b'{"event":"pusher:ping","data":"\xc3\x28"}', b"\xed\xa0\x80"):
            self.assertRefused(client.send(payload).take(), 4000, "Invalid message format: Invalid UTF-8")
        self.assertUsable(client)
        client.frame(0x1, b'{"event":"pusher:ping","data":"\xff"}')
        self.assertEqual(client.take(), [])
        self.assertEqual((client.closed or (0, ""))[0], 1007)
        self.assertEqual(self.server.tables(), {})

    def test_P47_too_big(self) -> None:
        """When sending a message larger than `max_message_size`, then Close 1009 and no `pusher:error`."""
        self.make(websocket=WebSocketSettings(max_message_size=1000, max_frame_size=600))
        start, end = b'{"event":"my-event","data":"', b'"}'
        whole = start + b"x" * (1000 - len(start) - len(end)) + end
        client = self.client()
        client.frame(0x1, whole[:500], fin=False).frame(0x0, whole[500:])
        self.assertUsable(client)
        client.frame(0x1, whole[:500], fin=False).frame(0x0, whole[500:] + b" ")
        self.assertEqual((client.take(), (client.closed or (0, ""))[0]), ([], 1009))
        client = self.client()
        client.frame(0x1, whole[:601])
        self.assertEqual((client.take(), (client.closed or (0, ""))[0]), ([], 1009))

    def test_P48_hostile_json(self) -> None:
        """When sending JSON nested 100 000 deep, containing `NaN`, or containing an unpaired surrogate escape, then a
        4000 error and the server survives."""
        client = self.subscriber("private-a")
        deep = "[" * 100_000 + "]" * 100_000
        for name, channel in (
            ("my-event", "news"),
            ("client-x", "private-a"),
            ("pusher:subscribe", None),
            ("pusher:unsubscribe", None),
            ("pusher:signin", None),
        ):
            where = f',"channel":"{channel}"' if channel else ""
            for data in (
                deep,
                "NaN",
                "-Infinity",
                '{"channel":Infinity}',
                '"\\ud800"',
                '{"channel":"\\udc00"}',
                '{"\\ud800":1}',
                f'{{"channel":{deep}}}',
            ):
                text = f'{{"event":"{name}"{where},"data":{data}}}'
                with self.subTest(text[:80]):
                    frames = client.send(text).take()
                    self.assertRefused(frames, 4000, "Invalid message format: ")
                    self.assertUsable(client)
        self.assertNotJson(client, deep)
        self.assertNotJson(client, '{"event":"client-\\ud800","channel":"private-a"}')
        self.assertUsable(client)

    def test_P48_hostile_strings(self) -> None:
        """The same inside the strings that hold JSON: `channel_data`, `user_data`, double-encoded `data`."""
        client = self.client()
        deep = "[" * 100_000 + "]" * 100_000
        for text in (
            deep,
            "NaN",
            '"\\ud800"',
            f'{{"user_id":"u1","user_info":{deep}}}',
            f'{{"id":"u1","user_info":{deep}}}',
        ):
            with self.subTest(text[:60]):
                auth = client.auth("presence-a", text)
                frames = client.subscribe("presence-a", channel_data=text, auth=auth)
                self.assertEqual(json.loads(frames[0])["event"], "pusher:error")
                self.assertEqual(json.loads(client.signin("", user_data=text)[0])["event"], "pusher:error")
                frames = client.send({"event": "pusher:subscribe", "data": text}).take()
                self.assertRefused(frames, 4000, "Invalid message format: ")
                self.assertUsable(client)

    def test_P49_fragments(self) -> None:
        """Given a fragmented text message in three frames, when it is a subscribe, then it succeeds."""
        client = self.client()
        message = subscribe("news").encode()
        client.frame(0x1, message[:10], fin=False).frame(0x0, message[10:20], fin=False)
        client.ping(b"between").frame(0x0, message[20:])
        self.assertEqual(client.take(), [succeeded("news")])
        self.assertEqual(client.pongs, [b"between"])
