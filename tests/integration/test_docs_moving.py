"""The snippets of the pages on moving here, on frameworks and on webhooks, run as they stand there."""

from __future__ import annotations

import json
import re
import signal
import sys
import urllib.error
import urllib.request
from shutil import which

from twisted.trial.unittest import SkipTest

from tests.integration.launch import SOCKUDO, Process, WebSocket, eventually, free_port
from tests.integration.pages import BACKEND, PYTHON_APP, Pages
from tests.integration.snippets import DOCS, block

PUSHER, OURS, SOKETI, REVERB = (f"migrating/{name}.md" for name in ("pusher", "sockudo", "soketi", "reverb"))
HEAR = """
    pusher.subscribe("news").bind("hello", (data) => console.log(data.text));
    pusher.channel("news").bind("pusher:subscription_succeeded", () => console.log("in the channel"));
"""


class FromPusher(Pages):
    """docs/migrating/pusher.md"""

    def test_backend_and_page(self) -> None:
        """The page with the new options hears the backend with the new options."""
        self.serve()
        heard = self.node('const Pusher = require("pusher-js");' + block(PUSHER, "js", "wssPort") + HEAR, "page.cjs")
        self.says(heard, "in the channel")
        self.ends(self.node(block(PUSHER, "js", "was: cluster"), "backend.cjs"))
        self.says(heard, "Hello")

    def test_both(self) -> None:
        """While both run, one call publishes to both; a second server here stands for Pusher's."""
        self.serve()
        here = self.subscribed()
        other = free_port()
        self.launch(SOCKUDO, PORT=str(other)).up(other)
        there = WebSocket(other)
        self.addCleanup(there.close)
        there.event()
        there.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        there.event()
        text = block(PUSHER, "js", "allSettled")
        moved = text.replace('cluster: "eu", useTLS: true', f'host: "127.0.0.1", port: {other}')
        self.assertNotEqual(text, moved)
        self.ends(self.node(moved))
        for client in (here, there):
            self.assertEqual(client.event()["data"], '{"text":"Hello both"}')


class FromSockudo(Pages):
    """docs/migrating/sockudo.md"""

    def test_check_config(self) -> None:
        """The command prints what the page shows, and with the drivers of one process the file is valid."""
        (self.folder / "config.json").write_text(block(OURS, "json", "app_manager"))
        command = block(OURS, "sh", "check-config")
        status, output = self.shell(command)
        self.assertEqual(status, 1)
        rest = output
        for paragraph in block(OURS, "text", "Errors (4)").strip().split("\n\n"):
            self.assertIn(paragraph, rest)
            rest = rest.split(paragraph, 1)[1]
        self.assertEqual(rest.strip(), "")
        page = (DOCS / OURS).read_text()
        drivers = dict(re.findall(r"(\w+_DRIVER)=(\w+)", page))
        self.assertEqual(len(drivers), 4)
        (self.folder / "output.txt").unlink()
        status, output = self.shell(command, **drivers)
        self.assertEqual(status, 0, output)
        last = output.strip().splitlines()[-1]
        self.assertIn(last, " ".join(page.split()))

    def test_drivers(self) -> None:
        """Each driver that the page calls unavailable is refused."""
        rows = re.findall(
            r"^\| (`\w+\.driver`.*?) \| the server does not start \|$", (DOCS / OURS).read_text(), re.MULTILINE
        )
        drivers = [tuple(re.findall(r"`([^`]+)`", row)) for row in rows]
        refused = {
            (each, word) for names in drivers for each in names if "." in each for word in names if "." not in word
        }
        self.assertEqual(len(refused), 15)
        for key, word in sorted(refused):
            name = key.replace(".", "_").upper()
            status, output = self.shell("sockudo check-config --offline", RATE_LIMITER_ENABLED="true", **{name: word})
            self.assertEqual(status, 1, (key, word))
            self.assertIn("not available in this version", output)


