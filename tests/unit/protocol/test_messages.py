"""Messages: what is understood, what is refused with which words, and the exact texts that leave."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol import errors, messages
from sockudo_tx.protocol.effects import Asked
from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.protocol.messages import (
    ClientEvent,
    Command,
    EnableDelta,
    Ignored,
    Ping,
    Pong,
    Signin,
    Subscribe,
    SyncError,
    Unsubscribe,
)
from sockudo_tx.protocol.tags import parse_filter

BAD = "Invalid message format: "
EX = parse_filter({"key": "a", "cmp": "ex"})

# Inbound texts and the commands they are (protocol.md 2.3, 5, 7, 13, 14).
COMMANDS: list[tuple[str, Command]] = [
    ('{"event":"pusher:subscribe","data":{"channel":"news","auth":""}}', Subscribe("news", "", None)),
    ('{"event":"pusher:subscribe","data":{"auth":"K:H","channel":"private-a"}}', Subscribe("private-a", "K:H", None)),
    ('{"event":"pusher:subscribe","data":{"auth":"a","channel_data":"{}","channel":"c"}}', Subscribe("c", "a", "{}")),
    ('{"event":"pusher:subscribe","data":"{\\"channel\\":\\"c\\",\\"auth\\":\\"a\\"}"}', Subscribe("c", "a", None)),
    ('{"event":"pusher:subscribe","data":{"channel":"c","auth":7,"channel_data":{}}}', Subscribe("c", None, None)),
    ('{"event":"pusher:subscribe","data":{"channel":"c","x":[1]},"channel":"other","y":0}', Subscribe("c")),
    ('{"data":{"channel":""},"event":"pusher:subscribe"}', Subscribe("")),
    (' {\n"event" : "pusher:subscribe" , "data" : { "channel" : "c" } }\t', Subscribe("c")),
    ('{"event":"pusher:subscribe","data":{"channel":"c","delta":{"enabled":true}}}', Subscribe("c", asked=Asked(None, {"enabled": True}))),
    ('{"event":"pusher:subscribe","data":{"channel":"c","delta":null,"filter":null}}', Subscribe("c")),
    ('{"event":"pusher:subscribe","data":"{\\"channel\\":\\"c\\",\\"delta\\":false}"}', Subscribe("c", asked=Asked(None, False))),
    ('{"event":"pusher:subscribe","data":{"channel":"c","tags_filter":{"key":"a","cmp":"ex"}}}', Subscribe("c", asked=Asked(EX, None))),
    ('{"event":"pusher:enable_delta_compression"}', EnableDelta()),
    ('{"event":"pusher:enable_delta_compression","data":{"algorithms":["fossil"]}}', EnableDelta({"algorithms": ["fossil"]})),
    ('{"event":"pusher:enable_delta_compression","data":"{}"}', EnableDelta({})),
    ('{"event":"pusher:enable_delta_compression","data":"{"}', EnableDelta()),
    ('{"event":"pusher:enable_delta_compression","data":[1e999]}', EnableDelta()),
    ('{"event":"pusher:delta_sync_error","data":{"channel":"c"}}', SyncError("c")),
    ('{"event":"pusher:delta_sync_error","data":"{\\"channel\\":\\"c\\"}","channel":"other"}', SyncError("c")),
    ('{"event":"pusher:delta_sync_error","data":{},"channel":"c"}', SyncError("c")),
    ('{"event":"pusher:delta_sync_error","data":{"channel":7}}', SyncError(None)),
    ('{"event":"pusher:delta_sync_error"}', SyncError(None)),
    ('{"event":"pusher:unsubscribe","data":{"channel":"c"}}', Unsubscribe("c")),
    ('{"event":"pusher:unsubscribe","data":"c"}', Unsubscribe("c")),
    ('{"event":"pusher:unsubscribe","data":"{\\"channel\\":\\"c\\"}"}', Unsubscribe("c")),
    ('{"event":"pusher:unsubscribe","data":"{\\"channel\\":7}"}', Unsubscribe('{"channel":7}')),
    ('{"event":"pusher:unsubscribe","data":"7"}', Unsubscribe("7")),
    ('{"event":"pusher:signin","data":{"auth":"a","user_data":"u"}}', Signin("a", "u")),
    ('{"event":"pusher:signin","data":"{\\"auth\\":\\"a\\",\\"user_data\\":\\"u\\"}"}', Signin("a", "u")),
    ('{"event":"pusher:signin","data":{"auth":null,"user_data":{}}}', Signin(None, None)),
    ('{"event":"pusher:ping"}', Ping()),
    ('{"event":"pusher:ping","data":{}}', Ping()),
    ('{"event":"pusher:ping","data":[1e999]}', Ping()),
    ('{"event":"pusher:pong","data":"x"}', Pong()),
    ('{"event":"my-event","data":{}}', Ignored()),
    ('{"event":"pusher:error","data":{"code":1}}', Ignored()),
    ('{"event":"pusher_internal:member_added","channel":"c","data":"{}"}', Ignored()),
    ('{"event":"pusher:nonsense"}', Ignored()),
    ('{"event":""}', Ignored()),
    ('{"event":"Client-x","channel":"private-a"}', Ignored()),
    ('{"event":"client-","channel":"private-a"}', ClientEvent("client-", "private-a", None)),
    ('{"event":"client-x","channel":null,"user_id":null}', ClientEvent("client-x", None, None)),
    ('{"event":"client-x","channel":"c","data":null}', ClientEvent("client-x", "c", "null")),
    ('{"event":"client-x","channel":"c","data":"{\\"a\\":1}"}', ClientEvent("client-x", "c", '"{\\"a\\":1}"')),
    ('{"event":"client-x","data":{ "channel" : "x", "n": 1.50 }}', ClientEvent("client-x", None, '{"channel":"x","n":1.50}')),
    ('{"event":"client-x","data":99999999999999999999999}', ClientEvent("client-x", None, "99999999999999999999999")),
    ('{"event":"client-\\u00e9","data":"\\u00e9\\/"}', ClientEvent("client-é", None, '"é/"')),
    ('{"event":"a","event":"client-x","data":1,"data":2}', ClientEvent("client-x", None, "2")),
]  # fmt: skip

# Inbound texts that are refused, and how the refusal begins.
REFUSED = [
    ('{"event":"pusher:subscribe","data":{"channel":"c","filter":"x"}}', BAD + "Invalid tags filter: "),
    ('{"event":"pusher:subscribe","data":{"channel":"c","tags_filter":{"key":""}}}', BAD + "Invalid tags filter: "),
    ("", BAD + "Invalid JSON: "),
    ("nonsense", BAD + "Invalid JSON: "),
    ("[]", BAD + "Invalid JSON: "),
    ("7", BAD + "Invalid JSON: "),
    ("null", BAD + "Invalid JSON: "),
    ('"text"', BAD + "Invalid JSON: "),
    ('{"event":"a"', BAD + "Invalid JSON: "),
    ('{"event":"a"}x', BAD + "Invalid JSON: "),
    ('{"event":7}', BAD + "Invalid JSON: "),
    ('{"event":"a","channel":7}', BAD + "Invalid JSON: "),
    ('{"event":"a","user_id":7}', BAD + "Invalid JSON: "),
    ('{"event":"a","data":NaN}', BAD + "Invalid JSON: "),
    ('{"event":"a","data":-Infinity}', BAD + "Invalid JSON: "),
    ('{"event":"a","data":"\\ud800"}', BAD + "Invalid JSON: "),
    ('{"event":"client-x","data":["\\udc00"]}', BAD + "Invalid JSON: "),
    ('{"event":"client-x","data":' + "[" * 200_000 + "]" * 200_000 + "}", BAD + "Invalid JSON: "),
    ('{"event":"pusher:subscribe","data":{"channel":"c","n":1e999}}', BAD + "Invalid JSON: "),
    ("{}", "Invalid event name: Event name is required"),
    ('{"event":null}', "Invalid event name: Event name is required"),
    ('{"data":{}}', "Invalid event name: Event name is required"),
    ('{"event":"pusher:subscribe"}', BAD + "Invalid subscription data format"),
    ('{"event":"pusher:subscribe","data":null}', BAD + "Invalid subscription data format"),
    ('{"event":"pusher:subscribe","data":"{"}', BAD + "Failed to parse subscription data"),
    ('{"event":"pusher:subscribe","data":""}', BAD + "Failed to parse subscription data"),
    ('{"event":"pusher:subscribe","data":"{}"}', BAD + "Missing channel field in string data"),
    ('{"event":"pusher:subscribe","data":"7"}', BAD + "Missing channel field in string data"),
    ('{"event":"pusher:subscribe","data":{}}', BAD + "Missing channel field"),
    ('{"event":"pusher:subscribe","data":{"channel":7}}', BAD + "Missing channel field"),
    ('{"event":"pusher:subscribe","data":[]}', BAD + "Missing channel field"),
    ('{"event":"pusher:subscribe","data":7}', BAD + "Missing channel field"),
    ('{"event":"pusher:unsubscribe"}', BAD + "Missing data in unsubscribe message"),
    ('{"event":"pusher:unsubscribe","data":null}', BAD + "Missing data in unsubscribe message"),
    ('{"event":"pusher:unsubscribe","data":{}}', BAD + "Missing channel in unsubscribe message"),
    ('{"event":"pusher:unsubscribe","data":[]}', BAD + "Missing channel in unsubscribe message"),
    ('{"event":"pusher:signin"}', BAD + "Invalid signin data format"),
    ('{"event":"pusher:signin","data":null}', BAD + "Invalid signin data format"),
    ('{"event":"pusher:signin","data":[]}', BAD + "Invalid signin data format"),
    ('{"event":"pusher:signin","data":"{"}', BAD + "Invalid signin data format"),
    ('{"event":"pusher:signin","data":"7"}', BAD + "Invalid signin data format"),
]


def listing(members: dict[str, str]) -> str:
    """The `presence_data` of these members."""
    pairs = [messages.presence_member(*member) for member in members.items()]
    return messages.presence_data([name for name, _ in pairs], [entry for _, entry in pairs])


# Outbound texts, byte for byte (protocol.md 2.4).
SENT = [
    (messages.PING, '{"event":"pusher:ping"}'),
    (messages.PONG, '{"event":"pusher:pong"}'),
    (messages.connection_established("1.2", 120), '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.2\\",\\"activity_timeout\\":120}"}'),
    (messages.error(errors.app_not_found()), '{"event":"pusher:error","data":{"code":4001,"message":"Application does not exist"}}'),
    (messages.event("tick", '{"n":1}', ["news"])[0], '{"event":"tick","channel":"news","data":"{\\"n\\":1}"}'),
    (messages.event("é/", "", ["a", "b"])[1], '{"event":"é/","channel":"b","data":""}'),
    (messages.client_event("client-x", "private-a", '{"on":true}', None), '{"event":"client-x","channel":"private-a","data":{"on":true}}'),
    (messages.client_event("client-x", "presence-a", '"s"', "u1"), '{"event":"client-x","channel":"presence-a","data":"s","user_id":"u1"}'),
    (messages.client_event("client-x", "presence-a", None, 'u"1'), '{"event":"client-x","channel":"presence-a","user_id":"u\\"1"}'),
    (messages.subscription_succeeded("news"), '{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}'),
    (messages.subscription_succeeded("presence-r", listing({"u1": '{"name":"Ann"}', "2": "null"})), '{"event":"pusher_internal:subscription_succeeded","channel":"presence-r","data":"{\\"presence\\":{\\"ids\\":[\\"u1\\",\\"2\\"],\\"hash\\":{\\"u1\\":{\\"name\\":\\"Ann\\"},\\"2\\":null},\\"count\\":2}}"}'),
    (listing({}), '"{\\"presence\\":{\\"ids\\":[],\\"hash\\":{},\\"count\\":0}}"'),
    (messages.member_added("presence-r", "u2", '{"name":"Bob"}'), '{"event":"pusher_internal:member_added","channel":"presence-r","data":"{\\"user_id\\":\\"u2\\",\\"user_info\\":{\\"name\\":\\"Bob\\"}}"}'),
    (messages.member_removed("presence-r", "u2"), '{"event":"pusher_internal:member_removed","channel":"presence-r","data":"{\\"user_id\\":\\"u2\\"}"}'),
    (messages.subscription_count("news", 3), '{"event":"pusher_internal:subscription_count","channel":"news","data":"{\\"subscription_count\\":3}"}'),
    (messages.cache_miss("cache-p"), '{"event":"pusher:cache_miss","channel":"cache-p","data":"{}"}'),
    (messages.signin_success('{"id":"u1"}'), '{"event":"pusher:signin_success","data":{"user_data":"{\\"id\\":\\"u1\\"}"}}'),
    (messages.watchlist_events(["u2"], ["u3"]), '{"event":"pusher_internal:watchlist_events","data":"{\\"events\\":[{\\"name\\":\\"online\\",\\"user_ids\\":[\\"u2\\"]},{\\"name\\":\\"offline\\",\\"user_ids\\":[\\"u3\\"]}]}"}'),
    (messages.watchlist_events([], ["u3"]), '{"event":"pusher_internal:watchlist_events","data":"{\\"events\\":[{\\"name\\":\\"offline\\",\\"user_ids\\":[\\"u3\\"]}]}"}'),
]  # fmt: skip

SEEDS = [text.encode() for text, _ in COMMANDS] + [text.encode() for text, _ in REFUSED if len(text) < 200]

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda items: st.one_of(st.lists(items, max_size=4), st.dictionaries(texts, items, max_size=4)),
    max_leaves=8,
)
names = st.one_of(st.sampled_from(["pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "client-x"]), texts)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A message with a few bytes changed, removed or put in."""
    message = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(message)))
        message[place : place + draw(st.integers(0, 2))] = draw(
            st.one_of(st.binary(max_size=2), st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b",", b":", b"\\ud800"]))
        )
    return bytes(message)


