"""Identity: the member in channel_data, the user in user_data."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.effects import Member
from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.protocol.identity import WATCHLIST_LIMIT, Identity, member_of, user_of

BAD_MEMBER = (4000, "Invalid message format: Invalid channel_data JSON for presence")
NO_MEMBER_ID = (4300, "Channel error: Missing user_id in channel_data")
NO_USER_ID = (4009, "Authentication error: Missing 'id' field in user_data")

any_text = st.text(st.characters())
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda items: st.one_of(st.lists(items, max_size=3), st.dictionaries(st.text(), items, max_size=3)),
    max_leaves=6,
)


class MemberTests(SynchronousTestCase):
    """`member_of`"""

    def refusal(self, channel_data: str) -> tuple[int, str]:
        fault = self.assertRaises(PeerError, member_of, channel_data)
        self.assertFalse(fault.closing)
        return fault.code, fault.text

    def test_member(self) -> None:
        """user_info is kept as it is, in compact spelling: absent is an empty object, null stays null."""
        for text, member in [
            ('{"user_id":"u1"}', Member("u1", "{}")),
            ('{"user_id":"u1","user_info":null}', Member("u1", "null")),
            ('{"user_id":"u1","user_info":{ "b":1.0, "a" : [ "\\u00e9" ] }}', Member("u1", '{"b":1.0,"a":["é"]}')),
            ('{"user_info":"text","user_id":"\\u00fc \\"1\\"","x":1}', Member('ü "1"', '"text"')),
            (
                '{"user_id":"u1","user_info":123456789012345678901234567890}',
                Member("u1", "123456789012345678901234567890"),
            ),
        ]:
            self.assertEqual(member_of(text), member)

    def test_integer(self) -> None:
        """An integer user_id is used as its decimal text, however long."""
        for number in ("10", "0", "-1", "123456789012345678901234567890"):
            self.assertEqual(member_of(f'{{"user_id":{number}}}').user_id, number)

    def test_no_id(self) -> None:
        """Anything else is no user_id."""
        for user_id in ('""', "null", "true", "1.0", "1e3", "[]", "{}", '["u1"]'):
            self.assertEqual(self.refusal(f'{{"user_id":{user_id}}}'), NO_MEMBER_ID, user_id)
        self.assertEqual(self.refusal("{}"), NO_MEMBER_ID)

    def test_bad(self) -> None:
        """What is no JSON object is refused as such."""
        for text in [
            "",
            "{",
            "[]",
            "null",
            '"u1"',
            "7",
            '{"user_id":"\\ud800"}',
            '{"user_id":"a","user_info":' + "[" * 100_000,
        ]:
            self.assertEqual(self.refusal(text), BAD_MEMBER, text[:50])
        self.assertEqual(self.refusal("\ud800"), BAD_MEMBER)

    @given(
        st.one_of(any_text, values.map(json.dumps), values.map(lambda v: json.dumps({"user_id": v, "user_info": v})))
    )
    def test_anything(self, text: str) -> None:
        """Any text is a member or refused."""
        try:
            member = member_of(text)
        except PeerError:
            return
        self.assertTrue(member.user_id)
        self.assertEqual(json.loads(member.user_info), json.loads(text).get("user_info", {}))


class UserTests(SynchronousTestCase):
    """`user_of`"""

    def refusal(self, user_data: str) -> tuple[int, str]:
        fault = self.assertRaises(PeerError, user_of, user_data)
        self.assertFalse(fault.closing)
        return fault.code, fault.text

    def test_user(self) -> None:
        """The id, user_info in compact spelling, the watchlist."""
        self.assertEqual(user_of('{"id":"u1"}'), Identity("u1", "{}", (), False))
        text = '{"id":"u1","user_info":{ "n": 1.50 },"watchlist":["u2","u3"],"x":0}'
        self.assertEqual(user_of(text), Identity("u1", '{"n":1.50}', ("u2", "u3"), False))
        self.assertEqual(user_of('{"id":"u1","user_info":null}').user_info, "null")

    def test_watchlist(self) -> None:
        """Only strings count, each once, in the order they came; another type is no watchlist."""
        self.assertEqual(user_of('{"id":"u","watchlist":["b",1,"a",null,"b",["c"],"a"]}').watchlist, ("b", "a"))
        for watchlist in ('"u2"', "null", "{}", '{"u2":1}', "7", "[]"):
            self.assertEqual(user_of(f'{{"id":"u","watchlist":{watchlist}}}').watchlist, ())

    def test_watchlist_limit(self) -> None:
        """The first hundred distinct ids are used, and only a longer list is cut."""
        ids = [f"u{n}" for n in range(WATCHLIST_LIMIT)]
        exact = user_of(json.dumps({"id": "u", "watchlist": ids + ids}))
        self.assertEqual((exact.watchlist, exact.watchlist_cut), (tuple(ids), False))
        longer = user_of(json.dumps({"id": "u", "watchlist": [*ids, "x"]}))
        self.assertEqual((longer.watchlist, longer.watchlist_cut), (tuple(ids), True))

    def test_no_id(self) -> None:
        """The id must be a string with something in it; an integer is refused."""
        for user_id in ('""', "null", "7", "1.0", "true", "[]", "{}"):
            self.assertEqual(self.refusal(f'{{"id":{user_id}}}'), NO_USER_ID, user_id)
        for text in ("{}", "[]", "null", '"u1"', "7"):
            self.assertEqual(self.refusal(text), NO_USER_ID, text)

    def test_bad(self) -> None:
        """What is no JSON is refused as such."""
        for text in [
            "",
            "{",
            "u1",
            '{"id":"\\ud800"}',
            '{"id":"u","user_info":' + "[" * 100_000,
            '{"id":"u","x":1e999}',
            "\ud800",
        ]:
            code, words = self.refusal(text)
            self.assertEqual(code, 4009)
            self.assertTrue(words.startswith("Authentication error: Invalid user_data JSON: "), words)

    def test_depth(self) -> None:
        """At every depth around the limit of the parser the answer is a user or a refusal."""
        for depth in range(100, 2000, 1):
            text = '{"id":"u","user_info":' + "[" * depth + "]" * depth + "}"
            try:
                self.assertEqual(len(user_of(text).user_info), 2 * depth)
            except PeerError:
                break
        else:
            self.fail("nesting is not limited")

    @given(
        st.one_of(
            any_text,
            values.map(json.dumps),
            values.map(lambda v: json.dumps({"id": "u", "user_info": v, "watchlist": [v]})),
        )
    )
    def test_anything(self, text: str) -> None:
        """Any text is a user or refused."""
        try:
            user = user_of(text)
        except PeerError:
            return
        self.assertTrue(user.user_id)
        json.loads(user.user_info)
