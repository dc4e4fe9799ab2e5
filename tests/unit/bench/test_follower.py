"""Clients of a feed undo every delta by the client's rules, and find what a server does wrong."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Sequence
from pathlib import Path

import vcdiff_decoder
from twisted.trial import unittest

from sockudo_tx.bench import plans
from sockudo_tx.bench.audit import Sent, Verdicts
from sockudo_tx.bench.feed import Event, Feed
from sockudo_tx.bench.follower import Follower
from sockudo_tx.bench.following import KEPT, Bases, NoBaseError
from sockudo_tx.bench.frames import Messages
from sockudo_tx.bench.group import Group
from sockudo_tx.bench.ledger import Ledger
from sockudo_tx.bench.loop import Loop
from sockudo_tx.bench.payload import Marker
from sockudo_tx.bench.target import Target
from sockudo_tx.bench.wire import Dialer
from sockudo_tx.delta import fossil, vcdiff
from sockudo_tx.delta.errors import DeltaError

TARGET = Target(host="127.0.0.1", port=1, app_id="a", key="k", secret="s")
EVENTS = tuple(Event("e", json.dumps({"n": number, "pad": "abcdefgh" * 20})) for number in range(6))
FEED = Feed(replayed=EVENTS)
ENCODERS = {"fossil": fossil.encode, "xdelta3": vcdiff.encode}


def plain(number: int) -> bytes:
    """The message of an event."""
    return json.dumps({"event": "e", "channel": "c", "data": EVENTS[number].data}).encode()


def full(number: int, seq: int, key: str | None = None) -> bytes:
    """The same with its number."""
    more = "" if key is None else f',"__conflation_key":{json.dumps(key)}'
    return plain(number)[:-1] + f',"__delta_seq":{seq}{more}}}'.encode()


def delta(number: int, base: int, seq: int, algorithm: str = "fossil", **more: str) -> bytes:
    """An event as a delta against another one, whose number is one less."""
    made = ENCODERS[algorithm](plain(base), plain(number))
    assert made is not None
    data = {"event": "e", "delta": base64.b64encode(made).decode(), "seq": seq, "algorithm": algorithm, **more}
    return json.dumps({"event": "pusher:delta", "channel": "c", "data": {**data, "base_index": seq - 1}}).encode()


def framed(text: bytes) -> bytes:
    """A message in its frame."""
    size = len(text)
    return b"\x81" + (bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + text


class FollowerTests(unittest.TestCase):
    """A plain and a following client, without a server."""

    def setUp(self) -> None:
        self.marker = Marker()
        self.kept = self.mktemp()
        self.groups = {name: self.group(name, asks) for name, asks in (("plain", {}), ("delta", {"delta": True}))}

    def group(self, name: str, asks: dict[str, bool]) -> Group:
        """One subscribed client, with one end of a connection whose other end is `peer`."""
        extra = {"feed": FEED, "offsets": range(len(EVENTS)), "asks": asks, "latency": [name], "keep": self.kept}
        plan = plans.Group(name=name, count=1, channels=("c",), rate=1.0, extra=extra)
        group = Group(Dialer(Loop(), TARGET), plan, self.marker, [0], 1)
        group._kind = Follower
        group.watch([plans.Window("delivery", 0, 1 << 62)])
        client = Follower(group, 0, 0)
        client.sock, self.peer = socket.socketpair()
        self.addCleanup(client.sock.close)
        self.addCleanup(self.peer.close)
        client.be_subscribed(Messages())
        group.clients.append(client)
        return group

    def get(self, name: str, *texts: bytes) -> None:
        """The client reads these messages, in two reads that cut one of them."""
        data = b"".join(map(framed, texts))
        client = self.groups[name].clients[0]
        client.received(data[: len(data) // 2])
        client.received(data[len(data) // 2 :])

    def verdicts(self, name: str, count: int = len(EVENTS)) -> Verdicts:
        report = self.groups[name].report({Marker.stream(0, 0): Sent(count)})
        found: Verdicts = report["verdicts"]
        return found

    def notes(self, name: str) -> dict[str, int]:
        return {what: count for (_, what), count in self.groups[name].notes.items()}

    def both(self, *texts: bytes, numbers: Sequence[int] = range(6)) -> dict[str, int]:
        """What is noted of a follower that gets these, while the plain one gets the events."""
        self.get("delta", *texts)
        self.get("plain", *map(plain, numbers))
        self.verdicts("plain")
        self.verdicts("delta")
        wrong = self.notes("plain").get("wrong", 0)
        found = self.notes("delta")
        return {**found, "wrong": found.get("wrong", 0) + wrong}

    def test_all_is_well(self) -> None:
        """Full messages and deltas of either kind give the plain ones; bytes are those of whole frames."""
        texts = [full(0, 0), delta(1, 0, 1), delta(2, 1, 2, "xdelta3"), plain(3), delta(4, 2, 3), full(5, 4)]
        found = self.both(*texts)
        self.assertEqual(
            found,
            {
                "messages": 6,
                "full": 2,
                "deltas": 3,
                "untracked": 1,
                "bytes": sum(len(framed(text)) for text in texts),
                "metadata": 2 * len(',"__delta_seq":0'),
                "wrong": 0,
            },
        )
        self.assertEqual(self.verdicts("delta"), Verdicts())
        self.assertEqual(self.notes("plain")["bytes"], sum(len(framed(plain(number))) for number in range(6)))
        self.assertEqual(self.groups["delta"].latencies["delivery"].count, 6)

    def test_kept(self) -> None:
        """Each delta of a stream is written to a file with its base and what comes of it."""
        self.both(full(0, 0), delta(1, 0, 1), delta(2, 1, 2, "xdelta3"))
        lines = [json.loads(line) for line in Path(self.kept).read_text().splitlines()]
        self.assertEqual([line["algorithm"] for line in lines], ["fossil", "xdelta3"])
        for number, line in enumerate(lines):
            self.assertEqual((line["base"].encode(), line["message"].encode()), (plain(number), plain(number + 1)))
        made = base64.b64decode(lines[1]["delta"])
        self.assertEqual(vcdiff_decoder.decode(plain(1), made), plain(2))

    def test_lost_and_doubled(self) -> None:
        """An event that is missing or comes twice is found among deltas as anywhere."""
        self.both(full(0, 0), delta(1, 0, 1), full(1, 2), full(3, 3), full(5, 4))
        self.assertEqual(self.verdicts("delta"), Verdicts(lost=2, duplicates=1))

    def test_damaged_delta(self) -> None:
        """A delta that cannot be applied is an error with its reason, and the event is lost."""
        broken = json.loads(delta(1, 0, 1))
        broken["data"]["delta"] = broken["data"]["delta"][:-8] + "AAAAAAA="
        found = self.both(full(0, 0), json.dumps(broken).encode(), full(2, 2))
        self.assertEqual(found["decode_errors"], 1)
        self.assertEqual(self.verdicts("delta", 3).lost, 1)
        self.assertTrue(any(what.startswith("because ") for what in found))

    def test_delta_against_another_base(self) -> None:
        """What VCDIFF makes of another base than the client's, without an error, is found to be wrong."""
        made = json.loads(delta(2, 1, 1, "xdelta3"))
        swapped = vcdiff.encode(plain(2), plain(1))
        assert swapped is not None
        made["data"]["delta"] = base64.b64encode(swapped[:-1] + bytes((swapped[-1] ^ 1,))).decode()
        found = self.both(full(0, 0), json.dumps(made).encode())
        self.assertEqual(found.get("decode_errors", 0) + found["wrong"], 1)

    def test_other_bytes(self) -> None:
        """A message whose data is right and whose text differs from the plain one is wrong, whoever comes first."""
        spaced = full(0, 0).replace(b'"channel"', b' "channel"')
        self.assertEqual(self.both(spaced, numbers=[0])["wrong"], 1)
        self.get("delta", full(0, 1), spaced)
        self.assertEqual(self.notes("delta")["wrong"], 1)

    def test_no_json(self) -> None:
        """A text that is no JSON is wrong and ends nothing."""
        self.assertEqual(self.both(full(0, 0, 'a"b'), b"nonsense", full(1, 1), numbers=[0, 1])["wrong"], 2)

    def test_no_base(self) -> None:
        """A delta before any full message is an error; the client asks for a new beginning, once, and goes on."""
        found = self.both(delta(1, 0, 1), delta(2, 1, 2), full(3, 3), delta(4, 3, 4))
        self.assertEqual((found["decode_errors"], found["messages"], found["wrong"]), (2, 2, 0))
        said = self.peer.recv(4096)
        self.assertEqual(said.count(b"pusher:delta_sync_error"), 1)
        self.assertIn(b'{"channel": "c"}', said)

    def test_confirmed_algorithm(self) -> None:
        """A delta that names no algorithm is of the one that was announced last."""
        confirmed = b'{"event":"pusher:delta_compression_enabled","data":{"enabled":true,"algorithm":"xdelta3"}}'
        unnamed = delta(1, 0, 1, "xdelta3").replace(b'"algorithm": "xdelta3", ', b"")
        found = self.both(confirmed, full(0, 0), unnamed)
        self.assertEqual((found["deltas"], found["enabled"]), (1, 1))

    def test_somebody_elses(self) -> None:
        """Events that no stream has are nothing to a plain client."""
        self.get("plain", b'{"event":"e","channel":"c","data":"other"}', b'{"event":"e","channel":"c"}', plain(0))
        self.assertEqual(self.notes("plain")["messages"], 1)