def decode(text: str) -> Command:
    return messages.decode(text.encode())


class DecodeTests(SynchronousTestCase):
    """`decode`"""

    def test_commands(self) -> None:
        """Every accepted form means what the specification says."""
        for text, command in COMMANDS:
            self.assertEqual(decode(text), command, text)
            self.assertIs(type(decode(text)), type(command), text)
            self.assertEqual(messages.decode(text.encode(), binary=True), command)

    def test_refused(self) -> None:
        """Everything else is refused with code 4000 and the documented text, and never closes the connection."""
        for text, beginning in REFUSED:
            fault = self.assertRaises(PeerError, decode, text)
            self.assertEqual((fault.code, fault.closing), (4000, False), text[:100])
            self.assertTrue(fault.text.startswith(beginning), f"{text[:100]}: {fault.text}")
            if not beginning.endswith(": "):
                self.assertEqual(fault.text, beginning, text)

    def test_binary(self) -> None:
        """A binary message that is no UTF-8 is refused by name."""
        for payload in [b"\xff", b'{"event":"client-x","data":"\xed\xa0\x80"}']:
            fault = self.assertRaises(PeerError, messages.decode, payload, binary=True)
            self.assertEqual((fault.code, fault.text[:38]), (4000, BAD + "Invalid UTF-8:"))

    @given(st.one_of(st.binary(), mutations()))
    def test_any_bytes(self, payload: bytes) -> None:
        """Arbitrary and mutated bytes are a command or a refusal that never closes, and nothing else."""
        try:
            messages.decode(payload, binary=True)
        except PeerError as fault:
            self.assertEqual((fault.code, fault.closing), (4000, False))
            fault.text.encode()

    @given(names, values, st.booleans())
    def test_any_data(self, name: str, data: Any, twice: bool) -> None:
        """Any JSON as `data`, also encoded twice, is a command or a refusal."""
        value = json.dumps(data) if twice else data
        try:
            decode(json.dumps({"event": name, "data": value}))
        except PeerError as fault:
            self.assertEqual(fault.code, 4000)

    @given(texts, st.one_of(st.none(), texts), st.one_of(st.none(), texts), st.booleans(), st.booleans())
    def test_subscribe(self, channel: str, auth: str | None, data: str | None, twice: bool, ascii_only: bool) -> None:
        """What a client puts into a subscribe arrives unchanged, in either form and any spelling."""
        value: Any = {"channel": channel, "auth": auth, "channel_data": data}
        if twice:
            value = json.dumps(value, ensure_ascii=ascii_only)
        message = json.dumps({"event": "pusher:subscribe", "data": value}, ensure_ascii=ascii_only)
        self.assertEqual(decode(message), Subscribe(channel, auth, data))

    @given(texts, texts, values, st.sampled_from([None, 2]))
    @example("x", "private-a", {"a": 10**30}, None)
    def test_client_event(self, name: str, channel: str, data: Any, indent: int | None) -> None:
        """A client event's data is the same value when it leaves as when it came, in compact spelling."""
        message = {"event": f"client-{name}", "channel": channel, "data": data}
        command = decode(json.dumps(message, indent=indent))
        assert isinstance(command, ClientEvent)
        sent = messages.client_event(command.event, channel, command.data, None)
        self.assertEqual(json.loads(sent), message)
        self.assertEqual(sent, json.dumps(message, ensure_ascii=False, separators=(",", ":")))


