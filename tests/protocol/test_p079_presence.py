"""Presence."""

from __future__ import annotations

from typing import Any

from sockudo_tx.testing import channel_auth, fixture_app

from .case import UNSIGNED, ProtocolCase, added, error, event, presence, removed

ROOM = "presence-r"
ANN, BOB = {"name": "Ann"}, {"name": "Bob"}
NO_USER_ID = "Channel error: Missing user_id in channel_data"


class PresenceTests(ProtocolCase):
    """Everybody knows who is there, each user once."""

    def join_raw(self, client: Any, channel_data: str) -> list[str]:
        """Subscribe with exactly this `channel_data`, correctly signed."""
        return client.subscribe(ROOM, channel_data=channel_data)

    def test_P79_first_member(self) -> None:
        """When the first user joins `presence-r`, then `subscription_succeeded` with `ids` [`u1`], `hash` {`u1`:
        info}, `count` 1 (itself included)."""
        self.assertEqual(
            self.client().subscribe(ROOM, "u1", ANN),
            [
                (
                    '{"event":"pusher_internal:subscription_succeeded","channel":"presence-r","data":'
                    '"{\\"presence\\":{\\"ids\\":[\\"u1\\"],\\"hash\\":{\\"u1\\":{\\"name\\":\\"Ann\\"}},\\"count\\":1}}"}'
                )
            ],
        )

    def test_P80_second_member(self) -> None:
        """When a second user joins, then the first receives `member_added` with string data
        `{"user_id":"u2","user_info":{…}}` and the second receives both members, and no `member_added` of its own."""
        first, second = self.member(ROOM, "u1", ANN), self.client()
        self.assertEqual(second.subscribe(ROOM, "u2", BOB), [presence(ROOM, ("u1", ANN), ("u2", BOB))])
        self.assertEqual(
            first.take(),
            [
                (
                    '{"event":"pusher_internal:member_added","channel":"presence-r",'
                    '"data":"{\\"user_id\\":\\"u2\\",\\"user_info\\":{\\"name\\":\\"Bob\\"}}"}'
                )
            ],
        )
        self.assertSilent(second)

    def test_P81_second_connection(self) -> None:
        """When `u2` opens a second connection and joins, then nobody receives `member_added` and the list has `count`
        2."""
        first, second, again = self.member(ROOM, "u1", ANN), self.member(ROOM, "u2", BOB), self.client()
        first.take()
        frames = again.subscribe(ROOM, "u2", {"name": "Robert"})
        self.assertEqual(frames, [presence(ROOM, ("u1", ANN), ("u2", BOB))])
        self.assertSilent(first, second, again)

    def test_P82_last_connection(self) -> None:
        """Given 81, when one `u2` connection closes, then silent; when the other closes, then `u1` receives exactly
        one `member_removed` with data `{"user_id":"u2"}` and no `user_info`."""
        first, second, again = self.member(ROOM, "u1"), self.member(ROOM, "u2"), self.member(ROOM, "u2")
        first.take()
        second.close()
        self.assertSilent(first)
        again.close()
        expected = '{"event":"pusher_internal:member_removed","channel":"presence-r","data":"{\\"user_id\\":\\"u2\\"}"}'
        self.assertEqual(first.take(), [expected])
        self.server.advance(10)
        self.assertSilent(first)

    def test_P82_user_info_of_the_first(self) -> None:
        """`user_info` stays that of the first connection until the user has left completely."""
        observer, first = self.member(ROOM, "o", ANN), self.member(ROOM, "u2", BOB)
        second = self.member(ROOM, "u2", {"name": "Robert"})
        first.close()
        self.assertEqual(self.client().subscribe(ROOM, "x"), [presence(ROOM, ("o", ANN), ("u2", BOB), ("x", {}))])
        second.close()
        observer.take()
        self.member(ROOM, "u2", {"name": "Robert"})
        self.assertEqual(observer.take(), [added(ROOM, "u2", {"name": "Robert"})])

    def test_P83_unsubscribe(self) -> None:
        """When a presence member unsubscribes, then the others receive `member_removed` at once and it receives
        nothing."""
        first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
        first.take()
        self.assertEqual(second.unsubscribe(ROOM), [])
        self.assertEqual(first.take(), [removed(ROOM, "u2")])
        self.assertSilent(second)
        self.assertEqual(self.server.members(ROOM), ["u1"])

    def test_P84_cut(self) -> None:
        """When a member's TCP connection is cut, or it is closed by the heartbeat (case 29), then the others receive
        `member_removed` within 1 s of detection."""
        for clean in (False, True):
            self.serve()
            first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
            first.take()
            second.cut(clean=clean)
            self.server.advance(1)
            self.assertEqual(first.take(), [removed(ROOM, "u2")])

    def test_P84_heartbeat(self) -> None:
        """A member that the heartbeat gives up is gone for the others, also if it never answers the Close frame."""
        for answers in (True, False):
            self.serve()
            first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
            second.answers_close = answers
            first.take()
            self.server.advance(100)
            first.ping()
            self.server.advance(52)
            self.assertEqual((second.closed or (0, ""))[0], 4201)
            self.assertEqual(first.take(), [removed(ROOM, "u2")])
            self.assertEqual(self.server.members(ROOM), ["u1"])

    def test_P84_fault(self) -> None:
        """So is a member that breaks the rules of WebSocket, which the server answers with a Close frame of its own."""
        for opcode, payload, code in ((0x3, b"", 1002), (0x1, b"\xff", 1007)):
            self.serve()
            first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
            second.answers_close = False
            first.take()
            second.frame(opcode, payload)
            self.assertEqual((second.closed or (0, ""))[0], code)
            self.assertEqual(first.take(), [removed(ROOM, "u2")])
            self.assertEqual(self.server.members(ROOM), ["u1"])

    def test_P85_numeric_user_id(self) -> None:
        """When `user_id` is the number 10, then the member id is the string `10` everywhere."""
        first, second = self.member(ROOM, "u1"), self.client()
        self.assertEqual(second.subscribe(ROOM, 10), [presence(ROOM, ("u1", {}), ("10", {}))])
        self.assertEqual(first.take(), [added(ROOM, "10", {})])
        self.assertEqual(self.server.members(ROOM), ["10", "u1"])
        second.send({"event": "client-x", "channel": ROOM, "data": {}})
        expected = '{"event":"client-x","channel":"presence-r","data":{},"user_id":"10"}'
        self.assertEqual(first.take(), [expected])
        self.assertEqual(self.client().subscribe(ROOM, "10"), [presence(ROOM, ("u1", {}), ("10", {}))])
        self.assertSilent(first, second)

    def test_P86_bad_user_id(self) -> None:
        """When `channel_data` lacks `user_id`, or it is `""`, null or an object, then E(4300,`Channel error: Missing
        user_id in channel_data`)."""
        client = self.client()
        for data in (
            "{}",
            '{"user_id":""}',
            '{"user_id":null}',
            '{"user_id":{}}',
            '{"user_id":true}',
            '{"user_id":1.5}',
        ):
            self.assertEqual((data, self.join_raw(client, data)), (data, [error(4300, NO_USER_ID)]))
        self.assertUsable(client)
        self.assertEqual(self.server.occupied(), [])

    def test_P87_no_user_info(self) -> None:
        """When `channel_data` lacks `user_info`, then the member's info is `{}` in `hash` and in `member_added`."""
        first, second = self.member(ROOM, "u1", ANN), self.client()
        self.assertEqual(self.join_raw(second, '{"user_id":"u2"}'), [presence(ROOM, ("u1", ANN), ("u2", {}))])
        self.assertEqual(first.take(), [added(ROOM, "u2", {})])

    def test_P87_any_user_info(self) -> None:
        """`user_info` may be any JSON value and is relayed unchanged, null and long numbers included."""
        first = self.member(ROOM, "u1", ANN)
        for user, info in (
            ("n", "null"),
            ("s", '"text"'),
            ("l", "[1,2]"),
            ("f", "1.10"),
            ("b", "123456789012345678901"),
        ):
            self.join_raw(self.client(), f'{{"user_id":"{user}","user_info": {info} }}')
            expected = event("pusher_internal:member_added", ROOM, f'{{"user_id":"{user}","user_info":{info}}}')
            self.assertEqual(first.take(), [expected])

    def test_P88_no_channel_data(self) -> None:
        """When `channel_data` is missing and the socket is not signed in, then E(4000,`Invalid message format: Missing
        channel_data for presence channel`) and the connection still answers pings."""
        client = self.client()
        expected = [error(4000, "Invalid message format: Missing channel_data for presence channel")]
        self.assertEqual(client.subscribe(ROOM), expected)
        self.assertEqual(client.subscribe("presence-cache-r"), expected)
        self.assertUsable(client)

    def test_P89_channel_data_not_json(self) -> None:
        """When `channel_data` is not JSON but correctly signed, then E(4000,`Invalid message format: Invalid
        channel_data JSON for presence`)."""
        client = self.client()
        for data in ("not json", "", "[]", '"u1"', "5", "null", '{"user_id":"u1"'):
            expected = [error(4000, "Invalid message format: Invalid channel_data JSON for presence")]
            self.assertEqual((data, self.join_raw(client, data)), (data, expected))
        self.assertUsable(client)

    def test_P90_signature_covers_channel_data(self) -> None:
        """When the signature covers different `channel_data` than sent, or only `socket:channel`, then 71's error."""
        client = self.client()
        sent = '{"user_id":"u1"}'
        for signed in ('{"user_id": "u1"}', '{"user_id":"u2"}', None):
            auth = channel_auth(fixture_app(), client.established, ROOM, signed)
            self.assertEqual(client.subscribe(ROOM, channel_data=sent, auth=auth), [error(4009, UNSIGNED)])

    def test_P91_full(self) -> None:
        """Given limit 2 members and `u1`, `u2` inside, when `u3` joins, then E(4100,`Over capacity`), connection open,
        not a member; when `u1` joins from a second socket, then success."""
        self.serve(max_presence_members_per_channel=2)
        first, second, third = self.member(ROOM, "u1"), self.member(ROOM, "u2"), self.client()
        first.take()
        self.assertEqual(third.subscribe(ROOM, "u3"), [error(4100, "Over capacity")])
        self.assertSilent(first, second)
        self.assertUsable(third)
        self.assertEqual(self.server.members(ROOM), ["u1", "u2"])
        self.server.publish(ROOM, "e")
        self.assertSilent(third)
        self.assertEqual(self.client().subscribe(ROOM, "u1"), [presence(ROOM, ("u1", {}), ("u2", {}))])
        second.close()
        self.assertEqual(third.subscribe(ROOM, "u3"), [presence(ROOM, ("u1", {}), ("u3", {}))])

    def test_P92_member_size(self) -> None:
        """Given `max_presence_member_size_in_kb` 1, when `user_info` is 2000 bytes, then 4300 starting `Channel error:
        Presence member data size`."""
        self.serve(max_presence_member_size_in_kb=1)
        client = self.client()
        start = "Channel error: Presence member data size"
        self.assertRefused(client.subscribe(ROOM, "u1", {"a": "x" * 1992}), 4300, start)
        self.assertRefused(client.subscribe(ROOM, "u1", "x" * 1025), 4300, start)
        self.assertRefused(client.subscribe(ROOM, "u1", "é" * 513), 4300, start)
        self.assertEqual(client.subscribe(ROOM, "u1", "x" * 1024), [presence(ROOM, ("u1", "x" * 1024))])

    def test_P93_subscribing_again(self) -> None:
        """When a present member subscribes again, then a second `subscription_succeeded` with the same list and no
        `member_added` to others."""
        first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
        first.take()
        self.assertEqual(second.subscribe(ROOM, "u2", {}), [presence(ROOM, ("u1", {}), ("u2", {}))])
        self.assertSilent(first)
        second.close()
        self.assertEqual(first.take(), [removed(ROOM, "u2")])

    def test_P93_as_another_user(self) -> None:
        """A member that subscribes again under another id leaves as the old one and joins as the new one."""
        first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
        first.take()
        self.assertEqual(second.subscribe(ROOM, "u3"), [presence(ROOM, ("u1", {}), ("u3", {}))])
        self.assertEqual(sorted(first.take()), sorted([removed(ROOM, "u2"), added(ROOM, "u3", {})]))
        self.assertEqual(self.server.members(ROOM), ["u1", "u3"])
        second.close()
        self.assertEqual(first.take(), [removed(ROOM, "u3")])

    def test_P94_two_identities(self) -> None:
        """Given one socket in `presence-a` as `x` and `presence-b` as `y`, when it disconnects, then `presence-a` sees
        `x` removed and `presence-b` sees `y` removed."""
        in_a, in_b = self.member("presence-a", "o"), self.member("presence-b", "o")
        client = self.client()
        client.subscribe("presence-a", "x")
        client.subscribe("presence-b", "y")
        self.assertEqual(in_a.take() + in_b.take(), [added("presence-a", "x", {}), added("presence-b", "y", {})])
        client.cut()
        self.assertEqual(in_a.take() + in_b.take(), [removed("presence-a", "x"), removed("presence-b", "y")])

    def test_P95_signed_in_identity(self) -> None:
        """Given a signed-in socket, when it joins `presence-r` without `channel_data` with `auth` over
        `socket:channel`, then it joins as its user id with its `user_info`."""
        client = self.client()
        client.signin("u1", user_info=ANN)
        self.assertEqual(client.subscribe(ROOM), [presence(ROOM, ("u1", ANN))])
        plain = self.client()
        plain.signin("u2")
        self.assertEqual(plain.subscribe(ROOM), [presence(ROOM, ("u1", ANN), ("u2", {}))])

    def test_P96_signature_first(self) -> None:
        """When a bad signature and a full channel coincide, then the 4009 error, not 4100."""
        self.serve(max_presence_members_per_channel=1)
        self.member(ROOM, "u1")
        self.assertEqual(self.client().subscribe(ROOM, "u2", auth="key:bad"), [error(4009, UNSIGNED)])

    def test_P96_presence_is_a_channel(self) -> None:
        """A presence channel carries events like any other."""
        first, second = self.member(ROOM, "u1"), self.member(ROOM, "u2")
        first.take()
        self.server.publish(ROOM, "e", socket_id=first.established)
        self.assertEqual(second.take(), [event("e", ROOM)])
        self.assertSilent(first)
        self.assertEqual(first.unsubscribe(ROOM), [])
        self.assertEqual(first.subscribe("presence-other", "u1"), [presence("presence-other", ("u1", {}))])
