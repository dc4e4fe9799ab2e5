"""Signatures: published vectors, what a REST query means, and which calls are refused and why."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.auth import (
    candidate_paths,
    channel_signature,
    hex_hmac,
    parse_query,
    rest_signature,
    same,
    user_signature,
    verify,
)
from sockudo_tx.protocol.errors import RestError

PUSHER_KEY, PUSHER_SECRET = "278d425bdf160c739803", "7ad3773142a6692b25b8"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
APP = App(id="app-id", key="app-key", secret="app-secret")
NOW = 1_700_000_000.0
COMMON = {"auth_key": "app-key", "auth_timestamp": "1700000000", "auth_version": "1.0"}

# http-api.md 4.7: method, path, parameters beyond COMMON, body, signature.
VECTORS = {
    "V2": ("GET", "/apps/app-id/channels", {"filter_by_prefix": "presence-", "info": "user_count,subscription_count"}, b"", "588fbe1cbc96a79509ea04babd1a58ef6aff37cb8da22ddb5dbe2dfb1cfcedf2"),
    "V3": ("GET", "/apps/app-id/channels", {"body_md5": EMPTY}, b"", "6a2f213f5ea86fd2cc8f4e738bac95efd868e894a2ab76d0e89393b2999b70ad"),
    "V4": ("POST", "/apps/app-id/users/u1/terminate_connections", {"body_md5": "99914b932bd37a50b983c5e7c90ae93b"}, b"{}", "05a27cccae0fd91a5549cf8c5c72bcb2f1bed4287b2b09e6324b0bc92cb11077"),
    "V5": ("POST", "/apps/app-id/users/u1/terminate_connections", {}, b"", "d22d64c2441ab4ba65b1fe847d1c623203760a7be673592b329d0a6bc2b43e75"),
    "V6": ("GET", "/apps/app-id/channels/presence-room/users", {}, b"", "a7afae233250cdf3d2c9b18ed80afcd11f03f89614c48018dec50a034ca1143a"),
}  # fmt: skip

# protocol.md 8: channel, channel_data, signature; socket 1234.1234.
CHANNELS = [
    ("private-foobar", None, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
    ("private-cache-foobar", None, "395f4a03f06e17b74af8d9c58386cf386e70176f58452420f042b6e1bddefa43"),
    ("private-encrypted-foobar", None, "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533"),
    ("presence-foobar", '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}', "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"),
    ("presence-cache-foobar", '{"user_id":"10","user_info":{"name":"Mr. Channels"}}', "6c54d90970eaac004be18ca8d1bea87d9648f4a37be1c1304bf68f4a6b5532a1"),
    ("presence-foobar", None, "71506e66e7fdca106571b8999a849ad34245bc653772e51e0026c1a2475b92ba"),
]  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain_names = texts.filter(lambda name: not name.lower().startswith(("auth_", "body_md5")))


class SocketSignatureTests(SynchronousTestCase):
    """`channel_signature`, `user_signature` and `same`"""

    def test_channels(self) -> None:
        """The vectors of Pusher's documentation come out."""
        for channel, data, expected in CHANNELS:
            self.assertEqual(channel_signature(PUSHER_SECRET, "1234.1234", channel, data), expected)

    def test_user(self) -> None:
        """The sign-in vector of Pusher's documentation comes out."""
        self.assertEqual(
            user_signature(PUSHER_SECRET, "1234.1234", '{"id":"12345"}'),
            "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
        )

    def test_webhook(self) -> None:
        """V7: a webhook is signed over its raw body."""
        body = b'{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"my-channel"}]}'
        self.assertEqual(
            hex_hmac("app-secret", body), "fec9fff324b82111ea03affc886e951bec5ee7a9e365bfd05cf254414c990a1a"
        )

    @given(st.text(), st.text())
    @example("\ud800", "ä")
    def test_same(self, a: str, b: str) -> None:
        """Any two texts compare, as `==` would, and none raises."""
        self.assertEqual(same(a, b), a == b)
        self.assertTrue(same(a, a))


