"""The snippets of the documentation's pages, run as they stand there against a live server; only the port differs.

What is in languages or frameworks that are not here is parsed, or read, by `test_docs_syntax.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
import time
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any

from tests.integration.launch import WebSocket, eventually, free_port
from tests.integration.pages import BACKEND, CLIENT, DEMO_APP, Pages
from tests.integration.snippets import block


class GettingStarted(Pages):
    """docs/index.md"""

    def test_page_and_curl(self) -> None:
        """The page hears what the shell publishes."""
        self.serve()
        page = re.findall(r"<script>(.*?)</script>", block("index.md", "html", "new Pusher"), re.DOTALL)[0]
        browser = """
            const Pusher = require("pusher-js");
            const list = { append: (line) => { console.log(line.textContent); } };
            const document = { createElement: () => ({}), getElementById: () => list };
        """
        ready = 'pusher.channel("news").bind("pusher:subscription_succeeded", () => console.log("in the channel"));'
        heard = self.node(browser + page + ready)
        self.says(heard, "in the channel")
        status, output = self.shell(self.paste(block("index.md", "sh", "curl")))
        self.assertEqual(status, 0, output)
        self.says(heard, "Hello from curl")

    def test_own_app(self) -> None:
        """The file is valid, says the command below it, and its app is served."""
        (self.folder / "config").mkdir()
        (self.folder / "config" / "config.json").write_text(block("index.md", "json", "app_manager"))
        status, output = self.shell(block("index.md", "sh", "check-config"))
        self.assertEqual(status, 0, output)
        self.serve()
        self.subscribed("choose-a-key")


class Rest(Pages):
    """docs/rest.md"""

    def signed(self, method: str, path: str, body: str = "", age: int = 0) -> dict[str, Any]:
        """The answer to a call signed as the page says, so many seconds ago."""
        path, _, query = path.partition("?")
        pairs = dict(pair.split("=") for pair in query.split("&") if pair)
        pairs |= {"auth_key": "app-key", "auth_timestamp": str(int(time.time()) - age), "auth_version": "1.0"}
        if body:
            pairs["body_md5"] = hashlib.md5(body.encode()).hexdigest()
        text = "&".join(f"{name}={pairs[name]}" for name in sorted(pairs))
        signature = hmac.new(b"app-secret", f"{method}\n{path}\n{text}".encode(), hashlib.sha256).hexdigest()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request(method, f"{path}?{text}&auth_signature={signature}", body)
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
        connection.close()
        self.assertEqual(answer.status, found.get("status", 200))
        return found

    def test_libraries(self) -> None:
        """The snippets for Node and Python publish."""
        (self.folder / "config").mkdir()
        python_app = {"id": "1001", "key": "python-key", "secret": "python-secret"}
        (self.folder / "config" / "config.json").write_text(json.dumps({"apps": [DEMO_APP, python_app]}))
        self.serve()
        client = self.subscribed()
        self.ends(self.node(block("rest.md", "js", "pusher.trigger")))
        self.assertEqual(client.event()["data"], '{"text":"Hello from Node"}')
        client = self.subscribed("python-key")
        status, output = self.run_to_end(sys.executable, "-c", self.paste(block("rest.md", "python", "trigger")))
        self.assertEqual(status, 0, output)
        self.assertEqual(json.loads(client.event()["data"]), {"text": "Hello from Python"})

    def test_publish_and_ask(self) -> None:
        """The body is accepted, and the questions are answered in the shape that stands below them."""
        self.serve()
        news = self.subscribed("app-key", "news")
        body = block("rest.md", "json", '"socket_id": "12.34"').replace("user_count", "subscription_count")
        answer = self.signed("POST", "/apps/app-id/events", body)
        self.assertEqual(answer["channels"]["news"], {"subscription_count": 1})
        self.assertEqual(news.event()["data"], '{"text":"hello"}')
        self.subscribed("app-key", "cache-price")
        event = {"name": "changed", "channel": "cache-price", "data": "10"}
        self.signed("POST", "/apps/app-id/events", json.dumps(event))
        lines = block("rest.md", "text", "GET /apps").splitlines()
        for request, shown in pairwise(lines):
            if request.startswith("GET "):
                found, shape = self.signed("GET", request[4:]), json.loads(shown)
                self.assertEqual(set(found), set(shape), request)
                if "cache" in shape:
                    self.assertEqual({**shape["cache"], "ttl": 0}, {**found["cache"], "ttl": 0})

    def test_refusal(self) -> None:
        """A call that is twenty minutes old is refused with the words of the page."""
        self.serve()
        found = self.signed("GET", "/apps/app-id/channels", age=1200)
        self.assertEqual(found, json.loads(block("rest.md", "json", "auth_failed")))


class Channels(Pages):
    """docs/channels.md"""

    def test_examples(self) -> None:
        """Presence, client events, cache misses and events to a user go as the page says."""
        self.serve_app(enable_user_authentication=True)
        parts = {
            name: block("channels.md", "js", text)
            for name, text in (
                ("presence", 'subscribe("presence-room")'),
                ("typing", "client-typing"),
                ("cache", "pusher:cache_miss"),
                ("user", "sendToUser"),
            )
        }
        script = f"""{BACKEND}{CLIENT}
            const pusher = connect();
            const signin = ({{ socketId }}, done) => done(null, server.authenticateUser(socketId, {{ id: "user-id" }}));
            const fetch = (path) => console.log("asked for", path);
            {parts["cache"]}
            {parts["presence"]}
            const other = connect();
            room.bind("pusher:subscription_succeeded", () => {{
              const there = other.subscribe("presence-room");
              there.bind("pusher:subscription_succeeded", () => {{ {parts["typing"]} }});
              there.bind("client-typing", (data, who) => {{
                console.log("typing", data.typing, who.user_id);
                other.disconnect();
              }});
            }});
            const user = new Pusher("app-key", {{
              cluster: "local", wsHost: "127.0.0.1", wsPort: 6001, forceTLS: false, enabledTransports: ["ws"],
              userAuthentication: {{ customHandler: signin }},
            }});
            user.signin();
            user.user.bind("notice", (data) => console.log(data.text));
            user.connection.bind("disconnected", () => console.log("user disconnected"));
            user.bind_global((name) => {{
              if (name !== "pusher:signin_success") return;
              const pusher = server;
              {parts["user"]}
            }});
        """
        running = self.node(script)
        for text in (
            "asked for /price",
            "1 1",
            "typing true 1",
            "2 { name: 'Ann' }",
            "Your order",
            "user disconnected",
        ):
            self.says(running, text)
        eventually("member_removed", lambda: running.output.splitlines().count("2") == 1)

    def test_public(self) -> None:
        """The first snippet hears a greeting."""
        self.serve()
        text = block("channels.md", "js", 'subscribe("news")').replace(
            "pusher.unsub", "const later = () => pusher.unsub"
        )
        ready = 'news.bind("pusher:subscription_succeeded", () => console.log("in the channel"));'
        heard = self.node(f'const Pusher = require("pusher-js"); {text}; {ready}')
        self.says(heard, "in the channel")
        greeting = 'server.trigger("news", "greeting", { text: "hello" });'
        self.ends(self.node(BACKEND + greeting, "server.cjs"))
        self.says(heard, "hello")


class Authentication(Pages):
    """docs/authentication.md"""

    def test_without_a_library(self) -> None:
        """The function of the page lets a client into private and presence channels, and another secret does not."""
        self.serve()
        names: dict[str, Any] = {}
        exec(block("authentication.md", "python", "def authorize"), names)
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        socket_id = json.loads(client.event()["data"])["socket_id"]
        for channel, user in (("private-orders", None), ("presence-a", {"user_id": "7"})):
            data = {"channel": channel, **names["authorize"]("app-key", "app-secret", socket_id, channel, user)}
            client.send({"event": "pusher:subscribe", "data": data})
            self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        wrong = names["authorize"]("app-key", "other", socket_id, "private-b")
        client.send({"event": "pusher:subscribe", "data": {"channel": "private-b", **wrong}})
        self.assertEqual(client.event()["data"]["code"], 4009)

    def test_reasons(self) -> None:
        """The log says why a subscription is refused, in the words of the page."""
        server = self.serve(RUST_LOG="info,sockudo.refusals=debug")
        names: dict[str, Any] = {}
        exec(block("authentication.md", "python", "def authorize"), names)
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        socket_id = json.loads(client.event()["data"])["socket_id"]
        signed = names["authorize"]("app-key", "app-secret", socket_id, "presence-a")
        data = {"channel": "presence-a", "channel_data": '{"user_id":"7"}', **signed}
        client.send({"event": "pusher:subscribe", "data": data})
        self.assertEqual(client.event()["data"]["code"], 4009)
        shown = " ".join(block("authentication.md", "text", "sockudo.refusals").split("DEBUG ")[1].split())
        self.says(server, shown.replace("5982162066.4065102514", socket_id))

    def test_in_the_browser(self) -> None:
        """Joining, signing in and watching go through the endpoints; a wrong signature is told as the page says."""
        self.serve_app(enable_user_authentication=True, enable_watchlist_events=True)
        port = free_port()
        endpoints = f"""
            const http = require("node:http");
            http.createServer((request, response) => {{
              let body = "";
              request.on("data", (data) => (body += data)).on("end", () => {{
                const form = new URLSearchParams(body);
                const channel = form.get("channel_name");
                const answer = request.url === "/pusher/auth"
                  ? server.authorizeChannel(form.get("socket_id"), channel)
                  : server.authenticateUser(form.get("socket_id"), {{ id: "ann", watchlist: ["bob"] }});
                if (channel === "private-wrong") answer.auth += "0";
                response.end(JSON.stringify(answer));
              }});
            }}).listen({port}, "127.0.0.1", start);
        """
        join = block("authentication.md", "js", 'subscribe("private-orders")')
        signin = block("authentication.md", "js", "pusher.signin()")
        watch = block("authentication.md", "js", "watchlist.bind")
        wrong = block("authentication.md", "js", 'connection.bind("error"')
        script = f"""{BACKEND}
            const Pusher = require("pusher-js");
            {endpoints}
            function start() {{
              (() => {{
                {join}
                {wrong}
                pusher.channel("private-orders").bind("pusher:subscription_succeeded", () => {{
                  console.log("joined");
                  pusher.subscribe("private-wrong");
                }});
              }})();
              (() => {{
                {signin}
                {watch}
                pusher.bind_global((name) => {{
                  console.log(name);
                  if (name === "pusher:signin_success") server.sendToUser("ann", "notice", {{ text: "for Ann" }});
                }});
              }})();
              const bob = new Pusher("app-key", {{
                cluster: "local", wsHost: "127.0.0.1", wsPort: 6001, forceTLS: false, enabledTransports: ["ws"],
                userAuthentication: {{ customHandler: ({{ socketId }}, done) =>
                  done(null, server.authenticateUser(socketId, {{ id: "bob" }})) }},
              }});
              bob.signin();
            }}
        """.replace('"/pusher/auth", transport', f'"http://127.0.0.1:{port}/pusher/auth", transport').replace(
            '"/pusher/user-auth"', f'"http://127.0.0.1:{port}/pusher/user-auth"'
        )
        running = self.node(script)
        for text in ("joined", "4009", "for Ann", "[ 'bob' ]"):
            self.says(running, text)
