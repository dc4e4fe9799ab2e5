"""P-149: pusher-js as published, in Node, against the running server. A word on its console fails the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.clients import Clients
from tests.conformance.daemon import Daemon
from tests.integration.proxies import Nginx

ANN, BOB = {"name": "Ann"}, {"name": "Bob"}


class Promises:
    """What pusher-js is promised, whichever its version."""

    library: str
    clients: Clients

    def find(self, script: str, scenario: str) -> Any:
        """Runs a scenario with this version of pusher-js."""
        return self.clients.run(script, scenario, client=self.library)

    def test_P149_connect(self: Any) -> None:
        """The client connects at once and gets a socket id of the documented form."""
        found = self.find("channels.js", "connect")
        self.assertEqual(found["states"], ["connecting", "connected"])
        self.assertRegex(found["socket_id"], r"\A\d+\.\d+\Z")

    def test_P149_public(self: Any) -> None:
        """Events arrive in order and unchanged, except at the excluded socket and after unsubscribing."""
        found = self.find("channels.js", "publicChannel")
        payloads = [{"id": 1, "text": "naïve ☕"}, "plain text", [1, 2, 3], 42, None, {"already": "json"}]
        self.assertEqual(found["ann"], [["story", payload] for payload in payloads])
        self.assertEqual(found["bob"], [["mine", {"from": "ann"}], ["late", {}]])

    def test_P149_private(self: Any) -> None:
        """A private channel works with the signature of Pusher's own SDK."""
        found = self.find("channels.js", "privateChannel")
        self.assertEqual(found, {"event": {"id": 7}, "subscribed": True, "refusal": 403})

    def test_P149_presence(self: Any) -> None:
        """Members, including oneself; one arrival and one departure per user, not per tab."""
        found = self.find("channels.js", "presence")
        self.assertEqual(found["alone"], {"all": {"ann": ANN}, "count": 1, "me": {"id": "ann", "info": ANN}})
        self.assertEqual(found["together"]["all"], {"ann": ANN, "bob": BOB})
        self.assertEqual(found["together"]["me"], {"id": "bob", "info": BOB})
        heard = [(event, data["id"]) for event, data in found["heard"]]
        added, removed = "pusher:member_added", "pusher:member_removed"
        self.assertEqual(heard, [(added, "bob"), (removed, "bob"), (added, "cat"), (removed, "cat")])
        self.assertEqual(found["after"]["count"], 1)

    def test_P149_encrypted(self: Any) -> None:
        """An end-to-end encrypted event is decrypted by the client and was never readable on the wire."""
        found = self.find("channels.js", "encrypted")
        self.assertEqual(found, {"event": {"code": "swordfish"}, "wire": ["ciphertext", "nonce"], "leaked": False})

    def test_P149_cache(self: Any) -> None:
        """Every kind of cache channel: a miss first, then exactly the last event for whoever comes later."""
        found = self.find("channels.js", "cache")
        expected = {"first": "miss", "live": {"eur": 1}, "replay": {"eur": 2}, "more": 0}
        kinds = ["cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-"]
        self.assertEqual(found, dict.fromkeys(kinds, expected))

    def test_P149_client_events(self: Any) -> None:
        """Client events reach the others with their data unchanged, with the sender's id on presence channels."""
        found = self.find("channels.js", "clientEvents")
        for channel, metadata in (("private-chat", None), ("presence-chat", {"user_id": "ann"})):
            data = [event["data"] for event in found[channel]["arrived"]]
            self.assertEqual(data[0], {"on": True})
            self.assertEqual(data[2:], [[1], 0])
            self.assertEqual([event["metadata"] or None for event in found[channel]["arrived"]], [metadata] * 4)
            self.assertEqual(found[channel]["echoes"], [])

    def test_P149_signin(self: Any) -> None:
        """Sign-in works, and an event to the user reaches all of that user's connections and nobody else."""
        found = self.find("users.js", "signIn")
        self.assertEqual(found["user"]["id"], "ann")
        invoice = [["invoice", {"total": 9}]]
        self.assertEqual(found["heard"], {"ann": invoice, "sameAnn": invoice, "bob": []})

    def test_P149_watchlist(self: Any) -> None:
        """The watchlist's state on sign-in, and every change after it."""
        seen = self.find("users.js", "watchlist")["seen"]
        self.assertEqual(seen[:2], [_online("bob"), _offline("cat")])
        self.assertEqual(seen[2], _online("cat"))
        self.assertCountEqual([user for event in seen[3:] for user in event["user_ids"]], ["bob", "cat"])
        self.assertEqual({event["name"] for event in seen[3:]}, {"offline"})

    def test_P149_terminate(self: Any) -> None:
        """Terminating a user ends that user's connections for good, and only those; the user may return."""
        found = self.find("users.js", "terminate")
        self.assertEqual(found["states"][-1], "disconnected")
        self.assertEqual((found["bob"], found["again"]), ("connected", "ann"))


