"""JSON as it travels: strict when read, unchanged when passed on."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.wirejson import JsonError, Raw, compact, depth, dumps, least_size, loads, quote, text_of

SHORT = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}

# Any text that UTF-8 can carry, with the awkward parts of it more often than chance would have them.
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from('"\\/\b\f\n\r\t\x00\x1f\x7f\x85\u2028é€😀[]{},: ')
    )
)
blanks = st.text(st.sampled_from(" \t\r\n"), max_size=3)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


@st.composite
def strings(draw: st.DrawFn) -> tuple[str, str]:
    """A JSON string spelled in one of its many ways, and as the wire spells it."""
    text = draw(texts)
    spelled = ""
    for character in text:
        ways = [f"\\u{unit:04X}" for unit in [ord(character)] if unit < 0x10000]
        if ord(character) >= 0x10000:
            high, low = divmod(ord(character) - 0x10000, 0x400)
            ways.append(f"\\ud{0x800 + high:03x}\\ud{0xC00 + low:03x}")
        if character in SHORT:
            ways.append("\\" + SHORT[character])
        if character not in '"\\' and character >= " ":
            ways.append(character)
        spelled += draw(st.sampled_from(ways))
    return f'"{spelled}"', quote(text)


def _joined(draw: st.DrawFn, parts: list[tuple[str, str]], opening: str, closing: str) -> tuple[str, str]:
    loose = ",".join(draw(blanks) + part + draw(blanks) for part, _ in parts)
    return opening + (loose or draw(blanks)) + closing, opening + ",".join(tight for _, tight in parts) + closing


@st.composite
def arrays(draw: st.DrawFn, items: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    return _joined(draw, draw(st.lists(items, max_size=4)), "[", "]")


@st.composite
def objects(draw: st.DrawFn, items: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    members = []
    for (key, tight_key), (value, tight_value) in draw(st.lists(st.tuples(strings(), items), max_size=4)):
        members.append((f"{key}{draw(blanks)}:{draw(blanks)}{value}", f"{tight_key}:{tight_value}"))
    return _joined(draw, members, "{", "}")


scalars = st.one_of(strings(), st.one_of(numbers, st.sampled_from(["null", "true", "false"])).map(lambda t: (t, t)))
spellings = st.recursive(scalars, lambda items: st.one_of(arrays(items), objects(items)), max_leaves=12)


def exact(text: str) -> Any:
    """The value with numbers as their text and objects as lists of members."""
    return json.loads(
        text, parse_int=lambda t: ("number", t), parse_float=lambda t: ("number", t), object_pairs_hook=list
    )


class LoadsTests(SynchronousTestCase):
    """`loads`"""

    def test_values(self) -> None:
        """Every kind of JSON value is read, from text and from bytes."""
        text = '{"a":[1,-2.5,1e3,true,false,null,"é\\ud83d\\ude00"]}'
        value = {"a": [1, -2.5, 1000.0, True, False, None, "é😀"]}
        self.assertEqual(loads(text), value)
        self.assertEqual(loads(text.encode()), value)

    def test_strict(self) -> None:
        """What JSON does not allow, and what cannot be sent on, is refused with one error."""
        for text in ["", "NaN", "Infinity", "-Infinity", "[1,]", "{'a':1}", "01", "1.", "+1", '"\n"', '"\\x"', "nul"]:
            self.assertRaises(JsonError, loads, text)
        for text in ['"\\ud800"', '"\\udc00\\ud800"', '"\ud800"', "1e999", "1 2", "\ufeff1"]:
            self.assertRaises(JsonError, loads, text)
        self.assertRaises(JsonError, loads, b'"\xff"')
        self.assertRaises(JsonError, loads, b'"\xed\xa0\x80"')

    def test_deep(self) -> None:
        """Nesting that would exhaust the stack is refused, and so is nesting beyond the caller's limit."""
        self.assertRaises(JsonError, loads, "[" * 200_000 + "]" * 200_000)
        self.assertRaises(JsonError, loads, '{"a":' * 200_000)
        self.assertEqual(loads('[["]]]]]]"]]', max_depth=2), [["]]]]]]"]])
        self.assertRaises(JsonError, loads, "[[[]]]", max_depth=2)

    @given(st.one_of(st.binary(), st.text(st.characters())))
    def test_anything(self, text: bytes | str) -> None:
        """Any input is read or refused with `JsonError`."""
        try:
            loads(text)
        except JsonError:
            pass

    @given(texts)
    def test_round_trip(self, text: str) -> None:
        """What `quote` and `dumps` write, `loads` reads."""
        self.assertEqual(loads(quote(text)), text)
        self.assertEqual(loads(dumps({"k": [text]})), {"k": [text]})


