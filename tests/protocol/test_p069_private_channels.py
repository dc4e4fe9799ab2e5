"""Private and encrypted channels."""

from __future__ import annotations

from sockudo_tx.protocol import auth
from sockudo_tx.testing import channel_auth, fixture_app, user_auth

from .case import UNSIGNED, ProtocolCase, error, event, succeeded

REFUSED = [error(4009, UNSIGNED)]

SECRET, SOCKET = "7ad3773142a6692b25b8", "1234.1234"
VECTORS = (
    ("private-foobar", None, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
    ("private-cache-foobar", None, "395f4a03f06e17b74af8d9c58386cf386e70176f58452420f042b6e1bddefa43"),
    ("private-encrypted-foobar", None, "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533"),
    (
        "presence-foobar",
        '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}',
        "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
    ),
    (
        "presence-cache-foobar",
        '{"user_id":"10","user_info":{"name":"Mr. Channels"}}',
        "6c54d90970eaac004be18ca8d1bea87d9648f4a37be1c1304bf68f4a6b5532a1",
    ),
    ("presence-foobar", None, "71506e66e7fdca106571b8999a849ad34245bc653772e51e0026c1a2475b92ba"),
)
USER_VECTOR = ('{"id":"12345"}', "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba")


class PrivateChannelTests(ProtocolCase):
    """Who may enter, decided by the signature alone."""

    def test_P69_signed(self) -> None:
        """When subscribing to `private-a` with the right signature, then success with `data` `{}`."""
        self.assertEqual(self.client().subscribe("private-a"), [succeeded("private-a")])

    def test_P70_no_auth(self) -> None:
        """When `auth` is missing, then E(4009,`Authentication error: Authentication signature required for this
        channel`) and the connection stays open."""
        client = self.client()
        expected = [error(4009, "Authentication error: Authentication signature required for this channel")]
        for channel in ("private-a", "private-encrypted-a", "private-cache-a", "presence-a"):
            self.assertEqual(client.subscribe(channel, "u1", auth=None), expected)
            self.assertEqual(client.subscribe(channel, "u1", auth=5), expected)
        self.assertUsable(client)

    def test_P71_wrong_auth(self) -> None:
        """When `auth` is `""`, wrong hex, right hex with a wrong key prefix, right hex without prefix, or right hex
        in upper case, then E(4009,`Authentication error: Channel requires authentication`)."""
        client = self.client()
        good = client.auth("private-a")
        digest = good.partition(":")[2]
        wrong = (
            "",
            "key:" + "0" * 64,
            f"other:{digest}",
            digest,
            f"key:{digest.upper()}",
            f" {good}",
            f"{good} ",
            f"KEY:{digest}",
            "é",
        )
        for auth_text in wrong:
            self.assertEqual((auth_text, client.subscribe("private-a", auth=auth_text)), (auth_text, REFUSED))
        self.assertUsable(client)
        self.assertEqual(client.subscribe("private-a", auth=good), [succeeded("private-a")])

    def test_P72_signed_for_another(self) -> None:
        """When the signature was made for another socket id or another channel, then 71's error."""
        client, other = self.client(), self.client()
        self.assertEqual(client.subscribe("private-a", auth=other.auth("private-a")), REFUSED)
        self.assertEqual(client.subscribe("private-a", auth=client.auth("private-b")), REFUSED)

    def test_P73_channel_data(self) -> None:
        """When `private-a` is sent with correct signature plus a `channel_data` string, then success (ignored in the
        signature); when signed over `socket:private-a:data`, then 71's error."""
        client = self.client()
        self.assertEqual(client.subscribe("private-a", channel_data="data"), [succeeded("private-a")])
        over_data = channel_auth(fixture_app(), client.established, "private-b", "data")
        self.assertEqual(client.subscribe("private-b", channel_data="data", auth=over_data), REFUSED)

    def test_P74_encrypted(self) -> None:
        """When subscribing to `private-encrypted-a` correctly, then success; a published encrypted payload is
        delivered unchanged."""
        client = self.subscriber("private-encrypted-a")
        sealed = '{"nonce":"LVVCjPvLw4H1A93AQ0nAWUsGCSvnX/nU","ciphertext":"pYCh8VJ1rVH8rZhAYWpkBJtQbTQ3Tg=="}'
        self.server.publish("private-encrypted-a", "e", sealed)
        self.assertEqual(client.take(), [event("e", "private-encrypted-a", sealed)])

    def test_P75_no_bypass(self) -> None:
        """When subscribing to `private-cache-a`, `private-encrypted-cache-a` or `private-my-cache-a` with `auth`
        `key:bad`, then 71's error (no bypass)."""
        client = self.client()
        for channel in ("private-cache-a", "private-encrypted-cache-a", "private-my-cache-a", "presence-cache-a"):
            self.assertEqual(client.subscribe(channel, "u1", auth="key:bad"), REFUSED)
        self.assertEqual(self.server.occupied(), [])

    def test_P76_failure_changes_nothing(self) -> None:
        """When a subscription fails, then later publishes to the channel are not received and its subscriber count
        is unchanged."""
        inside, outside = self.subscriber("private-a"), self.client()
        self.assertEqual(outside.subscribe("private-a", auth="key:bad"), REFUSED)
        self.server.publish("private-a", "e")
        self.assertEqual(inside.take(), [event("e", "private-a")])
        self.assertSilent(outside)
        self.assertEqual(self.server.subscriptions("private-a"), 1)

    def test_P77_failed_repeat(self) -> None:
        """Given an existing valid subscription, when a repeat with a bad signature is sent, then an error, and the old
        subscription still receives events."""
        client = self.subscriber("private-a")
        self.assertEqual(client.subscribe("private-a", auth="key:bad"), REFUSED)
        self.server.publish("private-a", "e")
        self.assertEqual(client.take(), [event("e", "private-a")])

    def test_P77_rotated_secret(self) -> None:
        """A changed secret counts for the next subscription and leaves those there are alone."""
        client = self.subscriber("private-a")
        old = client.auth("private-b")
        self.server.change_app(secret="new")
        self.assertEqual(client.subscribe("private-b", auth=old), REFUSED)
        new = channel_auth(fixture_app(secret="new"), client.established, "private-b")
        self.assertEqual(client.subscribe("private-b", auth=new), [succeeded("private-b")])
        self.server.publish("private-a", "e")
        self.assertEqual(client.take(), [event("e", "private-a")])

    def test_P77_app_disabled_meanwhile(self) -> None:
        """A subscribe to an app that has been disabled closes the connection with 4003."""
        client = self.client()
        self.server.change_app(enabled=False)
        client.send('{"event":"pusher:subscribe","data":{"channel":"news"}}')
        self.assertClosed(client, 4003, "Application disabled")
        self.assertEqual(self.server.tables(), {})

    def test_P78_vectors(self) -> None:
        """The published signature vectors verify."""
        app = fixture_app(key="278d425bdf160c739803", secret=SECRET)
        for channel, data, digest in VECTORS:
            self.assertEqual(auth.channel_signature(SECRET, SOCKET, channel, data), digest)
            self.assertEqual(channel_auth(app, SOCKET, channel, data), f"{app.key}:{digest}")
        data, digest = USER_VECTOR
        self.assertEqual(auth.user_signature(SECRET, SOCKET, data), digest)
        self.assertEqual(user_auth(app, SOCKET, data), f"{app.key}:{digest}")
