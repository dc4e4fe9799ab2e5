"""Signing: which calls count as made by the app's own backend."""

from __future__ import annotations

from sockudo_tx.protocol.app import App
from sockudo_tx.testing import Response, fixture_app
from sockudo_tx.transports.rest.site import RestSettings

from .broken import UnreachableApps
from .case import DEMO, EMPTY_MD5, HttpCase, md5, sign, signed

PUSHER = fixture_app(id="3", key="278d425bdf160c739803", secret="7ad3773142a6692b25b8")
BODY = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
EVENT = b'{"name":"n","channels":["c"],"data":"d"}'
OTHER = fixture_app(id="other", key="other-key", secret="other-secret")

V1 = (
    "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
    "&body_md5=ec365a775a4cd0599faeb73354201b6f"
    "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
)
V2 = (
    "/apps/app-id/channels?auth_key=app-key&auth_timestamp=1700000000&auth_version=1.0&filter_by_prefix=presence-"
    "&info=user_count{comma}subscription_count"
    "&auth_signature=588fbe1cbc96a79509ea04babd1a58ef6aff37cb8da22ddb5dbe2dfb1cfcedf2"
)
V3 = (
    f"/apps/app-id/channels?auth_key=app-key&auth_timestamp=1700000000&auth_version=1.0&body_md5={EMPTY_MD5}"
    "&auth_signature=6a2f213f5ea86fd2cc8f4e738bac95efd868e894a2ab76d0e89393b2999b70ad"
)
V4 = (
    "/apps/app-id/users/u1/terminate_connections?auth_key=app-key&auth_timestamp=1700000000&auth_version=1.0"
    "&body_md5=99914b932bd37a50b983c5e7c90ae93b"
    "&auth_signature=05a27cccae0fd91a5549cf8c5c72bcb2f1bed4287b2b09e6324b0bc92cb11077"
)
V5 = (
    "/apps/app-id/users/u1/terminate_connections?auth_key=app-key&auth_timestamp=1700000000&auth_version=1.0"
    "&auth_signature=d22d64c2441ab4ba65b1fe847d1c623203760a7be673592b329d0a6bc2b43e75"
)