class FromSoketi(Pages):
    """docs/migrating/soketi.md"""

    def test_files(self) -> None:
        """soketi's file is not understood, which `check-config` says; ours serves the app without limits."""
        (self.folder / "theirs.json").write_text(block(SOKETI, "json", "appManager"))
        (self.folder / "ours.json").write_text(block(SOKETI, "json", "app_manager"))
        _, output = self.shell("sockudo check-config --offline -c theirs.json")
        self.assertIn("did you mean app_manager.array.apps?", " ".join(output.split()))
        self.launch(SOCKUDO, "--strict", "-c", "ours.json").up(self.port)
        self.subscribed()

    def test_environment(self) -> None:
        """The variables are all known, and take effect."""
        status, output = self.shell(block(SOKETI, "sh", "export"))
        self.assertEqual(status, 0, output)
        self.assertIn("shutdown_grace_period = 3", output)
        self.assertNotIn("100", output)

    def test_every_key_exists(self) -> None:
        """The keys and variables in the columns for this server are those of the reference page."""
        reference = (DOCS / "configuration.md").read_text()
        table = (DOCS / SOKETI).read_text().split("## Variables and keys")[1].split("##")[0]
        cells = [line.split("|")[2] for line in table.splitlines() if line.startswith("|")]
        names = re.findall(r"`([a-z_]+\.[a-z_.]+|[A-Z_]{4,})`", " ".join(cells))
        self.assertGreater(len(names), 40)
        for name in names:
            if not name.startswith("_"):
                self.assertIn(f"`{name}`", reference)


class FromReverb(Pages):
    """docs/migrating/reverb.md"""

    def test_file_and_environment(self) -> None:
        """Both ways to configure the app are valid."""
        (self.folder / "ours.json").write_text(block(REVERB, "json", "my-app-key"))
        status, output = self.shell("sockudo check-config --strict --offline -c ours.json")
        self.assertEqual(status, 0, output)
        status, output = self.shell(block(REVERB, "sh", "export"))
        self.assertEqual(status, 0, output)

    def test_echo(self) -> None:
        """Echo with Reverb's own options connects and hears what is published."""
        (self.folder / "config").mkdir()
        (self.folder / "config" / "config.json").write_text(block(REVERB, "json", "my-app-key"))
        self.serve()
        settings = {"VITE_REVERB_APP_KEY": "my-app-key", "VITE_REVERB_HOST": "127.0.0.1"}
        settings |= {"VITE_REVERB_PORT": str(self.port), "VITE_REVERB_SCHEME": "http"}
        heard = self.node(echo(block(REVERB, "js", "new Echo"), settings, "Greeting"), "echo.mjs")
        self.says(heard, "in the channel")
        backend = BACKEND.replace("app-id", "my-app-id").replace("app-key", "my-app-key")
        publish = 'server.trigger("news", "App\\\\Events\\\\Greeting", { text: "whispered" });'
        self.ends(self.node(backend.replace("app-secret", "my-app-secret") + publish, "backend.cjs"))
        self.says(heard, "whispered")


def echo(text: str, settings: dict[str, str], event: str) -> str:
    """A snippet of Vite's world for Node: `import` is `require`, and the variables are these."""
    text = text.replace("import.meta.env", json.dumps(settings))
    hear = f"""
        window.Echo.channel("news").listen("{event}", (event) => console.log(event.text));
        window.Echo.channel("news").subscribed(() => console.log("in the channel"));
    """
    return f"globalThis.window = globalThis; {text} {hear}"


