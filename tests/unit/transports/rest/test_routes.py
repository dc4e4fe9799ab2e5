"""Paths: what matches, what is left open, and that nothing is decoded on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryServer
from sockudo_tx.transports.rest.routes import Routes
from sockudo_tx.transports.rest.settings import RestSettings

OPEN: dict[bytes, tuple[bytes, ...]] = {
    b"/apps/a/events": (b"a",),
    b"/apps/a/batch_events": (b"a",),
    b"/apps/a/channels": (b"a",),
    b"/apps/a/channels/c": (b"a", b"c"),
    b"/apps/a/channels/%2F%23": (b"a", b"%2F%23"),
    b"/apps/a/channels/users": (b"a", b"users"),
    b"/apps/a/channels/c/users": (b"a", b"c"),
    b"/apps/a/users/u/terminate_connections": (b"a", b"u"),
    b"/users/u/terminate_connections": (b"u",),
    b"/app/k": (b"k",),
    b"/up": (),
    b"/up/a": (b"a",),
    b"/live": (),
    b"/usage": (),
    b"/stats": (),
}


def served(prefix: str = "/", usage: bool = True) -> Routes:
    """The routes of a whole server."""
    return MemoryServer(rest=RestSettings(path_prefix=prefix, usage_enabled=usage)).site.api.routes


PLAIN, PREFIXED = served(usage=False), served("/a", usage=False)


class RouteTests(SynchronousTestCase):
    """`Routes`"""

    def test_bounded(self) -> None:
        """Paths that strangers make up do not stay for ever, long ones not at all."""
        routes = served()
        for number in range(1500):
            self.assertIsNotNone(routes.match(b"/apps/%d/events" % number))
            self.assertIsNone(routes.match(b"/%d" % number))
        self.assertEqual(routes._remembered.cache_info().currsize, 1000)
        misses = routes._remembered.cache_info().misses
        self.assertIsNotNone(routes.match(b"/apps/%b/events" % (b"a" * 1000)))
        self.assertEqual(routes._remembered.cache_info().misses, misses)

    def test_match(self) -> None:
        """Every route, with and without a slash at the end, and its open segments as they came."""
        routes = served()
        for path, segments in OPEN.items():
            for spelled in (path, path + b"/"):
                match = routes.match(spelled)
                self.assertIsNotNone(match, spelled)
                self.assertEqual(match and match[1], segments)
            self.assertIsNone(routes.match(path + b"//"), path)
            self.assertIsNone(routes.match(path.upper()), path)

    def test_prefix(self) -> None:
        """Below a prefix everything moves; health answers at both places."""
        routes = served("/ws")
        for path, segments in OPEN.items():
            match = routes.match(b"/ws" + path)
            self.assertEqual(match and match[1], segments)
            self.assertEqual(routes.match(path) is not None, path in (b"/up", b"/up/a", b"/live"), path)
        self.assertIsNone(routes.match(b"/wsup"))

    def test_without_usage(self) -> None:
        """`/usage` and `/stats` can be switched off, and nothing else goes with them."""
        for path in OPEN:
            self.assertEqual(PLAIN.match(path) is None, path in (b"/usage", b"/stats"), path)

    def test_kinds(self) -> None:
        """A route is signed or open, never both."""
        routes = served()
        for path in OPEN:
            match = routes.match(path)
            assert match is not None
            route, _ = match
            self.assertNotEqual(route.signed is None, route.open is None)
            self.assertEqual(route.signed is not None, b"apps" in path or b"users" in path)

    @given(st.binary() | st.lists(st.sampled_from([b"", b"apps", b"a", b"channels", b"users", b"events", b"up"])).map(b"/".join))  # fmt: skip
    def test_total(self, path: bytes) -> None:
        """Any path is a route or none."""
        for routes in (PLAIN, PREFIXED):
            match = routes.match(path)
            self.assertTrue(match is None or all(match[1]))
