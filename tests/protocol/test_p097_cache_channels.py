"""Cache channels."""

from __future__ import annotations

from twisted.internet.defer import fail

from sockudo_tx.interfaces import BackendError

from .case import PONG, ProtocolCase, event, presence, succeeded


def miss(channel: str) -> str:
    return f'{{"event":"pusher:cache_miss","channel":"{channel}","data":"{{}}"}}'


class CacheChannelTests(ProtocolCase):
    """Late subscribers get the last published event."""

    def test_P97_nothing_cached(self) -> None:
        """When subscribing to `cache-p` with nothing cached, then `subscription_succeeded` followed by
        `{"event":"pusher:cache_miss","channel":"cache-p","data":"{}"}`."""
        frames = self.client().subscribe("cache-p")
        self.assertEqual(
            frames, [succeeded("cache-p"), '{"event":"pusher:cache_miss","channel":"cache-p","data":"{}"}']
        )

    def test_P98_replay(self) -> None:
        """Given one publish to `cache-p` with no subscribers, when subscribing, then `subscription_succeeded` followed
        by that event, byte-identical to the live form."""
        for channel in ("cache-p", "private-cache-p", "private-encrypted-cache-p"):
            live = event("tick", channel, '{"price":"1 €","a/b":"\\\\"}')
            self.server.publish(channel, "tick", '{"price":"1 €","a/b":"\\\\"}')
            client = self.client()
            self.assertEqual(client.subscribe(channel), [succeeded(channel), live])
            self.server.publish(channel, "tick", '{"price":"1 €","a/b":"\\\\"}')
            self.assertEqual(client.take(), [live])

    def test_P98_excluded_socket_is_replayed(self) -> None:
        """A publish that excludes a socket is cached all the same, and a repeated subscribe is replayed again."""
        client = self.client()
        self.server.publish("cache-p", "e", socket_id=client.established)
        for _ in range(2):
            self.assertEqual(client.subscribe("cache-p"), [succeeded("cache-p"), event("e", "cache-p")])

    def test_P99_last_wins(self) -> None:
        """Given two publishes, then only the second is replayed."""
        self.server.publish("cache-p", "e", "1")
        self.server.publish("cache-p", "e", "2")
        self.assertEqual(self.client().subscribe("cache-p"), [succeeded("cache-p"), event("e", "cache-p", "2")])

    def test_P100_client_events(self) -> None:
        """Given a client event on `private-cache-p`, when another socket subscribes, then `cache_miss` (client events
        are not cached), and the event itself was delivered live."""
        sender, receiver = self.client(), self.client()
        sender.subscribe("private-cache-p")
        receiver.subscribe("private-cache-p")
        sender.send({"event": "client-x", "channel": "private-cache-p", "data": {}})
        self.assertEqual(receiver.take(), ['{"event":"client-x","channel":"private-cache-p","data":{}}'])
        frames = self.client().subscribe("private-cache-p")
        self.assertEqual(frames, [succeeded("private-cache-p"), miss("private-cache-p")])

    def test_P101_presence_cache(self) -> None:
        """When subscribing to `presence-cache-r`, then presence `subscription_succeeded` with members, then
        `cache_miss` or the cached event; `member_added` is not cached."""
        room = "presence-cache-r"
        self.assertEqual(self.client().subscribe(room, "u1"), [presence(room, ("u1", {})), miss(room)])
        frames = self.client().subscribe(room, "u2")
        self.assertEqual(frames, [presence(room, ("u1", {}), ("u2", {})), miss(room)])
        self.server.publish(room, "e")
        frames = self.client().subscribe(room, "u2")
        self.assertEqual(frames, [presence(room, ("u1", {}), ("u2", {})), event("e", room)])

    def test_P102_not_a_prefix(self) -> None:
        """When subscribing to `my-cache-p` (not a cache prefix), then no `cache_miss`."""
        for channel in ("my-cache-p", "cachep", "private-my-cache-p", "Cache-p"):
            self.server.publish(channel, "e")
            self.assertEqual(self.client().subscribe(channel), [succeeded(channel)])

    def test_P103_others_hear_nothing(self) -> None:
        """Given other subscribers, when one socket subscribes to a cache channel, then the others do not receive the
        replay or the miss."""
        other = self.subscriber("cache-p")
        self.client().subscribe("cache-p")
        self.assertSilent(other)
        self.server.publish("cache-p", "e")
        other.take()
        self.client().subscribe("cache-p")
        self.assertSilent(other)

    def test_P104_expired(self) -> None:
        """When the cached entry has expired, then `cache_miss`."""
        self.server.publish("cache-p", "e")
        self.server.advance(3599)
        self.assertEqual(self.client().subscribe("cache-p"), [succeeded("cache-p"), event("e", "cache-p")])
        self.server.advance(2)
        self.assertEqual(self.client().subscribe("cache-p"), [succeeded("cache-p"), miss("cache-p")])

    def test_P104_kept_when_everybody_left(self) -> None:
        """Unsubscribing everybody does not clear the cached event."""
        client = self.subscriber("cache-p")
        self.server.publish("cache-p", "e")
        client.close()
        self.server.advance(60)
        self.assertEqual(self.client().subscribe("cache-p"), [succeeded("cache-p"), event("e", "cache-p")])

    def test_P104_cache_down(self) -> None:
        """When the cache is down, then `cache_miss` and no error, and the connection goes on."""
        client = self.client()
        self.server.cache.get = lambda key: fail(BackendError("gone"))  # type: ignore[method-assign]
        self.assertEqual(client.subscribe("cache-p"), [succeeded("cache-p"), miss("cache-p")])
        self.assertEqual(client.send({"event": "pusher:ping"}).take(), [PONG])
