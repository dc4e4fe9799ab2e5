"""H-121, H-122: Pusher's server SDKs as published, and pysher, against the running server."""

from __future__ import annotations

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.clients import Clients

OK = {"status": 200, "body": {"ok": True}}


@pytest.mark.usefixtures("clients")
class NodeSdk(SynchronousTestCase):
    """npm `pusher`."""

    clients: Clients

    def test_H122_trigger(self) -> None:
        """With and without `info`; the reply holds the counts of each channel."""
        found = self.clients.run("sdk.js", "trigger", client="pusher-js")
        self.assertEqual(found["plain"], OK)
        channels = {"orders": {"subscription_count": 1}, "presence-room": {"subscription_count": 1, "user_count": 1}}
        self.assertEqual(found["info"], {"status": 200, "body": {"channels": channels}})
        self.assertEqual(found["excluded"], OK)
        self.assertEqual(found["heard"], [["placed", {"id": 1}], ["placed", {"id": 2}]])

    def test_H122_trigger_batch(self) -> None:
        """Each event of a batch goes its own way, encrypted ones included."""
        found = self.clients.run("sdk.js", "triggerBatch", client="pusher-js")
        self.assertEqual(found["plain"], {"status": 200, "body": {}})
        self.assertEqual(found["info"], {"status": 200, "body": {"batch": [{"subscription_count": 1}, {}]}})
        self.assertEqual(found["heard"], [["a", {"n": 1}], ["d", {"n": 4}]])
        self.assertEqual(found["secret"], [["c", {"n": 3}]])

    def test_H122_channels(self) -> None:
        """The read calls: all channels, some, one, an empty one, and the users of a presence channel."""
        found = self.clients.run("sdk.js", "query", client="pusher-js")
        self.assertEqual(set(found["all"]["body"]["channels"]), {"orders", "presence-room"})
        self.assertEqual(found["filtered"]["body"], {"channels": {"presence-room": {"user_count": 2}}})
        self.assertEqual(found["one"]["body"], {"occupied": True, "user_count": 2, "subscription_count": 2})
        self.assertEqual(found["empty"]["body"], {"occupied": False})
        self.assertEqual(found["users"]["body"], {"users": [{"id": "ann"}, {"id": "bob"}]})

    def test_H122_users(self) -> None:
        """Events to a user and terminating connections, also for a user id that needs encoding."""
        found = self.clients.run("sdk.js", "users", client="pusher-js")
        self.assertEqual((found["sent"], found["terminated"], found["unknown"]), (OK, OK, OK))
        self.assertEqual(found["heard"], [["hello", {"n": 1}]])

    def test_H122_refusals(self) -> None:
        """A refusal reaches the application as the SDK's error, with the server's status."""
        found = self.clients.run("sdk.js", "refused", client="pusher-js")
        self.assertEqual({name: reply["status"] for name, reply in found.items()}, {"large": 413, "users": 400})


@pytest.mark.usefixtures("digits_clients")
class PythonSdk(SynchronousTestCase):
    """PyPI `pusher`."""

    clients: Clients

    def test_H121_trigger(self) -> None:
        """`trigger` to one and several channels and with an excluded socket, `trigger_batch`."""
        found = self.clients.run("sdk.py", "trigger")
        self.assertEqual(found["replies"], [{"ok": True}, {"ok": True}, {"ok": True}, {}, {"ok": True}])
        orders = [[event, data] for channel, event, data in found["heard"] if channel == "orders"]
        placed = [["placed", {"id": 1, "text": "naïve ☕"}], ["placed", {"id": 2}]]
        self.assertEqual(orders, [*placed, ["batched", {"id": 4}], ["end", {}]])
        news = [[event, data] for channel, event, data in found["heard"] if channel == "news"]
        self.assertEqual(news, [["placed", {"id": 2}], ["batched", "text"]])

    def test_H121_channels(self) -> None:
        """`channels_info`, `channel_info`, `users_info`: GET requests that carry a `body_md5`."""
        found = self.clients.run("sdk.py", "query")
        self.assertEqual(set(found["all"]["channels"]), {"orders", "presence-room"})
        self.assertEqual(found["filtered"], {"channels": {"presence-room": {"user_count": 2}}})
        self.assertEqual(found["one"], {"occupied": True, "user_count": 2, "subscription_count": 2})
        self.assertEqual(found["empty"], {"occupied": False})
        self.assertEqual(found["users"], {"users": [{"id": "ann"}, {"id": "bob"}]})

    def test_H121_users(self) -> None:
        """`send_to_user`, and `terminate_user_connections`, which this SDK posts to a path without the app."""
        found = self.clients.run("sdk.py", "users")
        self.assertEqual(found["replies"], [{"ok": True}, {"ok": True}])
        self.assertEqual(found["heard"], [["#server-to-user-ann", "invoice", {"total": 9}]])
        self.assertEqual(found["errors"], [{"code": 4009, "message": "You got disconnected by the app."}])

    def test_H121_refusals(self) -> None:
        """Each refusal becomes the SDK's exception for it."""
        found = self.clients.run("sdk.py", "refused")
        self.assertEqual(found, {"request": "PusherBadRequest", "signature": "PusherBadAuth"})


@pytest.mark.usefixtures("digits_clients")
class Pysher(SynchronousTestCase):
    """PyPI `pysher`, a client that speaks an older version of the protocol."""

    clients: Clients

    def test_H121_pysher_channels(self) -> None:
        """Public and private channels."""
        found = self.clients.run("pysher_client.py", "channels")
        heard = [["orders", "placed", {"to": "orders"}], ["private-orders", "placed", {"to": "private-orders"}]]
        self.assertEqual(found["heard"], heard)
        self.assertEqual(found["established"]["activity_timeout"], 120)

    def test_H121_pysher_presence(self) -> None:
        """Members, arrivals and departures, and a client event."""
        found = self.clients.run("pysher_client.py", "presence")
        self.assertEqual(found["ann"]["presence-room"]["presence"]["ids"], ["ann"])
        self.assertEqual(found["bob"]["presence-room"]["presence"]["ids"], ["ann", "bob"])
        member = {"user_id": "bob", "user_info": {"name": "bob"}}
        events = [
            ["presence-room", "pusher_internal:member_added", member],
            ["presence-room", "client-typing", {"on": True}],
            ["presence-room", "pusher_internal:member_removed", {"user_id": "bob"}],
        ]
        self.assertEqual(found["heard"], events)
