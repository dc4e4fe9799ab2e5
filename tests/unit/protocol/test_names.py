"""Names: socket ids, what a channel's prefix means, which channel names are refused and why."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.names import ChannelName, channel_name_fault, is_socket_id, new_socket_id

# protocol.md 6.1: name, private, presence, encrypted, cache, label of metrics.
KINDS = [
    ("presence-cache-a", True, True, False, True, "cache"),
    ("presence-a", True, True, False, False, "presence"),
    ("private-encrypted-cache-a", True, False, True, True, "cache"),
    ("private-encrypted-a", True, False, True, False, "private_encrypted"),
    ("private-cache-a", True, False, False, True, "cache"),
    ("private-a", True, False, False, False, "private"),
    ("cache-a", False, False, False, True, "cache"),
    ("news", False, False, False, False, "public"),
    # Prefixes are anchored, case-sensitive and whole.
    ("my-cache-x", False, False, False, False, "public"),
    ("private-nocache-1", True, False, False, False, "private"),
    ("presence-private-cache-x", True, True, False, False, "presence"),
    ("private-presence-cache-x", True, False, False, False, "private"),
    ("private-encrypted", True, False, False, False, "private"),
    ("presence-encrypted-cache-x", True, True, False, False, "presence"),
    ("Private-a", False, False, False, False, "public"),
    ("presence", False, False, False, False, "public"),
    ("private", False, False, False, False, "public"),
    ("cache", False, False, False, False, "public"),
    ("private-", True, False, False, False, "private"),
]

any_text = st.text(st.characters())


class SocketIdTests(SynchronousTestCase):
    """`new_socket_id`, `is_socket_id`"""

    def test_shape(self) -> None:
        """Two integers up to ten thousand million without padding; server SDKs check this shape before they sign."""
        for socket_id in (new_socket_id() for _ in range(200)):
            self.assertTrue(is_socket_id(socket_id))
            for half in socket_id.split("."):
                self.assertEqual(half, str(int(half)))
                self.assertLessEqual(int(half), 10_000_000_000)

    def test_fresh(self) -> None:
        """No two of a thousand are the same, and both halves make use of all their room."""
        ids = {new_socket_id() for _ in range(1000)}
        self.assertEqual(len(ids), 1000)
        for side in (0, 1):
            halves = [int(each.split(".")[side]) for each in ids]
            self.assertGreater(max(halves), 9_000_000_000)  # else one in 10^45
            self.assertLess(min(halves), 1_000_000_000)

    def test_other_shapes(self) -> None:
        """Nothing else is one."""
        for text in ["", ".", "1", "1.", ".1", "1.2.3", "1.2\n", " 1.2", "1.2 ", "-1.2", "1.x", "١.٢", "1:2"]:
            self.assertFalse(is_socket_id(text), text)

    @given(any_text)
    def test_anything(self, text: str) -> None:
        """Any text is or is not one."""
        self.assertIn(is_socket_id(text), (True, False))


class ChannelNameTests(SynchronousTestCase):
    """`ChannelName.of`"""

    def test_kinds(self) -> None:
        """Every prefix means what the table says, and only at the beginning."""
        for text, private, presence, encrypted, cache, kind in KINDS:
            name = ChannelName.of(text)
            found = (name.private, name.presence, name.encrypted, name.cache, name.kind)
            self.assertEqual(found, (private, presence, encrypted, cache, kind), text)
            self.assertIsNone(name.user_id, text)

    def test_user_channel(self) -> None:
        """A user channel carries its user, whatever the id looks like, and is nothing else."""
        for user_id in ["u1", "auth0|42", "private-x", "cache-x", "ü", "#server-to-user-x", ""]:
            name = ChannelName.of(f"#server-to-user-{user_id}")
            self.assertEqual(name[1:], (False, False, False, False, user_id))

    @given(any_text)
    def test_anything(self, text: str) -> None:
        """Any text can be classified."""
        name = ChannelName.of(text)
        self.assertEqual(name.text, text)
        self.assertFalse(name.presence and name.encrypted)
        self.assertTrue(name.private or not (name.presence or name.encrypted))
        self.assertIn(name.kind, ("cache", "presence", "private_encrypted", "private", "public"))


class FaultTests(SynchronousTestCase):
    """`channel_name_fault`"""

    def fault(self, name: str, limit: int = 200, in_bytes: bool = True) -> str | None:
        return channel_name_fault(name, limit, in_bytes=in_bytes)

    def test_good(self) -> None:
        """The whole alphabet of Pusher and of Sockudo is allowed."""
        for name in ["a", "A-Za-z0-9-_=@,.;:", "private-a:b", "a" * 200]:
            self.assertIsNone(self.fault(name), name)

    def test_empty(self) -> None:
        """An empty name is refused."""
        self.assertEqual(self.fault(""), "Channel name cannot be empty")

    def test_characters(self) -> None:
        """The text names the channel and what is wrong in it, each time it occurs, up to ten."""
        self.assertEqual(
            self.fault("a b/c"), "Channel name contains invalid characters: 'a b/c' (invalid chars: [' ', '/'])"
        )
        for character in " /?!%&*+|\\\"'()[]{}<>~^`$\n\r\t\x00\x7fé😀#":
            self.assertIn(f"'{character}'", self.fault(f"a{character}") or "")
        self.assertEqual((self.fault("/" * 50) or "").count("'/'"), 10)
        self.assertIsNotNone(self.fault("a\n"))

    def test_length(self) -> None:
        """Length is checked before characters; 0 is no limit."""
        self.assertEqual(self.fault("a" * 201), "Channel name too long. Max length is 200")
        self.assertEqual(self.fault(" " * 201), "Channel name too long. Max length is 200")
        self.assertIsNone(self.fault("a" * 10_000, 0))

    def test_unit(self) -> None:
        """Length counts UTF-8 bytes on the socket and code points on REST."""
        name = "#server-to-user-" + "é" * 100
        self.assertEqual(self.fault(name), "Channel name too long. Max length is 200")
        self.assertIsNone(self.fault(name, in_bytes=False))

    def test_user_channel(self) -> None:
        """After the prefix of a user channel anything but control characters is an id, and there must be one."""
        for user_id in ["u1", "auth0|42", "a b", "é😀", "#"]:
            self.assertIsNone(self.fault(f"#server-to-user-{user_id}"), user_id)
        for user_id in ["", "a\nb", "\x00", "a\x7f", "\x85"]:
            self.assertIsNotNone(self.fault(f"#server-to-user-{user_id}"), user_id)
        for name in ["#", "#a", "a#server-to-user-x", "#server-to-user", "#Server-To-User-x"]:
            self.assertIsNotNone(self.fault(name), name)
        self.assertEqual(self.fault("#server-to-user-" + "a" * 185), "Channel name too long. Max length is 200")

    @given(any_text, st.integers(0, 50), st.booleans())
    @example("\ud800", 5, True)
    def test_anything(self, name: str, limit: int, in_bytes: bool) -> None:
        """Any text is good or has a fault, and a good one keeps every rule."""
        if channel_name_fault(name, limit, in_bytes=in_bytes) is None:
            self.assertTrue(name)
            self.assertFalse(limit and len(name.encode("utf-8", "surrogatepass") if in_bytes else name) > limit)
            self.assertTrue(name.startswith("#server-to-user-") or (name.isascii() and not set(name) & set(" #/\n")))
