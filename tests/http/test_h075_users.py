"""Terminating a user's connections: `POST /apps/{id}/users/{userId}/terminate_connections`."""

from __future__ import annotations

from sockudo_tx.protocol.errors import terminated_by_app
from sockudo_tx.testing import MemoryClient

from .case import HttpCase, signed

REASON = terminated_by_app().text


class UserTests(HttpCase):
    """Cases H-75 to H-78."""

    def assertKicked(self, client: MemoryClient) -> None:
        error = f'{{"event":"pusher:error","data":{{"code":4009,"message":"{REASON}"}}}}'
        self.assertEqual((client.take(), client.closed), ([error], (4009, REASON)))

    def test_H75_two_sockets(self) -> None:
        """Terminate a signed-in user with two sockets: both get `pusher:error` 4009 and close 4009; reply
        `{"ok":true}`."""
        sockets = [self.signed_in("u1"), self.signed_in("u1")]
        bystander = self.signed_in("u2")
        self.assertJson(self.post("/users/u1/terminate_connections", b"{}"), {"ok": True})
        for socket in sockets:
            self.assertKicked(socket)
        self.assertTrue(bystander.answers())

    def test_H76_unknown_user(self) -> None:
        """Terminate an unknown user: 200 `{"ok":true}`."""
        for body in (b"", b"{}", b"no JSON"):
            self.assertJson(self.post("/users/nobody/terminate_connections", body), {"ok": True})

    def test_H77_present_only(self) -> None:
        """A socket that only used the id in a presence channel stays open."""
        member = self.subscriber("presence-a", user_id="u1")
        self.assertJson(self.post("/users/u1/terminate_connections"), {"ok": True})
        self.assertTrue(member.answers())

    def test_H78_escapes(self) -> None:
        """User id with percent-escapes (`a%40b`): decoded."""
        for user_id, escaped in (("a@b", "a%40b"), ("ü|1 %", "%C3%BC%7C1%20%25"), ("a/b", "a%2Fb"), ("a+b", "a+b")):
            client = self.signed_in(user_id)
            self.assertJson(self.post(f"/users/{escaped}/terminate_connections"), {"ok": True})
            self.assertKicked(client)
        self.assertRefused(self.post("/users/%FF/terminate_connections"), 400, "invalid_input")

    def test_sdk_spelling(self) -> None:
        """An SDK signs the id before it is escaped."""
        client = self.signed_in("auth0|42")
        path = "/apps/app-id/users/{}/terminate_connections"
        target = signed("POST", path.format("auth0%7C42"), signed_path=path.format("auth0|42"))
        self.assertJson(self.call("POST", target), {"ok": True})
        self.assertKicked(client)

    def test_alias(self) -> None:
        """The path the Python SDK calls means the app whose key signs; an unknown key is a 401."""
        client = self.signed_in("u1")
        target = signed("POST", "/users/u1/terminate_connections", body=b"{}")
        self.assertJson(self.call("POST", target, b"{}"), {"ok": True})
        self.assertKicked(client)
        path = "/users/u1/terminate_connections"
        self.assertRefused(self.call("POST", signed("POST", path, auth_key="nobody")), 401, "auth_failed", "auth_key")
        self.assertRefused(self.call("POST", path), 401, "auth_failed", "auth_key")
        self.assertRefused(self.call("POST", signed("POST", path)[:-1] + "z"), 401, "auth_failed", "auth_signature")
        self.server.change_app("app-id", enabled=False)
        self.assertRefused(self.call("POST", signed("POST", path)), 403, "forbidden")
