"""What a REST body may publish: shapes, limits, the order of checks, and JSON at its edges."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.app import App, LimitDefaults
from sockudo_tx.protocol.errors import RestError
from sockudo_tx.protocol.publication import MAX_DEPTH, Publication, parse_batch, parse_event

letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"))
scalars = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | letters
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(letters, inner, max_size=4), max_leaves=12
)


def app(**limits: int) -> App:
    return App(id="a", key="k", secret="s", **limits).with_defaults(LimitDefaults())


def event(data: str = '"d"', **members: Any) -> bytes:
    """A body with this JSON text as data."""
    rest = json.dumps({"name": "n", "channels": ["c"], **members})
    return f'{rest[:-1]},"data":{data}}}'.encode()


def parse(body: bytes, **limits: int) -> Publication:
    return parse_event(body, app(**limits))


class PublicationCase(SynchronousTestCase):
    def refused(
        self, body: bytes, status: int = 400, code: str = "invalid_input", word: str = "", **limits: int
    ) -> str:
        with self.assertRaises(RestError) as caught:
            parse(body, **limits)
        self.assertEqual((caught.exception.status, caught.exception.code), (status, code), caught.exception.text)
        self.assertIn(word, caught.exception.text)
        self.assertLess(len(caught.exception.text), 400)
        return caught.exception.text


class EventTests(PublicationCase):
    """`parse_event`"""

    def test_plain(self) -> None:
        """What the SDKs send."""
        self.assertEqual(parse(event()), Publication("n", ("c",), "d"))

    def test_all_members(self) -> None:
        """Every member arrives."""
        body = event(
            socket_id="1.2", tags={"a": "b"}, delta=False, info=" user_count,,x ", idempotency_key="k", unknown=[1]
        )
        self.assertEqual(parse(body), Publication("n", ("c",), "d", "1.2", {"a": "b"}, False, ("user_count", "x"), "k"))

    def test_null_is_absent(self) -> None:
        """null in an optional member is as good as leaving it out."""
        body = event(socket_id=None, tags=None, delta=None, info=None, idempotency_key=None, channel=None)
        self.assertEqual(parse(body), Publication("n", ("c",), "d"))

    def test_data_texts(self) -> None:
        """A string as it is, anything else as compact JSON: order, digits and letters kept."""
        for text, data in [
            ('"\\u00e4 \\ud83d\\ude00 \\" x"', 'ä 😀 " x'),
            ('{"b": 1, "a": [ "\\u00e4\\/", " " ]}', '{"b":1,"a":["ä/"," "]}'),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1.50e+2", "1.50e+2"),
            ("1e999", "1e999"),
            ("[]", "[]"),
            ("true", "true"),
            ("null", "null"),
            ('""', ""),
        ]:
            self.assertEqual(parse(event(text)).data, data)

    def test_data_missing(self) -> None:
        """No data is delivered as null."""
        self.assertEqual(parse(b'{"name":"n","channel":"c"}').data, "null")

    def test_last_member_wins(self) -> None:
        """A member given twice has its last value."""
        self.assertEqual(
            parse(b'{"name":"a","name":"b","channel":"c","data":1,"data":2}'), Publication("b", ("c",), "2")
        )

    def test_targets(self) -> None:
        """channels before channel; duplicates go, order stays; null means absent."""
        self.assertEqual(parse(event(channels=["b", "a", "b"], channel=5)).channels, ("b", "a"))
        self.assertEqual(parse(event(channels=None, channel="x")).channels, ("x",))

    def test_no_target(self) -> None:
        """No target has an error of its own."""
        for members in ({"channels": []}, {"channels": []} | {"channel": "c"}, {"channels": None}):
            self.refused(event(**members), code="missing_channel_info")

    def test_target_types(self) -> None:
        """Targets of the wrong type."""
        for members in ({"channels": "c"}, {"channels": {}}, {"channels": [1]}, {"channels": [None]}, {"channels": None, "channel": 1}):  # fmt: skip
            self.refused(event(**members))

    def test_names(self) -> None:
        """An event has a name, a string."""
        for name in (None, "", 1, [], {}):
            self.refused(event(name=name), word="name")

    def test_name_length(self) -> None:
        """Characters are counted, not bytes; 0 is no limit."""
        self.assertEqual(parse(event(name="ä" * 200)).name, "ä" * 200)
        self.refused(event(name="a" * 201), code="limit_exceeded", word="201")
        self.assertEqual(len(parse(event(name="a" * 999), max_event_name_length=0).name), 999)

    def test_payload(self) -> None:
        """Exactly the limit passes; bytes are counted, not characters; 0 is no limit."""
        self.assertEqual(len(parse(event(json.dumps("x" * 1024)), max_event_payload_in_kb=1).data), 1024)
        parse(event('"' + "ä" * 512 + '"'), max_event_payload_in_kb=1)
        for text in ("x" * 1025, "ä" * 512 + "x"):
            self.refused(event('"' + text + '"'), 413, "payload_too_large", "1025", max_event_payload_in_kb=1)
        parse(event('"' + "x" * 200_000 + '"'), max_event_payload_in_kb=0)
        self.refused(event(json.dumps(["x" * 1022])), 413, "payload_too_large", max_event_payload_in_kb=1)
        self.refused(event(json.dumps([1] * 999)), 413, "payload_too_large", "at least", max_event_payload_in_kb=1)
        parse(event("[" + " " * 2000 + "1]"), max_event_payload_in_kb=1)
        parse(event('["' + "\\u0041" * 1000 + '"]'), max_event_payload_in_kb=1)

    def test_channel_count(self) -> None:
        """The list as given is counted, duplicates included."""
        self.refused(event(channels=["c"] * 3), code="limit_exceeded", word="3", max_event_channels_at_once=2)
        parse(event(channels=["c"] * 3), max_event_channels_at_once=3)

    def test_channel_names(self) -> None:
        """The alphabet of 7.2, and user channels with free ids."""
        for name in ("aZ9_-=@,.;:", "#server-to-user-auth0|42 ä", "x" * 200):
            self.assertEqual(parse(event(channels=[name])).channels, (name,))
        for name in ("", "a b", "a$", "#x", "#server-to-user-", "#server-to-user-\n", "ä", "x" * 201, "a/b" * 200):
            self.refused(event(channels=["ok", name]))

    def test_socket_id(self) -> None:
        """Empty is absent; anything else has to look like one."""
        self.assertIsNone(parse(event(socket_id="")).socket_id)
        for text in ("abc", "1.2.3", "1.", "١.١", "1.2\n", 12, ["1.2"], "x" * 5000):
            self.refused(event(socket_id=text), word="socket_id")

    def test_types(self) -> None:
        """tags, delta, info and idempotency_key have types."""
        for member, bad in {"tags": [{"a": 1}, [], "x", {"a": None}], "delta": [1, "true"], "info": [1, [], {}], "idempotency_key": [1, []]}.items():  # fmt: skip
            for value in bad:
                self.refused(event(**{member: value}), word=member)

    def test_order(self) -> None:
        """Of several faults the first in the order of 7.1 is told."""
        faults: list[tuple[dict[str, Any], str]] = [
            ({"name": None}, "invalid_input"),
            ({"name": "n" * 201}, "limit_exceeded"),
            ({"name": "n", "data": "x" * 2000}, "payload_too_large"),
            ({"data": "", "channels": []}, "missing_channel_info"),
            ({"channels": ["$", "$"]}, "limit_exceeded"),
            ({"channels": ["$"]}, "invalid_input"),
            ({"channels": ["c"], "socket_id": "x"}, "invalid_input"),
            ({"socket_id": "1.1", "tags": 1}, "invalid_input"),
        ]
        members: dict[str, Any] = {}
        for later, _ in reversed(faults):
            members = {**members, **later}
        for changes, code in faults:
            members |= changes
            with self.assertRaises(RestError) as caught:
                parse(json.dumps(members).encode(), max_event_payload_in_kb=1, max_event_channels_at_once=1)
            self.assertEqual(caught.exception.code, code, members)


class JsonTests(PublicationCase):
    """The body as JSON (http-api.md 3.1)"""

    def test_not_json(self) -> None:
        """What is no JSON object is refused."""
        for body in (b"", b"{", b"[]", b'"x"', b"null", b"1", event() + b"x", b"{} {}", b"\xef\xbb\xbf", b"{'name':1}"):
            self.refused(body)

    def test_strictness(self) -> None:
        """NaN, infinities, lone surrogates, bad escapes and bad UTF-8 are refused wherever they stand."""
        for bad in (b"NaN", b"Infinity", b"-Infinity", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b'"\\x"', b'"\n"', b"01", b"[1,]"):  # fmt: skip
            for body in (b'{"name":"n","channel":"c","data":%s}', b'{"name":"n","channel":"c","data":[{"x":%s}]}', b'{"name":"n","channel":"c","x":%s}'):  # fmt: skip
                self.refused(body % bad)
        self.refused(b'{"name":"n","channel":"c","\\ud800":1}')
        self.refused(b'{"name":"n","channel":"c","\xff":1}')

    def test_byte_order_mark(self) -> None:
        """A byte order mark before good JSON is tolerated."""
        self.assertEqual(parse(b"\xef\xbb\xbf" + event()).data, "d")
        self.refused(b"\xef\xbb\xbf\xef\xbb\xbf" + event())

    def test_depth(self) -> None:
        """128 levels pass, 129 do not, and neither does a body of brackets."""
        inner = MAX_DEPTH - 1
        self.assertEqual(parse(event("[" * inner + "]" * inner)).data, "[" * inner + "]" * inner)
        self.refused(event("[" * (inner + 1) + "]" * (inner + 1)), word="128")
        self.refused(event("[" * 100_000 + "]" * 100_000), word="128")
        self.refused(b"[" * 100_000)
        parse(event(json.dumps([[]] * 500)))
        parse(event(json.dumps("[{" * 500)))

    @given(values, st.booleans())
    def test_data_keeps_meaning(self, value: Any, ascii_only: bool) -> None:
        """Any JSON value is delivered as itself, without a space more than it needs."""
        data = parse(event(json.dumps(value, ensure_ascii=ascii_only)), max_event_payload_in_kb=0).data
        if isinstance(value, str):
            self.assertEqual(data, value)
        else:
            self.assertEqual(json.loads(data), value)
            self.assertEqual(len(data), len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))

    @given(st.binary() | st.binary().map(lambda tail: b'{"name":"n","channel":"c","data":' + tail))
    @example(b'{"batch":[{"name":"n","channel":"c"}]}')
    def test_total(self, body: bytes) -> None:
        """Any bytes are a publication or one refusal, as an event and as a batch."""
        for parser in (parse_event, parse_batch):
            try:
                parser(body, app())
            except RestError as error:
                self.assertIn(error.status, (400, 413))


class BatchTests(SynchronousTestCase):
    """`parse_batch`"""

    def refused(self, body: bytes, status: int = 400, code: str = "invalid_input", word: str = "") -> None:
        with self.assertRaises(RestError) as caught:
            parse_batch(body, app())
        self.assertEqual((caught.exception.status, caught.exception.code), (status, code), caught.exception.text)
        self.assertIn(word, caught.exception.text)

    def batch(self, *events: bytes) -> bytes:
        return b'{"batch":[' + b",".join(events) + b"]}"

    def test_good(self) -> None:
        """Elements in order, each with channel or channels."""
        body = self.batch(b'{"name":"a","channel":"x","data":"1"}', event())
        self.assertEqual(parse_batch(body, app()), [Publication("a", ("x",), "1"), Publication("n", ("c",), "d")])
        self.assertEqual(parse_batch(self.batch(), app()), [])

    def test_shape(self) -> None:
        """batch is an array of objects."""
        for body in (b"{}", b'{"batch":null}', b'{"batch":{}}', b'{"batch":"x"}', b"[]", b""):
            self.refused(body)
        for element in (b'"x"', b"null", b"[]", b"1"):
            self.refused(self.batch(event(), element), word="batch[1]: ")

    def test_size(self) -> None:
        """Ten events are allowed and eleven are not, whatever they are."""
        self.assertEqual(len(parse_batch(self.batch(*[event()] * 10), app())), 10)
        self.refused(self.batch(*[b"1"] * 11), code="limit_exceeded", word="11")

    def test_lowest_fault(self) -> None:
        """The first element at fault decides, and is named."""
        large = event('"' + "x" * 200_000 + '"')
        self.refused(self.batch(event(), large, event(name="")), 413, "payload_too_large", "batch[1]: ")
        self.refused(self.batch(event(), event(name=""), large), word="batch[1]: ")
