"""docs/openapi.yaml is true: every operation and status in it happens, and nothing happens that it does not say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from sockudo_tx.protocol.app import App
from sockudo_tx.testing import Response, fixture_app
from sockudo_tx.transports.rest.checks import Check
from sockudo_tx.transports.rest.settings import LimitSettings, RateLimitSettings, RestSettings
from tests.http.broken import UnreachableApps
from tests.http.case import DEMO, HttpCase, signed

FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
DISABLED = fixture_app(id="disabled", key="disabled-key", secret="s", enabled=False)
ROOM = "presence-room"

# A path with its parameters filled in, and what to send there.
EXAMPLES: dict[str, tuple[str, Any]] = {
    "/apps/{app_id}/events": ("/apps/{app}/events", {"name": "n", "channel": "c", "data": "d"}),
    "/apps/{app_id}/batch_events": ("/apps/{app}/batch_events", {"batch": [{"name": "n", "channel": "c"}]}),
    "/apps/{app_id}/channels": ("/apps/{app}/channels", None),
    "/apps/{app_id}/channels/{channel}": ("/apps/{app}/channels/c", None),
    "/apps/{app_id}/channels/{channel}/users": (f"/apps/{{app}}/channels/{ROOM}/users", None),
    "/apps/{app_id}/users/{user_id}/terminate_connections": ("/apps/{app}/users/u/terminate_connections", None),
    "/users/{user_id}/terminate_connections": ("/users/u/terminate_connections", None),
    "/app/{key}": ("/app/app-key", None),
    "/up": ("/up", None),
    "/up/{app_id}": ("/up/{app}", None),
    "/ready": ("/ready", None),
    "/live": ("/live", None),
    "/usage": ("/usage", None),
    "/stats": ("/stats", None),
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to."""
    while "$ref" in node:
        found: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