class QueryTests(SynchronousTestCase):
    """`parse_query`"""

    def test_rules(self) -> None:
        """Split on `&` and the first `=`; plus is a space, escapes are UTF-8, blanks stay, empty parts go."""
        self.assertEqual(
            parse_query(b"a=1=2&&b&c=&D=x+y&e=%C3%A4%2C,&f=%ff%&=g&;=h"),
            {"a": "1=2", "b": "", "c": "", "d": "x y", "e": "ä,,", "f": "\ufffd%", "": "g", ";": "h"},
        )

    def test_last_wins(self) -> None:
        """A repeated name has its last value, also when only lower-casing makes it a repetition."""
        self.assertEqual(parse_query(b"info=a&INFO=b"), {"info": "b"})

    def test_signature_parameters_once(self) -> None:
        """No parameter of the signature may be given twice, in any spelling."""
        for name in ("auth_key", "auth_timestamp", "auth_version", "body_md5", "auth_signature"):
            with self.assertRaises(RestError) as caught:
                parse_query(f"{name}=a&x=1&{name.upper()}=a".encode())
            self.assertEqual(caught.exception.status, 400)
            self.assertIn(name, caught.exception.text)

    @given(st.dictionaries(plain_names, texts, max_size=6))
    def test_round_trip(self, values: dict[str, str]) -> None:
        """What an SDK escapes is what we read, names lower-cased."""
        raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in values.items())
        self.assertEqual(parse_query(raw.encode()), {name.lower(): value for name, value in values.items()})

    @given(st.binary())
    def test_total(self, raw: bytes) -> None:
        """Any bytes are a query, or one 400; and what was read can be signed."""
        try:
            parameters = parse_query(raw)
        except RestError as error:
            self.assertEqual(error.status, 400)
        else:
            self.assertRegex(rest_signature("s", "GET", b"/", parameters), r"\A[0-9a-f]{64}\Z")


class CandidateTests(SynchronousTestCase):
    """`candidate_paths`"""

    def test_plain(self) -> None:
        """An ordinary path has one spelling."""
        self.assertEqual(candidate_paths(b"/apps/1/events"), (b"/apps/1/events",))

    def test_spellings(self) -> None:
        """Without the slash at the end, without the prefix, decoded; each once and the one received first."""
        self.assertEqual(candidate_paths(b"/apps/1/events/"), (b"/apps/1/events/", b"/apps/1/events"))
        self.assertEqual(candidate_paths(b"/ws/a%20b", b"/ws"), (b"/ws/a%20b", b"/a%20b", b"/ws/a b", b"/a b"))
        self.assertEqual(candidate_paths(b"/wsx/a", b"/ws"), (b"/wsx/a",))

    def test_dangerous_decoding(self) -> None:
        """A decoding that makes a slash or a control character is no candidate."""
        for path in (b"/a%2Fb", b"/a%2fb", b"/a%0Ab", b"/a%00", b"/a%7F", b"/a%C2%85"):
            self.assertEqual(candidate_paths(path), (path,))

    @given(st.binary(), st.sampled_from([b"", b"/ws", b"/a/b"]))
    def test_total(self, path: bytes, prefix: bytes) -> None:
        """Any path has at most eight distinct candidates, itself first."""
        found = candidate_paths(path, prefix)
        self.assertEqual(found[0], path)
        self.assertLessEqual(len(found), 8)
        self.assertEqual(len(set(found)), len(found))