class BasesTests(unittest.TestCase):
    """The client's rules by themselves."""

    def read(self, bases: Bases, text: bytes) -> bytes:
        return bases.full(text, json.loads(text))

    def test_conflation(self) -> None:
        """With keys a base is found by key and number, and the oldest of a key is forgotten after thirty."""
        bases = Bases()
        self.assertEqual(self.read(bases, full(0, 7, "a")), plain(0))
        self.read(bases, full(1, 7, "b"))
        data = json.loads(delta(2, 0, 8, conflation_key="a"))["data"]
        self.assertEqual(bases.delta(data).text, plain(2))
        for number in range(KEPT):
            self.read(bases, full(3, 100 + number, "a"))
        with self.assertRaises(NoBaseError):
            bases.delta(data)
        self.assertEqual(bases.delta(json.loads(delta(4, 1, 8, conflation_key="b"))["data"]).text, plain(4))

    def test_keyless(self) -> None:
        """An empty key is a key; a delta without one means it."""
        bases = Bases()
        self.read(bases, full(0, 0, ""))
        self.assertEqual(bases.delta(json.loads(delta(1, 0, 1))["data"]).text, plain(1))

    def test_key_with_a_quote(self) -> None:
        """A key with a double quote spoils the base, as it does the client's: the server must not send one."""
        self.assertNotEqual(self.read(Bases(), full(0, 0, 'a"b')), plain(0))

    def test_cache_sync(self) -> None:
        """A cache sync replaces what is known by what it brings."""
        bases = Bases()
        self.read(bases, full(0, 0, "a"))
        bases.synchronized({"states": {"b": [{"content": plain(1).decode(), "seq": 4}]}})
        with self.assertRaises(NoBaseError):
            bases.delta(json.loads(delta(1, 0, 1, conflation_key="a"))["data"])
        self.assertEqual(bases.delta(json.loads(delta(2, 1, 5, conflation_key="b"))["data"]).text, plain(2))

    def test_number_in_the_data(self) -> None:
        """A number inside the data poisons the base, as it does in the client."""
        bases = Bases()
        text = json.dumps({"event": "e", "data": '{"x":1,"__delta_seq":3}'}).encode()
        self.read(bases, text)
        with self.assertRaises(DeltaError):
            bases.delta(json.loads(delta(1, 0, 1))["data"])

    def test_no_delta(self) -> None:
        """What is no delta is refused."""
        bases = Bases()
        self.read(bases, full(0, 0))
        for data in (
            {"delta": "AA==", "seq": 1, "algorithm": "zstd"},
            {"delta": "?", "seq": 1},
            {"delta": "ü", "seq": 1},
            {"seq": 1},
            {"delta": ""},
        ):
            with self.assertRaises(DeltaError):
                bases.delta(data)


class LedgerTests(unittest.TestCase):
    """Which event is which."""

    def test_equal_events(self) -> None:
        """Of several equal events it is the expected one, else the next of them, else the last."""
        ledger = Ledger(Feed(replayed=(Event("e", "a"), Event("e", "b"), Event("e", "a"), Event("f", "a"))))
        found = [ledger.serial(0, "e", "a", expected) for expected in range(4)]
        self.assertEqual(found, [0, 2, 2, 2])
        self.assertEqual(
            [ledger.serial(0, *event, 0) for event in (("f", "a"), ("f", "b"), ("e", None))], [3, None, None]
        )
