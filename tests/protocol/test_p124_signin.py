"""Sign-in, user events, terminate."""

from __future__ import annotations

from sockudo_tx.testing import MemoryClient, fixture_app, user_auth

from .case import UNSIGNED, ProtocolCase, error, event, quoted, removed, succeeded
from .test_p109_client_events import ONLY_PRIVATE

NOT_AUTHORIZED = "Authentication error: Connection not authorized for signin."
TERMINATED = "You got disconnected by the app."


class SigninTests(ProtocolCase):
    """How a connection becomes a user, what that brings, and how it is undone from outside."""

    def user(self, user_id: str) -> MemoryClient:
        """A connection signed in as the user."""
        client = self.client()
        frames = client.signin(user_id)
        self.assertIn("signin_success", frames[0])
        return client

    def test_P124_success(self) -> None:
        """When signing in with a correct signature, then exactly
        `{"event":"pusher:signin_success","data":{"user_data":"<same string>"}}`."""
        user_data = '{ "id" : "u1", "user_info": {"name":"Ann é"} , "x": "\\u00e9"}'
        frames = self.client().signin("", user_data=user_data)
        expected = f'{{"event":"pusher:signin_success","data":{{"user_data":{quoted(user_data)}}}}}'
        self.assertEqual(frames, [expected])

    def test_P124_double_encoded(self) -> None:
        """`data` may be a string holding the object."""
        client = self.client()
        client.send({"event": "pusher:signin", "data": "{}"})
        expected = error(4009, "Authentication error: Missing 'user_data' field in signin data")
        self.assertEqual(client.take(), [expected])
        for data in (None, "text", 5, [], "[]"):
            client.send({"event": "pusher:signin", "data": data})
            self.assertEqual(client.take(), [error(4000, "Invalid message format: Invalid signin data format")])
        client.send('{"event":"pusher:signin"}')
        self.assertEqual(client.take(), [error(4000, "Invalid message format: Invalid signin data format")])

    def test_P125_key_prefix(self) -> None:
        """When `auth` is the bare hex without key prefix, then success; with another key prefix, then
        E(4009,`Authentication error: Connection not authorized for signin.`)."""
        client = self.client()
        user_data = '{"id":"u1"}'
        digest = self.digest(client, user_data)
        self.assertEqual(client.signin("u1", auth=f"other:{digest}"), [error(4009, NOT_AUTHORIZED)])
        self.assertEqual(client.signin("u1", auth=f":{digest}"), [error(4009, NOT_AUTHORIZED)])
        self.assertIn("signin_success", client.signin("u1", auth=digest)[0])

    def digest(self, client: MemoryClient, user_data: str) -> str:
        return user_auth(fixture_app(), client.established, user_data).partition(":")[2]

    def test_P126_wrong_signature(self) -> None:
        """When the signature is wrong, then that error, and the connection stays open."""
        client = self.client()
        digest = self.digest(client, '{"id":"u1"}')
        for auth in ("", "key:", "key:bad", f"key:{digest.upper()}", f"key:key:{digest}", f"{digest} ", "é"):
            self.assertEqual((auth, client.signin("u1", auth=auth)), (auth, [error(4009, NOT_AUTHORIZED)]))
        self.assertUsable(client)
        self.server.publish("#server-to-user-u1", "e")
        self.assertSilent(client)

    def test_P127_disabled(self) -> None:
        """When user authentication is disabled, then E(4009,`Authentication error: User authentication is disabled
        for this app`)."""
        self.serve(enable_user_authentication=False)
        expected = [error(4009, "Authentication error: User authentication is disabled for this app")]
        self.assertEqual(self.client().signin("u1"), expected)

    def test_P128_missing_fields(self) -> None:
        """When `user_data` or `auth` is missing, then E(4009,`Authentication error: Missing 'user_data' field in signin
        data`) or `… Missing 'auth' field …`."""
        client = self.client()
        for data in ({"auth": "x"}, {}, {"auth": "x", "user_data": {"id": "u1"}}):
            client.send({"event": "pusher:signin", "data": data})
            expected = error(4009, "Authentication error: Missing 'user_data' field in signin data")
            self.assertEqual(client.take(), [expected])
        for data in ({"user_data": '{"id":"u1"}'}, {"user_data": '{"id":"u1"}', "auth": 5}):
            client.send({"event": "pusher:signin", "data": data})
            expected = error(4009, "Authentication error: Missing 'auth' field in signin data")
            self.assertEqual(client.take(), [expected])

    def test_P129_bad_user_data(self) -> None:
        """When `user_data` is not JSON, or `id` is missing, numeric or empty, then 4009 with the matching text."""
        client = self.client()
        start = "Authentication error: Invalid user_data JSON: "
        self.assertRefused(client.signin("", user_data="not json"), 4009, start)
        self.assertRefused(client.signin("", user_data=""), 4009, start)
        for user_data in ("{}", '{"id":5}', '{"id":""}', '{"id":null}', "[]", '"u1"', "5"):
            expected = [error(4009, "Authentication error: Missing 'id' field in user_data")]
            self.assertEqual((user_data, client.signin("", user_data=user_data)), (user_data, expected))
        self.assertUsable(client)

    def test_P130_again(self) -> None:
        """When signing in again with the same id, then success again; with another id, then 4009 and the first
        identity stays."""
        client = self.user("u1")
        self.assertIn("signin_success", client.signin("u1", user_info={"name": "Ann"})[0])
        expected = [error(4009, "Authentication error: Connection is already signed in as another user")]
        self.assertEqual(client.signin("u2"), expected)
        self.server.publish(["#server-to-user-u1", "#server-to-user-u2"], "e")
        self.assertEqual(client.take(), [event("e", "#server-to-user-u1")])
        self.assertEqual(self.server.get("/channels/%23server-to-user-u1", info="subscription_count")["occupied"], True)

    def test_P131_user_channel(self) -> None:
        """Given a signed-in socket, when it subscribes to `#server-to-user-u1` (its id), then `subscription_succeeded`
        with `data` `{}`; for `#server-to-user-u2`, or when not signed in, then a 4009 error."""
        client = self.user("u1")
        self.assertEqual(client.subscribe("#server-to-user-u1"), [succeeded("#server-to-user-u1")])
        self.assertEqual(client.subscribe("#server-to-user-u2"), [error(4009, UNSIGNED)])
        self.assertEqual(self.client().subscribe("#server-to-user-u1"), [error(4009, UNSIGNED)])
        self.assertEqual(self.server.occupied(), [])

    def test_P131_odd_user_ids(self) -> None:
        """User ids may hold what channel names may not."""
        user_id = "auth0|42 é/?"
        client = self.user(user_id)
        channel = f"#server-to-user-{user_id}"
        self.assertEqual(client.subscribe(channel), [succeeded(channel)])
        self.server.publish(channel, "e")
        self.assertEqual(client.take(), [event("e", channel)])

    def test_P132_user_event(self) -> None:
        """Given two sockets signed in as `u1`, one subscribed to its user channel and one not, when an event is
        published to `#server-to-user-u1`, then each receives it exactly once with `channel` `#server-to-user-u1`."""
        first, second, other = self.user("u1"), self.user("u1"), self.user("u2")
        first.subscribe("#server-to-user-u1")
        self.server.publish("#server-to-user-u1", "notice", '{"x":1}')
        expected = '{"event":"notice","channel":"#server-to-user-u1","data":"{\\"x\\":1}"}'
        self.assertEqual((first.take(), second.take()), ([expected], [expected]))
        self.assertSilent(other)

    def test_P132_excluded(self) -> None:
        """The excluded socket gets no user event, and an unsubscribe from the user channel changes nothing."""
        first, second = self.user("u1"), self.user("u1")
        second.subscribe("#server-to-user-u1")
        second.unsubscribe("#server-to-user-u1")
        self.server.publish("#server-to-user-u1", "e", socket_id=first.established)
        self.assertSilent(first)
        self.assertEqual(second.take(), [event("e", "#server-to-user-u1")])

    def test_P133_presence_is_no_signin(self) -> None:
        """Given a socket that joined a presence channel as `u1` without sign-in, then it receives no user events and
        survives termination of `u1`."""
        client = self.member("presence-r", "u1")
        self.server.publish("#server-to-user-u1", "e")
        self.assertEqual(self.server.terminate("u1").json, {"ok": True})
        self.assertSilent(client)
        self.assertUsable(client)

    def test_P134_terminate(self) -> None:
        """When `u1` is terminated, then all its sockets get E(4009,`You got disconnected by the app.`) and Close 4009,
        presence members leave, and `u1` can reconnect."""
        observer, other = self.member("presence-r", "o"), self.user("u2")
        first, second = self.user("u1"), self.user("u1")
        first.subscribe("presence-r", "someone")
        observer.take()
        self.assertEqual(self.server.terminate("u1").status, 200)
        self.assertClosed(first, 4009, TERMINATED)
        self.assertClosed(second, 4009, TERMINATED)
        self.assertEqual(observer.take(), [removed("presence-r", "someone")])
        self.assertUsable(other)
        again = self.user("u1")
        self.assertUsable(again)

    def test_P135_no_client_events_to_users(self) -> None:
        """When sending a client event to `#server-to-user-u1`, then the 4301 of case 115."""
        client, other = self.user("u1"), self.user("u1")
        client.subscribe("#server-to-user-u1")
        client.send({"event": "client-x", "channel": "#server-to-user-u1", "data": {}})
        self.assertEqual(client.take(), [error(4301, ONLY_PRIVATE)])
        self.assertSilent(other)