class VerifyTests(SynchronousTestCase):
    """`verify`"""

    def check(self, parameters: dict[str, str], *, method: str = "GET", path: bytes = b"/p", body: bytes = b"") -> None:
        verify(APP, method, [path], parameters, body, NOW)

    def signed(self, method: str = "GET", path: bytes = b"/p", **values: str | None) -> dict[str, str]:
        """COMMON changed by `values` (None removes), signed."""
        merged = {name: value for name, value in {**COMMON, **values}.items() if value is not None}
        return {**merged, "auth_signature": rest_signature(APP.secret, method, path, merged)}

    def refused(self, parameters: dict[str, str], *words: str, **how: bytes) -> str:
        with self.assertRaises(RestError) as caught:
            self.check(parameters, **how)  # type: ignore[arg-type]
        error = caught.exception
        self.assertEqual((error.status, error.code), (401, "auth_failed"))
        for word in words:
            self.assertIn(word, error.text)
        self.assertNotIn(APP.secret, error.text)
        return error.text

    def test_pushers_vector(self) -> None:
        """V1, the example of Pusher's documentation, is accepted at its time and refused with another body."""
        body = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
        parameters = {
            "auth_key": PUSHER_KEY,
            "auth_timestamp": "1353088179",
            "auth_version": "1.0",
            "body_md5": "ec365a775a4cd0599faeb73354201b6f",
            "auth_signature": "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
        }
        app = App(id="3", key=PUSHER_KEY, secret=PUSHER_SECRET)
        verify(app, "POST", [b"/apps/3/events"], parameters, body, 1353088179.0)
        with self.assertRaises(RestError):
            verify(app, "POST", [b"/apps/3/events"], parameters, body[:-1] + b" ", 1353088179.0)

    def test_vectors(self) -> None:
        """V2 to V6 are computed and accepted."""
        for name, (method, path, more, body, signature) in VECTORS.items():
            parameters = {**COMMON, **more}
            self.assertEqual(rest_signature("app-secret", method, path.encode(), parameters), signature, name)
            verify(APP, method, [path.encode()], {**parameters, "auth_signature": signature}, body, NOW)

    def test_key(self) -> None:
        """A missing key and another key are told apart."""
        self.refused(self.signed(auth_key=None), "auth_key", "missing")
        self.refused(self.signed(auth_key="other"), "auth_key", "not the key")

    def test_version(self) -> None:
        """Only 1.0, or nothing."""
        self.check(self.signed(auth_version=None))
        self.refused(self.signed(auth_version="2.0"), "auth_version")

    def test_clock(self) -> None:
        """600 seconds either way pass; a clock further off is told by how much, which way, and the limit."""
        for second in (-600, 600):
            self.check(self.signed(auth_timestamp=str(int(NOW) + second)))
        self.refused(self.signed(auth_timestamp=str(int(NOW) - 742)), "742 seconds behind", "600")
        self.refused(self.signed(auth_timestamp=str(int(NOW) + 601)), "601 seconds ahead of", "600")

    def test_not_a_time(self) -> None:
        """Anything but decimal digits is refused as such."""
        for text in ("", "abc", " 1700000000", "1_700_000_000", "1.7e9", "١٧٠٠٠٠٠٠٠٠", "9" * 5000):
            self.refused(self.signed(auth_timestamp=text), "auth_timestamp")
        self.refused(self.signed(auth_timestamp=None), "auth_timestamp", "missing")

    def test_signature(self) -> None:
        """A wrong one is refused with what had to be signed, and is not repeated in the text."""
        good = self.signed()
        for text in ("", good["auth_signature"].upper(), good["auth_signature"] + " ", "\ufffd"):
            shown = self.refused({**good, "auth_signature": text}, "auth_signature", "GET", "/p", "auth_timestamp")
            self.assertNotIn(good["auth_signature"], shown.lower())
        good.pop("auth_signature")
        self.refused(good, "auth_signature", "missing")

    def test_any_candidate(self) -> None:
        """A signature over any of the candidate paths is good."""
        verify(APP, "GET", [b"/x", b"/p", b"/y"], self.signed(), b"", NOW)

    def test_body(self) -> None:
        """The table of 4.6: a body needs its MD5, an empty body may have the MD5 of nothing."""
        right = hashlib.md5(b"{}").hexdigest()
        self.check(self.signed(body_md5=right), body=b"{}")
        self.check(self.signed(body_md5=EMPTY))
        self.refused(self.signed(), "body_md5", "missing", body=b"{}")
        for text in ("", EMPTY, right.upper(), "ä"):
            self.refused(self.signed(body_md5=text), "body_md5", "2 bytes", body=b"{}")
        self.refused(self.signed(body_md5=right), "body_md5", "0 bytes")

    @given(st.dictionaries(texts, texts, max_size=5), st.binary(max_size=30))
    def test_total(self, parameters: dict[str, str], body: bytes) -> None:
        """Whatever the parameters are, the answer is yes or one 401 without the secret."""
        try:
            self.check({**COMMON, **parameters}, body=body)
        except RestError as error:
            self.assertEqual(error.status, 401)
            self.assertNotIn(APP.secret, error.text)
