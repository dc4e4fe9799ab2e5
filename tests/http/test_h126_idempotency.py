"""Publishing once although asked twice: `idempotency_key` and `X-Idempotency-Key`."""

from __future__ import annotations

from typing import Any

from sockudo_tx.testing import fixture_app
from sockudo_tx.transports.rest.site import IdempotencySettings, RestSettings

from .broken import AilingCache, SlowCache
from .case import DEMO, HttpCase, RawConnection, event_frame, signed

EVENT = b'{"name":"n","channels":["c"],"data":"d"}'
FRAME = event_frame("n", "c", "d")
HEADER = "X-Idempotency-Key"


class IdempotencyTests(HttpCase):
    """Cases H-126 to H-128."""

    def start(self, body: bytes, **headers: str) -> RawConnection:
        """A publish whose answer need not come at once."""
        target = signed("POST", "/apps/app-id/events", body=body, at=self.now)
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"POST {target} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        return RawConnection(self.server).send(head.encode() + body)

    def test_H126_same_key(self) -> None:
        """Same key twice: one broadcast, equal replies; same key on another app: two broadcasts."""
        self.serve([DEMO, fixture_app(id="other", key="other-key", secret="other-secret")])
        here, there = self.subscriber("c", "presence-p", user_id="1"), self.subscriber("c", key="other-key")
        members: dict[str, Any] = {"idempotency_key": "k", "channels": ["c", "presence-p"], "info": "user_count"}
        first = self.publish(**members)
        self.assertJson(first, {"channels": {"c": {}, "presence-p": {"user_count": 1}}})
        self.assertHeard(here, FRAME, event_frame("n", "presence-p", "d"))
        again = self.publish(idempotency_key="k", name="something else", channels=["c"])
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertHeard(here)
        body = b'{"name":"n","channels":["c"],"data":"d","idempotency_key":"k"}'
        other = fixture_app(id="other", key="other-key", secret="other-secret")
        answer = self.call("POST", signed("POST", "/apps/other/events", body=body, app=other), body)
        self.assertJson(answer, {"ok": True})
        self.assertHeard(there, FRAME)
        self.server.advance(121)
        self.publish(**members)
        self.assertEqual(len([text for text in here.take() if '"event":"n"' in text]), 2)

    def test_H126_keys_beyond_ascii(self) -> None:
        """Keys that differ stay different however a client writes its headers; UTF-8 is the body's spelling."""
        client = self.subscriber("c")
        target = signed("POST", "/apps/app-id/events", body=EVENT, at=self.now).encode()
        for key in ("ä".encode("latin-1"), "ö".encode("latin-1"), "ü".encode()):
            head = b"POST %b HTTP/1.1\r\nContent-Length: %d\r\nX-Idempotency-Key: %b\r\n\r\n" % (
                target,
                len(EVENT),
                key,
            )
            self.assertJson(RawConnection(self.server).ask(head + EVENT), {"ok": True})
        self.assertHeard(client, FRAME, FRAME, FRAME)
        self.assertJson(self.publish(idempotency_key="ü"), {"ok": True})
        self.assertHeard(client)

    def test_H127_concurrent(self) -> None:
        """Two concurrent calls with one key: one broadcast."""
        client = self.subscriber("c")
        cache = self.server.engine.cache = SlowCache(self.server.cache)
        one, other = (self.start(EVENT, X_Idempotency_Key="k") for _ in range(2))
        for _ in range(4):
            cache.answer()
            self.server.advance(0.05)
        self.assertEqual([[answer.text for answer in call.take()] for call in (one, other)], [['{"ok":true}']] * 2)
        self.assertHeard(client, FRAME)

    def test_H128_corrected_call(self) -> None:
        """Failed validation with a key, then a corrected call with the same key: published."""
        client = self.subscriber("c")
        self.assertRefused(self.publish(idempotency_key="k", channels=["$"]), 400, "invalid_input")
        self.assertJson(self.publish(idempotency_key="k"), {"ok": True})
        self.assertHeard(client, FRAME)

    def test_header(self) -> None:
        """The header is a key of its own right; the body's key comes first."""
        client = self.subscriber("c")
        for _ in range(2):
            self.assertJson(self.post("/events", EVENT, headers={HEADER: "h"}), {"ok": True})
        self.assertHeard(client, FRAME)
        keyed = EVENT[:-1] + b',"idempotency_key":"b"}'
        for header in ("h", "i"):
            self.assertJson(self.post("/events", keyed, headers={HEADER: header}), {"ok": True})
        self.assertHeard(client, FRAME)

    def test_batch_header(self) -> None:
        """A batch's header covers the whole batch, apart from the keys of events."""
        client = self.subscriber("c")
        batch = {"batch": [{"name": "n", "channel": "c", "data": "d", "info": "subscription_count"}]}
        self.post("/events", EVENT, headers={HEADER: "k"})
        for _ in range(2):
            answer = self.post("/batch_events", batch, headers={HEADER: "k"})
            self.assertJson(answer, {"batch": [{"subscription_count": 1}]})
        self.assertHeard(client, FRAME, FRAME)

    def test_batch_elements(self) -> None:
        """A used element is skipped and described by an empty object, also when its twin is in the same batch."""
        client = self.subscriber("c")
        element = {"name": "n", "channel": "c", "data": "d", "info": "subscription_count"}
        self.publish(idempotency_key="a")
        keyed = [{**element, "idempotency_key": key} for key in "abb"]
        answer = self.batch(*keyed, element)
        counted = {"subscription_count": 1}
        self.assertJson(answer, {"batch": [{}, counted, {}, counted]})
        self.assertHeard(client, *[FRAME] * 3)
        self.assertJson(self.publish(idempotency_key="b"), {"ok": True})
        self.assertHeard(client)

    def test_bad_keys(self) -> None:
        """An empty key and one that is too long are refused, and nothing is published."""
        client = self.subscriber("c")
        for key in ("", "k" * 129):
            self.assertRefused(self.publish(idempotency_key=key), 400, "invalid_input", "idempotency key")
            self.assertRefused(self.batch({"name": "n", "channel": "c", "idempotency_key": key}), 400, "invalid_input")
            self.assertRefused(self.post("/events", EVENT, headers={HEADER: key}), 400, "invalid_input")
        self.assertRefused(self.publish(idempotency_key=1), 400, "invalid_input", "idempotency_key")
        self.assertHeard(client)
        self.assertJson(self.publish(idempotency_key="k" * 128), {"ok": True})

    def test_switched_off(self) -> None:
        """Switched off for the server or for the app, keys mean nothing; an app can switch it on for itself."""
        off = RestSettings(idempotency=IdempotencySettings(enabled=False))
        for settings, app, heard in (
            (off, None, 2),
            (RestSettings(), False, 2),
            (off, True, 1),
        ):
            self.serve(rest=settings).change_app("app-id", idempotency_enabled=app)
            client = self.subscriber("c")
            for _ in range(2):
                self.publish(idempotency_key="k")
            self.assertHeard(client, *[FRAME] * heard)
            self.assertEqual(self.publish(idempotency_key="").status, 200 if heard == 2 else 400)

    def test_app_ttl(self) -> None:
        """An app can keep its keys for another time."""
        self.server.change_app("app-id", idempotency_ttl_seconds=10)
        client = self.subscriber("c")
        for seconds in (0, 9, 2):
            self.server.advance(seconds)
            self.publish(idempotency_key="k")
        self.assertHeard(client, FRAME, FRAME)

    def test_cache_down(self) -> None:
        """Without the cache a call with a key is a 503 and publishes nothing; calls without a key go on."""
        client = self.subscriber("c")
        self.server.engine.cache = AilingCache()
        refused = self.publish(idempotency_key="k")
        self.assertRefused(refused, 503, "service_unavailable")
        self.assertEqual(refused.headers["retry-after"], "1")
        self.assertRefused(
            self.batch({"name": "n", "channel": "c", "idempotency_key": "k"}), 503, "service_unavailable"
        )
        self.assertHeard(client)
        self.assertJson(self.publish(), {"ok": True})

    def test_still_under_way(self) -> None:
        """A call whose twin takes too long is asked to come back, and its twin's event is published once."""
        client = self.subscriber("c")
        self.server.cache.add("app:app-id:idempotency:k", "pending", 30)
        call = self.start(EVENT, X_Idempotency_Key="k")
        self.server.advance(0.25)
        self.assertEqual(call.take(), [])
        self.server.advance(0.11)
        (answer,) = call.take()
        self.assertRefused(answer, 503, "service_unavailable")
        self.assertEqual(answer.headers["retry-after"], "1")
        batch = b'{"batch":[{"name":"n","channel":"c","idempotency_key":"f"},{"name":"n","channel":"c","idempotency_key":"k"}]}'
        target = signed("POST", "/apps/app-id/batch_events", body=batch, at=self.now)
        head = f"POST {target} HTTP/1.1\r\nContent-Length: {len(batch)}\r\n\r\n"
        waiting = RawConnection(self.server).send(head.encode() + batch)
        self.server.advance(0.4)
        self.assertRefused(waiting.take()[0], 503, "service_unavailable")
        self.assertHeard(client)
        self.assertJson(self.publish(idempotency_key="f"), {"ok": True})
        self.assertHeard(client, FRAME)

    def test_client_gone(self) -> None:
        """A publish whose caller hung up while the key was checked is seen through, once."""
        client = self.subscriber("c")
        cache = self.server.engine.cache = SlowCache(self.server.cache)
        self.start(EVENT, X_Idempotency_Key="k").wire.cut()
        for _ in range(3):
            cache.answer()
            self.server.pump()
        self.assertHeard(client, FRAME)
        self.server.engine.cache = self.server.cache
        self.assertJson(self.post("/events", EVENT, headers={HEADER: "k"}), {"ok": True})
        self.assertHeard(client)
