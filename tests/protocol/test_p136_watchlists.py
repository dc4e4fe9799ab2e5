"""Watchlists."""

from __future__ import annotations

from sockudo_tx.testing import MemoryClient

from .case import ProtocolCase, error, watchlist

TOO_LONG = error(4302, "Watchlist limit exceeded. Only the first 100 user IDs are accepted.")


class WatchlistTests(ProtocolCase):
    """Knowing when others are online."""

    def user(self, user_id: str, *watched: str) -> MemoryClient:
        """A connection signed in as the user, its own messages read."""
        client = self.client()
        client.signin(user_id, watchlist=list(watched))
        return client

    def test_P136_status(self) -> None:
        """Given `u2` online and `u3` offline, when `u1` signs in with watchlist [`u2`,`u3`], then `signin_success`, then
        one `pusher_internal:watchlist_events` with an `online` entry [`u2`] and an `offline` entry [`u3`], string
        data."""
        self.user("u2")
        success, status = self.client().signin("u1", watchlist=["u2", "u3"])
        self.assertIn("pusher:signin_success", success)
        self.assertEqual(
            status,
            '{"event":"pusher_internal:watchlist_events","data":"{\\"events\\":['
            '{\\"name\\":\\"online\\",\\"user_ids\\":[\\"u2\\"]},{\\"name\\":\\"offline\\",\\"user_ids\\":[\\"u3\\"]}]}"}',
        )

    def test_P136_one_sided(self) -> None:
        """Empty entries are left out, order is the watchlist's, doubles and non-strings are dropped."""
        frames = self.client().signin("u1", watchlist=["b", "a", 5, "b", None])
        self.assertEqual(frames[1:], [watchlist(("offline", ["b", "a"]))])
        for empty in ([], None, "u2", {}, [5]):
            self.assertEqual(len(self.client().signin("u9", watchlist=empty)), 1)

    def test_P137_transitions(self) -> None:
        """Given 136, when `u3` signs in (with no watchlist), then `u1` receives one message with `online` [`u3`]; when
        `u3` opens a second socket, then silent; when both close, then one `offline` [`u3`]."""
        self.user("u2")
        u1 = self.user("u1", "u2", "u3")
        first = self.client()
        first.signin("u3")
        self.assertEqual(u1.take(), [watchlist(("online", ["u3"]))])
        second = self.client()
        second.signin("u3")
        second.signin("u3")
        self.assertSilent(u1)
        first.close()
        self.assertSilent(u1)
        second.cut()
        self.assertEqual(u1.take(), [watchlist(("offline", ["u3"]))])

    def test_P137_presence_is_irrelevant(self) -> None:
        """Only sign-in makes a user online."""
        u1 = self.user("u1", "u3")
        self.member("presence-r", "u3").close()
        self.assertSilent(u1)

    def test_P137_replaced(self) -> None:
        """Signing in again replaces the watchlist, and it is gone with its socket."""
        u1, other = self.user("u1", "u2"), self.user("u1", "u2", "u3")
        self.assertEqual(u1.signin("u1", watchlist=["u3"])[1:], [watchlist(("offline", ["u3"]))])
        self.user("u2")
        self.assertSilent(u1)
        self.assertEqual(other.take(), [watchlist(("online", ["u2"]))])
        other.close()
        self.user("u3")
        self.assertEqual(u1.take(), [watchlist(("online", ["u3"]))])

    def test_P138_nothing_about_itself(self) -> None:
        """When `u1` (not in its own watchlist, but watched by others) signs in, then it receives nothing about
        itself."""
        watcher = self.user("w", "u1")
        frames = self.client().signin("u1", watchlist=["x"])
        self.assertEqual(frames[1:], [watchlist(("offline", ["x"]))])
        self.assertEqual(len(self.client().signin("u1")), 1)
        self.assertEqual(watcher.take(), [watchlist(("online", ["u1"]))])

    def test_P139_disabled(self) -> None:
        """Given watchlists disabled for the app, then no watchlist message is ever sent."""
        self.serve(enable_watchlist_events=False)
        client = self.client()
        self.assertEqual(len(client.signin("u1", watchlist=["u2"])), 1)
        self.user("u2").close()
        self.assertEqual(len(client.signin("u1", watchlist=[str(number) for number in range(200)])), 1)
        self.assertSilent(client)

    def test_P140_too_long(self) -> None:
        """Given 101 ids, then `signin_success`, status for the first 100 only, and E(4302,`Watchlist limit exceeded.
        Only the first 100 user IDs are accepted.`)."""
        ids = [f"w{number}" for number in range(101)]
        client = self.client()
        success, *rest = client.signin("u1", watchlist=ids)
        self.assertIn("pusher:signin_success", success)
        self.assertEqual(sorted(rest), sorted([watchlist(("offline", ids[:100])), TOO_LONG]))
        self.user("w100")
        self.assertSilent(client)
        self.user("w99")
        self.assertEqual(client.take(), [watchlist(("online", ["w99"]))])
        self.assertEqual(len(self.client().signin("u1", watchlist=ids[:100])), 2)