def _online(*users: str) -> dict[str, Any]:
    return {"name": "online", "user_ids": list(users)}


def _offline(*users: str) -> dict[str, Any]:
    return {"name": "offline", "user_ids": list(users)}


@pytest.mark.usefixtures("clients")
class PusherJs8(Promises, SynchronousTestCase):
    """The current pusher-js."""

    library = "pusher-js"


@pytest.mark.usefixtures("clients")
class PusherJs7(Promises, SynchronousTestCase):
    """The version before it, still what many applications ship."""

    library = "pusher-js-7"


@pytest.mark.usefixtures("counting_clients")
class SubscriptionCount(SynchronousTestCase):
    """Subscription counts on the socket, for an app that asks for them."""

    clients: Clients

    def test_P149_subscription_count(self) -> None:
        """pusher-js follows the number of subscribers."""
        found = self.clients.run("channels.js", "subscriptionCount", client="pusher-js")
        self.assertEqual(found["last"], 1)


@pytest.mark.usefixtures("folder", "clients")
class Flood(SynchronousTestCase):
    """A page that sends more messages than a connection may."""

    folder: Path

    def flood(self, library: str) -> None:
        """The page floods, once."""
        limit = {"websocket": {"max_inbound_messages_per_second": 50}}
        with (
            Daemon(self.folder, settings=limit) as daemon,
            Clients(port=daemon.port) as clients,
        ):
            found = clients.run("channels.js", "flood", client=library)
        self.assertEqual((found["code"], found["heard"]), (4100, {"to": "ann"}))
        self.assertEqual(found["states"], ["connecting", "connected", "connecting", "connected"])

    def test_flood_8(self) -> None:
        """The current pusher-js is told why, comes back by itself, and is where it was."""
        self.flood("pusher-js")

    def test_flood_7(self) -> None:
        """So does the version before it."""
        self.flood("pusher-js-7")


@pytest.mark.usefixtures("folder", "clients")
class Restart(SynchronousTestCase):
    """A server is stopped in good order; everything a client was doing goes on without the application's help."""

    folder: Path

    def check(self, found: Any) -> None:
        """The client is connected, subscribed everywhere and signed in."""
        names = ["news", "private-orders", "presence-room", "private-encrypted-secrets"]
        self.assertEqual(found["heard"], [{"to": name} for name in names])
        self.assertEqual((found["personal"], found["members"]), ({"to": "ann"}, 1))

    def roll(self, library: str) -> None:
        """Two servers behind a proxy; the first one goes, and the client is on the second at once."""
        first, second = Daemon(self.folder / "1"), Daemon(self.folder / "2")
        proxy = Nginx(self.folder / "proxy", f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}")
        with (
            first,
            second,
            proxy,
            Clients(port=proxy.port) as clients,
            clients.start("users.js", "reconnect", client=library) as script,
        ):
            self.assertEqual(script.line(), {"ready": True})
            self.assertEqual(first.stop(), 0, first.log)
            found = script.result()
        self.check(found)
        self.assertEqual(found["states"], ["connecting", "connected", "connecting", "connected"])

    def test_P149_reconnect_8(self) -> None:
        """The current pusher-js comes back at once after close code 4200, signs in and subscribes again."""
        self.roll("pusher-js")

    def test_P149_reconnect_7(self) -> None:
        """So does the version before it."""
        self.roll("pusher-js-7")

    def test_P149_restart(self) -> None:
        """A server that stands alone is restarted: pusher-js finds nobody, and tries again 15 s later."""
        with (
            Daemon(self.folder) as daemon,
            Clients(port=daemon.port) as clients,
            clients.start("users.js", "reconnect", client="pusher-js", patience=40) as script,
        ):
            self.assertEqual(script.line(), {"ready": True})
            self.assertEqual(daemon.stop(), 0, daemon.log)
            daemon.start()
            self.check(script.result())
