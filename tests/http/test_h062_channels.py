"""Questions about channels: `GET /apps/{id}/channels` and below."""

from __future__ import annotations

from .case import HttpCase, signed

INFO = "info"


class ChannelTests(HttpCase):
    """Cases H-62 to H-72."""

    def test_H62_none(self) -> None:
        """No channels: `{"channels":{}}` (object, not array)."""
        response = self.get("/channels")
        self.assertEqual((response.status, response.text), (200, '{"channels":{}}'))

    def test_H63_three(self) -> None:
        """Three channels, no `info`: three `{}` entries."""
        self.subscriber("c", "a")
        self.subscriber("private-b", "a")
        response = self.get("/channels")
        self.assertEqual(response.text, '{"channels":{"a":{},"c":{},"private-b":{}}}')

    def test_H64_presence_only(self) -> None:
        """`filter_by_prefix=presence-&info=user_count`: only presence channels, with counts."""
        self.subscriber("presence-a", "b", user_id="1")
        self.subscriber("presence-a", "presence-b", user_id="2")
        answer = self.get("/channels", [("filter_by_prefix", "presence-"), (INFO, "user_count")])
        self.assertJson(answer, {"channels": {"presence-a": {"user_count": 2}, "presence-b": {"user_count": 1}}})

    def test_H65_user_count_of_all(self) -> None:
        """`info=user_count` without the filter: 400 even with no channels."""
        self.assertRefused(self.get("/channels", [(INFO, "user_count")]), 400, "invalid_input", "filter_by_prefix")
        for prefix in ("", "p", "presence", "private-"):
            query = [("filter_by_prefix", prefix), (INFO, "subscription_count,user_count")]
            self.assertRefused(self.get("/channels", query), 400, "invalid_input")

    def test_H66_subscription_count(self) -> None:
        """`info=subscription_count`: all channels with counts; `info=foo`: all channels with `{}`."""
        self.subscriber("a", "presence-b", user_id="1")
        self.subscriber("a")
        counts = {"a": {"subscription_count": 2}, "presence-b": {"subscription_count": 1}}
        self.assertJson(self.get("/channels", [(INFO, "subscription_count")]), {"channels": counts})
        self.assertJson(self.get("/channels", [(INFO, "foo")]), {"channels": {"a": {}, "presence-b": {}}})

    def test_H67_vacated(self) -> None:
        """Channel disappears from the list after its last unsubscribe."""
        one, other = self.subscriber("a"), self.subscriber("a")
        one.unsubscribe("a")
        self.assertJson(self.get("/channels"), {"channels": {"a": {}}})
        other.unsubscribe("a")
        self.assertJson(self.get("/channels"), {"channels": {}})

    def test_H68_unoccupied(self) -> None:
        """R4 unoccupied: 200 `{"occupied":false}`."""
        response = self.get("/channels/a")
        self.assertEqual((response.status, response.text), (200, '{"occupied":false}'))
        self.assertJson(
            self.get("/channels/a", [(INFO, "subscription_count")]), {"occupied": False, "subscription_count": 0}
        )
        self.subscriber("a")
        self.assertJson(self.get("/channels/a", [(INFO, "occupied,foo")]), {"occupied": True})

    def test_H69_user_count(self) -> None:
        """R4 `info=user_count` on a public channel: 400; on presence: integer."""
        self.assertRefused(self.get("/channels/a", [(INFO, "user_count")]), 400, "invalid_input", "presence")
        wanted = [(INFO, "user_count,subscription_count")]
        nobody = {"occupied": False, "user_count": 0, "subscription_count": 0}
        self.assertJson(self.get("/channels/presence-a", wanted), nobody)
        for user_id in ("1", "1", "2"):
            self.subscriber("presence-a", user_id=user_id)
        somebody = {"occupied": True, "user_count": 2, "subscription_count": 3}
        self.assertJson(self.get("/channels/presence-a", wanted), somebody)

    def test_H70_cache(self) -> None:
        """R4 `info=cache` on an empty cache channel: `"cache":null`; filled: `data` and decreasing `ttl`; on a normal
        channel: 400."""
        wanted = [(INFO, "cache")]
        self.assertJson(self.get("/channels/cache-a", wanted), {"occupied": False, "cache": None})
        self.publish(channels=["cache-a"], data={"price": 1})
        for seconds, left in ((0, 3600), (600, 3000), (2999.5, 1)):
            self.server.advance(seconds)
            cached = {"data": '{"price":1}', "ttl": left, "event": "n"}
            self.assertJson(self.get("/channels/cache-a", wanted), {"occupied": False, "cache": cached})
        self.server.advance(1)
        self.assertJson(self.get("/channels/cache-a", wanted), {"occupied": False, "cache": None})
        for name in ("a", "foo-cache-a", "presence-a"):
            self.assertRefused(self.get(f"/channels/{name}", wanted), 400, "invalid_input", "cache")

    def test_H71_invalid_name(self) -> None:
        """R4 with an invalid name: 400."""
        for name in ("a$", "%20", "a%2Fb", "%23x", "%C3%A4", "%FF", "x" * 201):
            self.assertRefused(self.get(f"/channels/{name}"), 400, "invalid_input")
            self.assertRefused(self.get(f"/channels/{name}/users"), 400, "invalid_input")

    def test_H72_users(self) -> None:
        """R5 distinct users; empty presence channel `{"users":[]}`; public channel 400."""
        self.assertJson(self.get("/channels/presence-a/users"), {"users": []})
        for user_id in ("2", "10", "2"):
            self.subscriber("presence-a", user_id=user_id)
        self.assertJson(self.get("/channels/presence-a/users"), {"users": [{"id": "10"}, {"id": "2"}]})
        for name in ("a", "private-a", "%23server-to-user-1"):
            self.assertRefused(self.get(f"/channels/{name}/users"), 400, "invalid_input", "presence-")

    def test_user_channel(self) -> None:
        """A user's own channel is occupied while the user is signed in, and is never listed."""
        self.signed_in("u1")
        self.signed_in("u1")
        answer = self.get("/channels/%23server-to-user-u1", [(INFO, "subscription_count")])
        self.assertJson(answer, {"occupied": True, "subscription_count": 2})
        self.assertJson(self.get("/channels"), {"channels": {}})

    def test_head(self) -> None:
        """HEAD is GET without the body, signed as HEAD."""
        head = self.call("HEAD", signed("HEAD", "/apps/app-id/channels"))
        whole = self.get("/channels")
        self.assertNotEqual(head.headers.pop("x-request-id"), whole.headers.pop("x-request-id"))
        self.assertEqual((head.status, head.headers, head.body), (200, whole.headers, b""))
        self.assertEqual(self.call("HEAD", signed("GET", "/apps/app-id/channels")).status, 401)