class SpellingTests(SynchronousTestCase):
    """`dumps`, `quote`: the wire's spelling"""

    def test_compact(self) -> None:
        """No spaces, non-ASCII raw, `/` unescaped, member order kept."""
        self.assertEqual(dumps({"b": [1, "é/😀"], "a": None}), '{"b":[1,"é/😀"],"a":null}')
        self.assertEqual(quote('a"\\\n/\u2028'), '"a\\"\\\\\\n/\u2028"')

    @given(texts)
    def test_like_json(self, text: str) -> None:
        """Python's own compact spelling is ours."""
        self.assertEqual(quote(text), json.dumps(text, ensure_ascii=False))


class CompactTests(SynchronousTestCase):
    """`compact`"""

    @given(spellings)
    @example(
        ('{"a" : 100000000000000000000000000000000000000000001}', '{"a":100000000000000000000000000000000000000000001}')
    )
    @example(("[ 1.10, 1e5, 1E+05, -0, 0.0 ]", "[1.10,1e5,1E+05,-0,0.0]"))
    @example(('" \\" , \\\\" ', '" \\" , \\\\"'))
    def test_one_spelling(self, spelling: tuple[str, str]) -> None:
        """However a value is spelled, it comes out in the one compact spelling, and it stays the same value."""
        loose, tight = spelling
        self.assertEqual(compact(loose), tight)
        self.assertEqual(exact(compact(loose)), exact(loose))

    @given(spellings)
    def test_idempotent(self, spelling: tuple[str, str]) -> None:
        """Compact JSON stays as it is, as text, bytes and `Raw`."""
        tight = compact(spelling[0])
        self.assertEqual([compact(tight), compact(tight.encode()), compact(Raw(tight.encode()))], [tight] * 3)

    def test_long(self) -> None:
        """Hostile text costs no more than its length: this would not end otherwise."""
        for text in ["[" + '" ",' * 100_000 + "0]", '"' + "\\\\" * 500_000 + '"', "[" + " " * 1_000_000 + "]"]:
            self.assertEqual(exact(compact(text)), exact(text))


class TextOfTests(SynchronousTestCase):
    """`text_of`"""

    def test_kinds(self) -> None:
        """A string is its own characters, anything else its compact JSON."""
        for given_text, text in [
            ('"a\\nb"', "a\nb"),
            (' "a" ', "a"),
            ('"{\\"a\\":1}"', '{"a":1}'),
            ('""', ""),
            ("null", "null"),
            (' { "a" : [ 1.0 ] } ', '{"a":[1.0]}'),
            ("12345678901234567890123", "12345678901234567890123"),
        ]:
            self.assertEqual(text_of(given_text), text)
            self.assertEqual(text_of(Raw(given_text.encode())), text)


class LeastSizeTests(SynchronousTestCase):
    """`least_size`"""

    @given(spellings)
    def test_bound(self, spelling: tuple[str, str]) -> None:
        """Never more than the bytes delivered."""
        for text in spelling:
            self.assertLessEqual(least_size(text.encode()), len(text_of(text).encode()))

    def test_close(self) -> None:
        """White space and escapes do not count, so a large value shows."""
        for text in ("[1, 2,\n\t3]", '["\\n", "\\u0041"]'):
            self.assertGreater(least_size(text.encode()), len(text_of(text)) - 4)
        self.assertEqual(least_size(b'  "a string is one token"'), 0)


class DepthTests(SynchronousTestCase):
    """`depth`"""

    def test_counted(self) -> None:
        """Brackets count where they nest, and not inside strings."""
        table = [
            ("1", 0),
            ("[]", 1),
            ('{"a":[]}', 2),
            ("[[],[],[[]]]", 3),
            ('"{"', 0),
            ('["[[[[\\"[[["]', 1),
            ('["[[', 1),
        ]
        self.assertEqual([depth(text) for text, _ in table], [expected for _, expected in table])

    def test_hostile(self) -> None:
        """Unfinished strings and lone brackets are counted in linear time: this would not end otherwise."""
        for text in ['"' + "\\" * 500_001, "[" * 500_000, '["' + 'a\\"' * 300_000, "]" * 500_000]:
            depth(text)

    @given(spellings)
    def test_exact(self, spelling: tuple[str, str]) -> None:
        """Spelling does not change it."""
        self.assertEqual(depth(spelling[0]), depth(spelling[1]))