class SigningTests(HttpCase):
    """Cases H-1 to H-27."""

    def routes(self, app: App, path_app: str) -> list[Response]:
        """R1 to R6 of the app `path_app`, signed by `app`."""
        found = []
        for path, body in (("events", EVENT), ("batch_events", b'{"batch":[%s]}' % EVENT), ("users/u1/terminate_connections", b"{}")):  # fmt: skip
            path = f"/apps/{path_app}/{path}"
            found.append(self.call("POST", signed("POST", path, body=body, app=app), body))
        for path in ("channels", "channels/c", "channels/presence-c/users"):
            found.append(self.call("GET", signed("GET", f"/apps/{path_app}/{path}", app=app)))
        return found

    def test_H1_published_vector(self) -> None:
        """V1 with clock 1353088179 against app `3`: 200."""
        self.serve([PUSHER]).clock.rightNow = 1353088179
        self.assertJson(self.call("POST", V1, BODY), {"ok": True})

    def test_H2_changed_body(self) -> None:
        """V1 with one body byte changed: 401."""
        self.serve([PUSHER]).clock.rightNow = 1353088179
        self.assertRefused(self.call("POST", V1, BODY.replace(b"foo", b"fou")), 401, "auth_failed", "body_md5")

    def test_H3_comma(self) -> None:
        """V2 raw comma and V2 with `%2C`: both 200."""
        for comma in (",", "%2C"):
            self.assertJson(self.call("GET", V2.format(comma=comma)), {"channels": {}})

    def test_H4_python_get(self) -> None:
        """V3 (GET with `body_md5` of the empty string): 200."""
        self.assertJson(self.call("GET", V3), {"channels": {}})

    def test_H5_get_with_other_md5(self) -> None:
        """GET with any other `body_md5`, correctly signed: 401."""
        for value in (md5(b"x"), "", "x"):
            self.assertRefused(self.get("/channels", body_md5=value), 401, "auth_failed", "body_md5")

    def test_H6_terminate_vectors(self) -> None:
        """V4 and V5: both 200."""
        self.assertJson(self.call("POST", V4, b"{}"), {"ok": True})
        self.assertJson(self.call("POST", V5), {"ok": True})
        self.assertJson(self.call("POST", V5, headers={"Content-Length": "0"}), {"ok": True})

    def test_H7_no_md5(self) -> None:
        """POST events with non-empty body, no `body_md5`, otherwise signed: 401."""
        self.assertRefused(self.post("/events", EVENT, without=["body_md5"]), 401, "auth_failed", "body_md5")

    def test_H8_md5_of_another_body(self) -> None:
        """POST events, `body_md5` of another body, signature over that parameter: 401."""
        self.assertRefused(self.post("/events", EVENT, body_md5=md5(b"{}")), 401, "auth_failed", "body_md5")

    def test_H9_clock(self) -> None:
        """Timestamp now-600 and now+600: 200; now-601 and now+601: 401."""
        for offset in (-600, 600):
            self.assertJson(self.get("/channels", auth_timestamp=str(self.now + offset)), {"channels": {}})
        for offset in (-601, 601):
            refused = self.get("/channels", auth_timestamp=str(self.now + offset))
            self.assertRefused(refused, 401, "auth_failed", "601 seconds", "600")

    def test_H10_no_timestamp(self) -> None:
        """`auth_timestamp=abc`, empty, and missing: 401 each."""
        for text in ("abc", ""):
            self.assertRefused(self.get("/channels", auth_timestamp=text), 401, "auth_failed", "auth_timestamp")
        self.assertRefused(self.get("/channels", without=["auth_timestamp"]), 401, "auth_failed", "auth_timestamp")

    def test_H11_version(self) -> None:
        """`auth_version=2.0` signed: 401; `auth_version` absent, signed without it: 200."""
        self.assertRefused(self.get("/channels", auth_version="2.0"), 401, "auth_failed", "auth_version")
        self.assertJson(self.get("/channels", without=["auth_version"]), {"channels": {}})

    def test_H12_no_query(self) -> None:
        """No query string at all: 401."""
        self.assertRefused(self.call("GET", "/apps/app-id/channels"), 401, "auth_failed")
        self.assertRefused(self.call("GET", "/apps/app-id/channels?"), 401, "auth_failed")
        self.assertRefused(self.call("POST", "/apps/app-id/events", EVENT), 401, "auth_failed")

    def test_H13_signature_spelling(self) -> None:
        """Missing `auth_signature`: 401; signature in upper-case hex: 401."""
        target, _, signature = signed("GET", "/apps/app-id/channels").partition("&auth_signature=")
        self.assertRefused(self.call("GET", target), 401, "auth_failed", "auth_signature")
        upper = self.call("GET", f"{target}&auth_signature={signature.upper()}")
        self.assertRefused(upper, 401, "auth_failed", "auth_signature")

    def test_H14_unknown_key(self) -> None:
        """Unknown `auth_key`: 401."""
        self.assertRefused(self.get("/channels", auth_key="nobody"), 401, "auth_failed", "auth_key")

    def test_H15_key_of_another_app(self) -> None:
        """Existing app A's key and secret on app B's path: 401 for R1-R6, nothing published, nobody kicked."""
        self.serve([DEMO, OTHER])
        listener, user = self.subscriber("c"), self.signed_in("u1")
        for response in self.routes(OTHER, "app-id"):
            self.assertRefused(response, 401, "auth_failed", "auth_key")
        self.assertHeard(listener)
        self.assertTrue(user.answers())

    def test_H16_unknown_app(self) -> None:
        """Path with unknown app id: 404 `app_not_found` on R1-R6."""
        for response in self.routes(DEMO, "nobody"):
            self.assertRefused(response, 404, "app_not_found", "nobody")

    def test_H17_disabled_app(self) -> None:
        """Disabled app, correct signature: 403; wrong signature: 401."""
        self.server.change_app("app-id", enabled=False)
        self.assertRefused(self.get("/channels"), 403, "forbidden")
        self.assertRefused(self.call("GET", signed("GET", "/apps/app-id/channels") + "0"), 401, "auth_failed")

    def test_H18_lower_case(self) -> None:
        """Extra parameter `Zeta=1` signed as `zeta=1`: 200."""
        self.assertJson(self.get("/channels", [("Zeta", "1")]), {"channels": {}})

    def test_H19_reverse_order(self) -> None:
        """Parameters sent in reverse order: 200."""
        path, _, query = signed("GET", "/apps/app-id/channels", [("info", "x"), ("filter_by_prefix", "y")]).partition(
            "?"
        )
        self.assertJson(self.call("GET", f"{path}?{'&'.join(reversed(query.split('&')))}"), {"channels": {}})

    def test_H20_blank(self) -> None:
        """`info=` (blank) signed as `info=`: 200."""
        self.assertJson(self.get("/channels", [("info", "")]), {"channels": {}})
        target = signed("GET", "/apps/app-id/channels", [("info", "")])
        self.assertJson(self.call("GET", target.replace("info=", "info")), {"channels": {}})

    def test_H21_key_twice(self) -> None:
        """`auth_key` twice: 400."""
        target = signed("GET", "/apps/app-id/channels")
        self.assertRefused(self.call("GET", f"{target}&auth_key=app-key"), 400, "invalid_input", "auth_key")
        self.assertRefused(self.call("GET", f"{target}&AUTH_KEY=x"), 400, "invalid_input", "auth_key")

    def test_H22_last_value(self) -> None:
        """`info=a&info=user_count` signed with the last value: treated as `user_count`."""
        self.assertRefused(self.get("/channels", [("info", "a"), ("info", "user_count")]), 400, "invalid_input")
        self.assertJson(self.get("/channels", [("info", "user_count"), ("info", "a")]), {"channels": {}})

    def test_H23_trailing_slash(self) -> None:
        """Trailing slash on the path, signed with it and signed without it: both 200."""
        for spelled in ("/apps/app-id/channels", "/apps/app-id/channels/"):
            self.assertJson(
                self.call("GET", signed("GET", "/apps/app-id/channels/", signed_path=spelled)), {"channels": {}}
            )

    def test_H24_escaped_path(self) -> None:
        """Path `/apps/app-id/channels/%23server-to-user-1` signed raw and signed decoded: both 200."""
        path = "/apps/app-id/channels/%23server-to-user-1"
        for spelled in (path, "/apps/app-id/channels/#server-to-user-1"):
            self.assertJson(self.call("GET", signed("GET", path, signed_path=spelled)), {"occupied": False})

    def test_H25_escaped_slash(self) -> None:
        """Path containing `%2F` in the channel segment: not accepted through the decoded form."""
        for path in ("/apps/app-id/channels/c%2Fusers", "/apps/app-id/channels/presence-c%2fusers"):
            decoded = path.replace("%2F", "/").replace("%2f", "/")
            self.assertRefused(self.call("GET", signed("GET", path, signed_path=decoded)), 401, "auth_failed")
            self.assertRefused(self.call("GET", signed("GET", path)), 400, "invalid_input")

    def test_H26_prefix(self) -> None:
        """With `path_prefix=/ws`, a request to `/ws/apps/...` signed without the prefix and one signed with it: both
        200."""
        for prefix in ("/ws", "/ws/", "ws"):
            self.serve(rest=RestSettings(path_prefix=prefix))
            for spelled in ("/apps/app-id/channels", "/ws/apps/app-id/channels"):
                self.assertJson(
                    self.call("GET", signed("GET", "/ws/apps/app-id/channels", signed_path=spelled)), {"channels": {}}
                )
            self.assertRefused(self.get("/channels"), 404, "not_found")
            self.assertEqual(
                [self.call("GET", path).status for path in ("/up", "/ws/up", "/live", "/usage")], [200, 200, 200, 404]
            )

    def test_H27_store_down(self) -> None:
        """App store down: 503, not 401."""
        listener = self.subscriber("c")
        self.server.engine.apps = UnreachableApps()
        for response in self.routes(DEMO, "app-id"):
            self.assertRefused(response, 503, "service_unavailable")
            self.assertEqual(response.headers["retry-after"], "1")
        self.assertRefused(self.call("POST", V5.replace("/apps/app-id", "")), 503, "service_unavailable")
        self.assertHeard(listener)

    def test_signature_of_nothing_else(self) -> None:
        """A signature for one method, path, query or app is none for another."""
        pairs = [("auth_key", "app-key"), ("auth_timestamp", str(self.now)), ("auth_version", "1.0")]
        query = "&".join(f"{name}={value}" for name, value in pairs)
        for method, path, secret in (("POST", "/apps/app-id/channels", DEMO.secret), ("GET", "/apps/app-id/channels/c", DEMO.secret), ("GET", "/apps/app-id/channels", "x")):  # fmt: skip
            signature = sign(method, path, pairs, secret)
            refused = self.call("GET", f"/apps/app-id/channels?{query}&auth_signature={signature}")
            self.assertRefused(refused, 401, "auth_failed", "auth_signature")