class SentTests(SynchronousTestCase):
    """The outbound functions"""

    def test_exact(self) -> None:
        """Every message is what the table shows, byte for byte."""
        for text, expected in SENT:
            self.assertEqual(text, expected)

    def test_event_per_channel(self) -> None:
        """One text for each channel, in order; none for none."""
        self.assertEqual(messages.event("e", "", []), [])
        found = [json.loads(text)["channel"] for text in messages.event("e", "", ["b", "a", "b"])]
        self.assertEqual(found, ["b", "a", "b"])

    @given(texts, texts, texts, texts)
    def test_any_text(self, name: str, channel: str, data: str, user_id: str) -> None:
        """Whatever the names and texts are, a client reads back exactly them."""
        self.assertEqual(
            json.loads(messages.event(name, data, [channel])[0]), {"event": name, "channel": channel, "data": data}
        )
        self.assertEqual(json.loads(messages.signin_success(data))["data"], {"user_data": data})
        self.assertEqual(json.loads(messages.error(PeerError(4000, data)))["data"]["message"], data)
        info = json.dumps({name: data})
        for text in (messages.member_added(channel, user_id, info), messages.member_removed(channel, user_id)):
            message = json.loads(text)
            self.assertEqual(message["channel"], channel)
            self.assertEqual(json.loads(message["data"])["user_id"], user_id)
        payload = listing({user_id: info, name + user_id + "x": "null"})
        listed = json.loads(json.loads(messages.subscription_succeeded(channel, payload))["data"])["presence"]
        self.assertEqual(listed["ids"], list(listed["hash"]))
        self.assertEqual((listed["count"], listed["hash"][user_id]), (2, {name: data}))
        lists = json.loads(json.loads(messages.watchlist_events([user_id], [name]))["data"])["events"]
        self.assertEqual([entry["user_ids"] for entry in lists], [[user_id], [name]])