class OpenApiTests(HttpCase):
    """The description against a server"""

    def setUp(self) -> None:
        self.serve((DEMO, DISABLED))

    def ask(self, path: str, method: str, app: App = DEMO, **how: Any) -> Response:
        """The example call of an operation, signed unless it needs no signature; `how` changes it."""
        target, body = EXAMPLES[path]
        target = how.get("target", target).replace("{app}", how.get("named", app.id))
        body = how.get("body", body)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        security = DOCUMENT["paths"][path][method.lower()].get("security", DOCUMENT["security"])
        if security and not how.get("unsigned"):
            target = signed(method, target, how.get("more", ()), body=content, at=self.now, app=app)
        return self.call(method, target, content, how.get("headers"))

    def hold(self, path: str, method: str, answer: Response) -> None:
        """The answer is one the description knows, its body and headers are as described."""
        operation = DOCUMENT["paths"][path][method.lower()]
        described = operation["responses"].get(str(answer.status))
        self.assertIsNotNone(described, (method, path, answer.status, answer.body))
        described = resolved(described)
        self.seen.add((path, method, str(answer.status)))
        for name, header in described.get("headers", {}).items():
            self.check(header["schema"], answer.headers.get(name.lower()), (path, name))
        content = described.get("content", {})
        if not content:
            self.assertEqual(answer.body, b"", (path, answer.status))
            return
        kind = answer.headers["content-type"].partition(";")[0]
        self.assertIn(kind, content, (path, answer.status))
        text = answer.body.decode()
        self.check(content[kind]["schema"], json.loads(text) if kind == "application/json" else text, path)

    def check(self, schema: dict[str, Any], value: Any, about: Any) -> None:
        whole = {**schema, "components": DOCUMENT["components"]}
        errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
        self.assertEqual(errors, [], (about, value))

    def test_valid(self) -> None:
        """The file is an OpenAPI 3.1 document, and its examples are valid."""
        validate(DOCUMENT)
        for _, _, operation in operations():
            contents = [operation.get("requestBody", {})]
            contents += [resolved(response) for response in operation["responses"].values()]
            for each in contents:
                for content in each.get("content", {}).values():
                    if "example" in content:
                        self.check(content["schema"], content["example"], operation["operationId"])

    def test_routes(self) -> None:
        """The operations are the server's routes, each with the method it takes."""
        described: dict[str, set[str]] = {}
        for path, method, _ in operations():
            described.setdefault(path, set()).add(method)
        allowed = {}
        for path in described:
            target = EXAMPLES[path][0].replace("{app}", "app-id")
            answer = self.call("DELETE", target)
            if answer.status == 405:
                allowed[path] = {name for name in answer.headers["allow"].split(", ") if name != "HEAD"}
        self.assertEqual(allowed, described)
        self.assertEqual({route.path for route in self.server.site.api.routes._routes.values()}, set(described))

    def test_answers(self) -> None:
        """Every status of every operation can be brought about, and its answer is as described."""
        self.seen: set[tuple[str, str, str]] = set()
        for provoke in (self.good, self.wrong, self.limited, self.unavailable, self.healthy):
            provoke()
        described = {
            (path, method, status) for path, method, operation in operations() for status in operation["responses"]
        }
        self.assertEqual(described - self.seen, set(), "never happened")

    def good(self) -> None:
        """Nothing wrong, with everything that can be asked for."""
        client = self.server.client(key=DEMO.key)
        for channel, user in (("c", None), (ROOM, "u"), ("cache-x", None)):
            client.subscribe(channel, user)
        for path, method, _ in operations():
            if path == "/app/{key}":
                self.assertEqual(self.server.connect("/app/app-key").status, 101)
                self.seen.add((path, method, "101"))
            else:
                self.hold(path, method, self.ask(path, method))
        counts = "user_count,subscription_count"
        event = {"name": "n", "channels": ["c", ROOM, "cache-x"], "data": {"any": 1}, "info": counts}
        self.hold("/apps/{app_id}/events", "POST", self.ask("/apps/{app_id}/events", "POST", body=event))
        batch = {"batch": [event, {"name": "n", "channel": "c"}]}
        self.hold("/apps/{app_id}/batch_events", "POST", self.ask("/apps/{app_id}/batch_events", "POST", body=batch))
        info = [("filter_by_prefix", "presence-"), ("info", counts)]
        self.hold("/apps/{app_id}/channels", "GET", self.ask("/apps/{app_id}/channels", "GET", more=info))
        for target, words in ((ROOM, counts), ("cache-x", "cache"), ("cache-empty", "cache"), ("c", "")):
            path = "/apps/{app_id}/channels/{channel}"
            more = [("info", words)] if words else []
            self.hold(path, "GET", self.ask(path, "GET", target=f"/apps/{{app}}/channels/{target}", more=more))

    def wrong(self) -> None:
        """Each refusal that the caller can bring about."""
        for path, method, operation in operations():
            for status, how in self.mistakes(path, operation):
                answer = self.ask(path, method, **how)
                self.assertEqual(str(answer.status), status, (method, path, how, answer.body))
                self.hold(path, method, answer)
        self.serve((DEMO, DISABLED), rest=RestSettings(request_limit=1))
        for path, method, operation in operations():
            if "413" in operation["responses"]:
                self.hold(path, method, self.ask(path, method, body=b"{}"))
        self.serve((DEMO, DISABLED))

    @staticmethod
    def mistakes(path: str, operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        responses = operation["responses"]
        if path == "/app/{key}":
            yield "400", {}
            return
        if path == "/up/{app_id}":
            yield "404", {"named": "nobody"}
            yield "503", {"app": DISABLED}
            return
        if "401" in responses:
            yield "401", {"unsigned": True}
            yield "400", {"more": [("auth_key", "twice")]}
        if "403" in responses:
            yield "403", {"app": DISABLED}
        if "404" in responses:
            yield "404", {"named": "nobody"}
        if "415" in responses:
            yield "400", {"body": b"{"}
            yield "400", {"body": {"batch": [{}] * 11} if "batch" in path else {"name": "n", "channels": []}}
            yield "413", {"body": _large(path)}
            yield "415", {"headers": {"Content-Encoding": "gzip"}}

    def limited(self) -> None:
        """One call is allowed; the second of each operation that is limited is refused."""
        for path, method, operation in operations():
            if "429" in operation["responses"]:
                limits = RateLimitSettings(enabled=True, api=LimitSettings(max_requests=1))
                self.serve((DEMO,), rest=RestSettings(rate_limits=limits))
                self.ask(path, method)
                self.hold(path, method, self.ask(path, method))

    def unavailable(self) -> None:
        """The app store is gone; for upgrades, the server is going."""
        for path, method, operation in operations():
            if "429" in operation["responses"]:
                self.serve((DEMO,))
                if path == "/app/{key}":
                    self.server.engine.drain(1)
                    refused = self.server.connect("/app/app-key")
                    self.hold(path, method, Response(refused.status, refused.headers, refused.body))
                else:
                    self.server.engine.apps = UnreachableApps()
                    self.hold(path, method, self.ask(path, method))

    def healthy(self) -> None:
        """Every state of the health checks."""
        trouble = lambda: "is slow"  # noqa: E731
        for apps, checks, state in (
            ((DEMO,), [Check("queue", trouble)], "DEGRADED"),
            ((DEMO,), [Check("reactor", trouble, critical=True)], "ERROR"),
            ((), [], "ERROR"),
        ):
            self.serve(apps, checks=checks)
            answer = self.ask("/up", "GET")
            self.assertEqual(answer.headers["x-health-check"], state)
            self.hold("/up", "GET", answer)
        self.serve((DEMO,))
        self.server.site.health.ready = False
        self.hold("/ready", "GET", self.ask("/ready", "GET"))
        self.server.engine.announce_end()
        for path in ("/up", "/up/{app_id}", "/ready"):
            self.hold(path, "GET", self.ask(path, "GET"))


def _large(path: str) -> Any:
    event = {"name": "n", "channel": "c", "data": "x" * 102_401}
    return {"batch": [event]} if "batch" in path else event