class Frameworks(Pages):
    """docs/frameworks.md"""

    def test_laravel_echo(self) -> None:
        """Echo hears an event of Laravel's with the options and the environment of the page."""
        self.serve()
        settings = dict(
            re.findall(r"^(?:VITE_)?(PUSHER_\w+)=([\w.-]+)$", block("frameworks.md", "ini", "VITE"), re.MULTILINE)
        )
        settings = {f"VITE_{name}": self.paste(value) for name, value in settings.items()}
        heard = self.node(echo(block("frameworks.md", "js", "new Echo"), settings, "Greeting"), "echo.mjs")
        self.says(heard, "in the channel")
        publish = 'server.trigger("news", "App\\\\Events\\\\Greeting", { text: "from Laravel" });'
        self.ends(self.node(BACKEND + publish, "backend.cjs"))
        self.says(heard, "from Laravel")

    def test_python(self) -> None:
        """The client publishes, with the variables of the sentence above it."""
        said = dict(re.findall(r"(SOCKUDO_DEFAULT_APP_\w+)=([\w-]+)", (DOCS / "frameworks.md").read_text()))
        self.assertEqual(said, PYTHON_APP)
        self.serve(**said)
        client = self.subscribed("python-key")
        status, output = self.run_to_end(sys.executable, "-c", self.paste(block("frameworks.md", "python", "trigger")))
        self.assertEqual(status, 0, output)
        self.assertEqual(json.loads(client.event()["data"]), {"text": "Hello from Django"})

    def test_next(self) -> None:
        """The route handler lets a client into a private channel."""
        self.serve()
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        socket_id = json.loads(client.event()["data"])["socket_id"]
        ask = f"""
            const body = new FormData();
            body.set("socket_id", "{socket_id}");
            body.set("channel_name", "private-a");
            const answer = await POST(new Request("http://127.0.0.1/", {{ method: "POST", body }}));
            console.log(await answer.text());
        """
        output = self.ends(self.node(block("frameworks.md", "js", "export async function POST") + ask, "route.mjs"))
        auth = json.loads(output.strip().splitlines()[-1])["auth"]
        client.send({"event": "pusher:subscribe", "data": {"channel": "private-a", "auth": auth}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")


class Webhooks(Pages):
    """docs/webhooks.md"""

    def hooked(self, app_id: str, key: str, secret: str) -> None:
        """A server with an app that tells everything to the receiver of the page."""
        url = f"http://127.0.0.1:{self.receiver}/"
        webhooks = [{"url": url, "event_types": ["channel_occupied"]}]
        app = {"id": app_id, "key": key, "secret": secret, "webhooks": webhooks}
        (self.folder / "config.json").write_text(json.dumps({"app_manager": {"array": {"apps": [app]}}}))
        self.launch(SOCKUDO, "-c", "config.json").up(self.port)

    def setUp(self) -> None:
        super().setUp()
        self.receiver = free_port()

    def test_file(self) -> None:
        """The file starts, and the log has nothing against it."""
        (self.folder / "config.json").write_text(block("webhooks.md", "json", "event_types"))
        server = self.launch(SOCKUDO, "-c", "config.json")
        server.up(self.port)
        self.assertNotIn("WARN", server.output)

    def test_python(self) -> None:
        """The receiver with Pusher's library for Python takes what comes, and refuses what is not signed."""
        self.hooked("1001", "python-key", "python-secret")
        text = block("webhooks.md", "python", "validate_webhook").replace("8000", str(self.receiver))
        running = self.launch(sys.executable, "-c", text)
        self.hears(running, "python-key")

    def test_node(self) -> None:
        """The receiver with Pusher's library for Node does as well."""
        self.hooked("app-id", "app-key", "app-secret")
        running = self.node(block("webhooks.md", "js", "isValid").replace("8000", str(self.receiver)))
        self.hears(running, "app-key")

    def test_php(self) -> None:
        """The receiver without a library does as well."""
        if not which("php"):
            raise SkipTest("php is not installed: run scripts/bootstrap test")
        self.hooked("app-id", "app-key", "app-secret")
        (self.folder / "webhooks.php").write_text(block("webhooks.md", "php", "hash_hmac"))
        self.hears(self.launch("php", "-S", f"127.0.0.1:{self.receiver}", "webhooks.php"), "app-key")

    def test_shell(self) -> None:
        """The command prints the signature of the request that the page shows."""
        head, _, body = block("webhooks.md", "http", "X-Pusher-Signature").partition("\n\n")
        (signature,) = re.findall("X-Pusher-Signature: ([0-9a-f]{64})", head)
        (self.folder / "body").write_text(body.rstrip("\n"))
        status, output = self.shell(block("webhooks.md", "sh", "openssl dgst"))
        self.assertEqual((status, output.split()[-1]), (0, signature))

    def hears(self, running: Process, key: str) -> None:
        def refused() -> bool:
            request = urllib.request.Request(f"http://127.0.0.1:{self.receiver}/", b"{}", method="POST")
            request.add_header("Content-Type", "application/json")
            request.add_header("X-Pusher-Key", key)
            request.add_header("X-Pusher-Signature", "0" * 64)
            try:
                urllib.request.urlopen(request, timeout=5)
            except urllib.error.HTTPError as answer:
                return answer.code == 401
            except OSError:
                return False
            return False

        eventually("a refusal", refused)
        self.subscribed(key)
        self.says(running, "channel_occupied news")
        running.signal(signal.SIGKILL)
