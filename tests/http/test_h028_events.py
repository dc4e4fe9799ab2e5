"""Publishing an event: `POST /apps/{id}/events`."""

from __future__ import annotations

from typing import Any

from sockudo_tx.transports.rest.site import RestSettings

from .case import DEMO, HttpCase, RawConnection, event_frame, signed

EVENT = b'{"name":"n","channels":["c"],"data":"d"}'
CACHED = '{"event":"n","channel":"%s","data":"d"}'


def raw_event(data: str) -> bytes:
    return b'{"name":"n","channels":["c"],"data":%b}' % data.encode()


class EventTests(HttpCase):
    """Cases H-28 to H-54."""

    def delivered(self, body: bytes) -> str:
        """The data a subscriber of `c` receives."""
        client = self.subscriber("c")
        self.assertJson(self.post("/events", body), {"ok": True})
        (frame,) = client.json()
        self.assertEqual((frame["event"], frame["channel"], list(frame)), ("n", "c", ["event", "channel", "data"]))
        return str(frame["data"])

    def test_H28_string(self) -> None:
        """One channel, string data, one subscriber: 200 `{"ok":true}`, frame `data` identical string."""
        client = self.subscriber("c")
        text = '{"a": "b\\u00e4\\"",\t"ü":1.0}\n'
        response = self.publish(data=text)
        self.assertEqual((response.status, response.text), (200, '{"ok":true}'))
        self.assertHeard(client, event_frame("n", "c", text))

    def test_H29_object(self) -> None:
        """Object data: delivered as compact JSON string in member order, non-ASCII unescaped."""
        data = self.delivered(raw_event('{"z": 1, "a": {"\\u00fc" : [1.50, 1e2 ] }, "u": "\\ud83d\\ude00"}'))
        self.assertEqual(data, '{"z":1,"a":{"ü":[1.50,1e2]},"u":"😀"}')

    def test_H30_other_data(self) -> None:
        """Data number, array, boolean: delivered as their JSON text; data missing or null: `null`."""
        for text in ("12345678901234567890123.450", "[1,2]", "true", "null"):
            self.assertEqual(self.delivered(raw_event(text)), text)
        self.assertEqual(self.delivered(b'{"name":"n","channel":"c"}'), "null")

    def test_H31_several_channels(self) -> None:
        """`channels` with 3 names: each gets the event once; duplicate names: still once."""
        clients = [self.subscriber(name) for name in "abc"]
        for channels in (["a", "b", "c"], ["a", "b", "a", "c", "c"]):
            self.assertJson(self.publish(channels=channels), {"ok": True})
            for name, client in zip("abc", clients, strict=True):
                self.assertHeard(client, event_frame("n", name, "d"))

    def test_H32_channels_first(self) -> None:
        """`channel` and `channels` both present: `channels` wins."""
        one, other = self.subscriber("a"), self.subscriber("b")
        self.assertJson(self.publish(channels=["a"], channel="b"), {"ok": True})
        self.assertHeard(one, event_frame("n", "a", "d"))
        self.assertHeard(other)
        self.assertJson(self.publish(channels=None, channel="b"), {"ok": True})
        self.assertHeard(other, event_frame("n", "b", "d"))

    def test_H33_no_channel(self) -> None:
        """Neither, or `channels: []`: 400 `missing_channel_info`."""
        for members in ({"channels": None}, {"channels": []}, {"channels": [], "channel": "c"}):
            self.assertRefused(self.publish(**members), 400, "missing_channel_info")

    def test_H34_no_name(self) -> None:
        """`name` missing, null, empty, non-string: 400."""
        self.assertRefused(self.publish(name=None), 400, "invalid_input", "name")
        for name in ("null", '""', "1", "[]", "{}", "true"):
            self.assertRefused(
                self.post("/events", b'{"channel":"c","name":%b}' % name.encode()), 400, "invalid_input", "name"
            )

    def test_H35_name_length(self) -> None:
        """Name of exactly 200 characters: 200; 201: 400; 200 two-byte characters: 200."""
        for name in ("n" * 200, "ä" * 200):
            self.assertJson(self.publish(name=name), {"ok": True})
        self.assertRefused(self.publish(name="n" * 201), 400, "limit_exceeded", "201", "200")

    def test_H36_channel_count(self) -> None:
        """100 channels: 200; 101: 400; app limit 2 and 3 channels: 400."""
        self.assertJson(self.publish(channels=[f"c{number}" for number in range(100)]), {"ok": True})
        self.assertRefused(self.publish(channels=[f"c{number}" for number in range(101)]), 400, "limit_exceeded", "101")
        self.server.change_app("app-id", max_event_channels_at_once=2)
        self.assertRefused(self.publish(channels=["a", "b", "c"]), 400, "limit_exceeded", "3", "2")
        self.assertJson(self.publish(channels=["a", "b"]), {"ok": True})

    def test_H37_payload(self) -> None:
        """Payload exactly 100 KiB: 200; one byte more: 413; multi-byte text counted in bytes."""
        self.assertJson(self.publish(data="x" * 102400), {"ok": True})
        self.assertJson(self.publish(data="ä" * 51200), {"ok": True})
        for data in ("x" * 102401, "ä" * 51200 + "x", {"a": "x" * 102393}):
            self.assertRefused(self.publish(data=data), 413, "payload_too_large", "102401", "100 KiB")

    def test_H38_channel_names(self) -> None:
        """Channel name with space or `$`: 400; with each of `_-=@,.;:`: 200; `#x`: 400; `#server-to-user-auth0|42`:
        200; 201 characters: 400; empty: 400."""
        for name in ("a b", "a$", "#x", "x" * 201, "", "#server-to-user-", "ä"):
            self.assertRefused(self.publish(channels=[name]), 400, "invalid_input")
        for name in ("_-=@,.;:", "#server-to-user-auth0|42", "x" * 200):
            self.assertJson(self.publish(channels=[name]), {"ok": True})

    def test_H39_one_bad_channel(self) -> None:
        """One bad channel among three: 400 and no channel received anything."""
        clients = [self.subscriber(name) for name in "ac"]
        self.assertRefused(self.publish(channels=["a", "b$", "c"]), 400, "invalid_input", "b$")
        for client in clients:
            self.assertHeard(client)

    def test_H40_exclusion(self) -> None:
        """`socket_id` of a subscriber: that one gets nothing, the others do, also across two nodes."""
        sender, other = self.subscriber("a", "b"), self.subscriber("a", "b")
        self.assertJson(self.publish(channels=["a", "b"], socket_id=sender.established), {"ok": True})
        self.assertHeard(sender)
        self.assertHeard(other, event_frame("n", "a", "d"), event_frame("n", "b", "d"))

    def test_H41_socket_ids(self) -> None:
        """`socket_id` well-formed but unknown: 200; `abc`: 400; `""` and null: no exclusion."""
        client = self.subscriber("c")
        self.assertJson(self.publish(socket_id="1.1"), {"ok": True})
        self.assertJson(self.publish(socket_id=""), {"ok": True})
        self.assertJson(self.post("/events", b'{"name":"n","channel":"c","data":"d","socket_id":null}'), {"ok": True})
        self.assertHeard(client, *[event_frame("n", "c", "d")] * 3)
        for bad in ("abc", "1.1x", "1", 1.5):
            self.assertRefused(self.publish(socket_id=bad), 400, "invalid_input", "socket_id")
        self.assertHeard(client)

    def test_H42_count_of_nobody(self) -> None:
        """`info=subscription_count` on an empty channel: `{"channels":{"c":{"subscription_count":0}}}`."""
        self.assertJson(self.publish(info="subscription_count"), {"channels": {"c": {"subscription_count": 0}}})

    def test_H43_user_count(self) -> None:
        """`info=user_count` on presence and public channels together: presence has the count, public is `{}`."""
        self.subscriber("presence-a", user_id="1")
        self.subscriber("b")
        answer = self.publish(channels=["presence-a", "b", "presence-z"], info="user_count")
        self.assertJson(
            answer, {"channels": {"presence-a": {"user_count": 1}, "b": {}, "presence-z": {"user_count": 0}}}
        )

    def test_H44_unknown_attribute(self) -> None:
        """`info=user_countx`: no count returned, 200."""
        self.subscriber("presence-a", user_id="1")
        self.assertJson(self.publish(channels=["presence-a"], info="user_countx"), {"channels": {"presence-a": {}}})
        self.assertJson(self.publish(info=""), {"ok": True})
        self.assertRefused(self.publish(info=["user_count"]), 400, "invalid_input", "info")

    def test_H45_same_user_twice(self) -> None:
        """Same user twice in a presence channel: `user_count` 1, `subscription_count` 2."""
        for _ in range(2):
            self.subscriber("presence-a", user_id="1")
        answer = self.publish(channels=["presence-a"], info=" user_count , subscription_count")
        self.assertJson(answer, {"channels": {"presence-a": {"user_count": 1, "subscription_count": 2}}})

    def test_H46_tags(self) -> None:
        """`tags` with a number value: 400; valid tags with filtering off: 200."""
        client = self.subscriber("c")
        self.assertRefused(self.publish(tags={"a": 1}), 400, "invalid_input", "tags")
        self.assertHeard(client)
        self.assertJson(self.publish(tags={"a": "1"}), {"ok": True})
        self.assertHeard(client, event_frame("n", "c", "d"))

    def test_H47_no_delta(self) -> None:
        """`delta:false`: delta subscribers receive a full message."""
        client = self.server.client(DEMO.key)
        client.send({"event": "pusher:subscribe", "data": {"channel": "c", "delta": {"enabled": True}}}).take()
        frame = event_frame("n", "c", "x" * 500)
        for value, heard in ((False, frame), (True, frame[:-1] + ',"__delta_seq":0}'), (False, frame)):
            self.assertJson(self.publish(delta=value, data="x" * 500), {"ok": True})
            self.assertHeard(client, heard)
        self.assertRefused(self.publish(delta="no"), 400, "invalid_input", "delta")

    def test_H48_user_channel(self) -> None:
        """`#server-to-user-u1`: every socket signed in as u1 receives it once, nobody else (not a socket that is only
        present as u1)."""
        users = [self.signed_in("u1"), self.signed_in("u1")]
        others = [self.signed_in("u2"), self.subscriber("presence-a", user_id="u1"), self.subscriber("c")]
        name = "#server-to-user-u1"
        for client in users + others:
            client.take()
        self.assertJson(
            self.publish(channels=[name], info="subscription_count"), {"channels": {name: {"subscription_count": 2}}}
        )
        for client in users:
            self.assertHeard(client, event_frame("n", name, "d"))
        for client in others:
            self.assertHeard(client)
        self.publish(channels=[name], socket_id=users[0].established)
        self.assertHeard(users[0])
        self.assertHeard(users[1], event_frame("n", name, "d"))

    def test_H49_cache_channel(self) -> None:
        """Publish to a cache channel, then subscribe: the cached event arrives; to `foo-cache-x`: nothing cached."""
        for name in ("cache-a", "private-cache-a", "private-encrypted-cache-a", "presence-cache-a", "foo-cache-x"):
            self.assertJson(self.publish(channels=[name]), {"ok": True})
            client = self.server.client(DEMO.key)
            frames = client.subscribe(name, "1" if name.startswith("presence-") else None)
            self.assertEqual(frames[1:], [] if name == "foo-cache-x" else [CACHED % name])

    def test_H50_bad_json(self) -> None:
        """Malformed JSON: 400 JSON error; top-level array: 400; `NaN`: 400; lone surrogate: 400; depth 10000: 400."""
        client = self.subscriber("c")
        deep = "[" * 10000 + "]" * 10000
        bodies = [b"{", b"[]", b"[%b]" % EVENT, raw_event("NaN"), raw_event('"\\ud800"'), raw_event(deep), b"[" * 10000]
        for body in (
            *bodies,
            raw_event("[Infinity]"),
            raw_event('{"a":"\\udfff"}'),
            EVENT[:-2] + b'\xff"}',
            b"",
            b'"x"',
        ):
            self.assertRefused(self.post("/events", body), 400, "invalid_input")
        self.assertHeard(client)
        self.assertJson(self.post("/events", b"\xef\xbb\xbf" + EVENT), {"ok": True})

    def test_H51_content_types(self) -> None:
        """Content-Type `text/plain`, `application/x-www-form-urlencoded` or absent with a JSON body: 200."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None):
            headers = {} if kind is None else {"Content-Type": kind}
            self.assertJson(self.post("/events", EVENT, headers=headers), {"ok": True})

    def test_H52_large_body(self) -> None:
        """Body over `request_limit_in_mb` with and without `Content-Length`: 413, connection closed, memory bounded."""
        self.serve(rest=RestSettings(request_limit=1000))
        target = signed("POST", "/apps/app-id/events", body=b"x")
        announced = RawConnection(self.server)
        announced.send(b"POST %b HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" % target.encode())
        self.assertRefused(announced.take()[0], 413, "payload_too_large", "1000")
        self.assertTrue(announced.ended)

        chunked = RawConnection(self.server)
        chunked.send(b"POST %b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % target.encode())
        for _ in range(10):
            chunked.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        self.assertEqual((chunked.received, chunked.ended), (b"", False))
        chunked.send(b"1\r\nx\r\n")
        (response,) = chunked.take()
        self.assertRefused(response, 413, "payload_too_large", "1000")
        self.assertEqual(response.headers["connection"], "close")
        self.assertTrue(chunked.ended)

        at_once = RawConnection(self.server)
        at_once.send(
            b"POST %b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n%b\r\n0\r\n\r\n"
            % (target.encode(), b"x" * 1001)
        )
        self.assertRefused(at_once.take()[0], 413, "payload_too_large")

        exact = b" " * (1000 - len(EVENT)) + EVENT
        self.assertJson(self.post("/events", exact), {"ok": True})

    def test_H53_encoded_body(self) -> None:
        """`Content-Encoding: gzip`: 415."""
        self.assertRefused(
            self.post("/events", EVENT, headers={"Content-Encoding": "gzip"}), 415, "unsupported_media_type"
        )
        batch = b'{"batch":[]}'
        self.assertRefused(
            self.post("/batch_events", batch, headers={"Content-Encoding": "br"}), 415, "unsupported_media_type"
        )
        self.assertJson(self.post("/events", EVENT, headers={"Content-Encoding": "Identity"}), {"ok": True})

    def test_H54_wrong_method(self) -> None:
        """`GET /apps/app-id/events`: 405 with `Allow: POST`."""
        wrong: list[tuple[str, str, str]] = [
            ("GET", "/apps/app-id/events", "POST"),
            ("HEAD", "/apps/app-id/batch_events", "POST"),
            ("PUT", "/apps/app-id/users/u/terminate_connections", "POST"),
            ("POST", "/apps/app-id/channels", "GET, HEAD"),
            ("DELETE", "/up", "GET, HEAD"),
            ("post", "/apps/app-id/events", "POST"),
        ]
        for method, path, allow in wrong:
            response = self.call(method, path)
            self.assertEqual((response.status, response.headers["allow"]), (405, allow), method + path)
            if method != "HEAD":
                self.assertRefused(response, 405, "method_not_allowed", allow)

    def test_order_of_events(self) -> None:
        """Events published one after another arrive in that order, each once."""
        client = self.subscriber("c")
        for number in range(20):
            self.publish(data=str(number))
        self.assertHeard(client, *[event_frame("n", "c", str(number)) for number in range(20)])

    def test_reserved_names(self) -> None:
        """The backend may use reserved event names, and unknown members are ignored."""
        client = self.subscriber("c")
        for name in ("pusher:x", "pusher_internal:x", "client-x"):
            extra: dict[str, Any] = {"unknown": {"a": [1]}}
            self.assertJson(self.publish(name=name, **extra), {"ok": True})
            self.assertHeard(client, event_frame(name, "c", "d"))
