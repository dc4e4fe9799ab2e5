"""Webhooks with `queue.driver: sqlite`: a server that is killed, and what `sockudo webhooks` does beside one that runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from socket import socket
from typing import Any
from urllib.request import urlopen

from sockudo_tx.backends.sqlite.database import Buried, Database
from sockudo_tx.interfaces import DeadWebhook, WebhookJob
from tests.integration.launch import SOCKUDO, LaunchCase, Process, environment, eventually
from tests.integration.queue_file import jobs_on_disk
from tests.integration.receiver import Receiver, answering

SECRET = "the-secret-of-the-app"
URL = "http://hook-user:hook-password@localhost:{port}/hooks"


class KeptTests(LaunchCase):
    """`sockudo run`, a receiver that fails at first, and the command line"""

    def setUp(self) -> None:
        super().setUp()
        self.well = False
        self.url = URL
        self.file = self.folder / "sockudo-webhooks.sqlite3"
        self.receiver = Receiver(self.answer)
        self.addCleanup(self.receiver.close)

    def answer(self, peer: socket) -> bool:
        return answering("200 OK" if self.well else "500 Oops")(peer)

    def serve(self, queue: dict[str, Any] | None = None, **webhooks: Any) -> Process:
        hook = {"url": self.url.format(port=self.receiver.port), "event_types": ["channel_occupied"]}
        app = {"id": "1001", "key": "app-key", "secret": SECRET, "webhooks": [hook]}
        self.config(
            app_manager={"array": {"apps": [app]}},
            queue=queue or {"driver": "sqlite"},
            webhooks={"grace_ms": 50, **webhooks},
        )
        return self.started()

    def started(self) -> Process:
        server = self.launch(SOCKUDO, "-c", "test.json")
        server.up(self.port)
        return server

    def occupy(self, channel: str) -> None:
        client = self.socket()
        client.send({"event": "pusher:subscribe", "data": {"channel": channel}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")

    def heard(self, number: int) -> list[tuple[str, str]]:
        """Delivery id and channel of the first requests."""
        eventually(f"{number} requests", lambda: len(self.receiver.requests) >= number)
        return [
            (request.values("X-Sockudo-Delivery")[0], json.loads(request.body)["events"][0]["channel"])
            for request in self.receiver.requests
        ]

    def command(self, *arguments: str, config: str = "test.json") -> tuple[int, str, str]:
        """Exit status, output and errors of `sockudo webhooks`."""
        command = [SOCKUDO, "webhooks", *arguments, "-c", config]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=self.folder, env=environment(), stdout=pipe, stderr=pipe, text=True
        ) as process:
            output, errors = process.communicate(timeout=20)
        return process.returncode, output, errors

    def dead(self) -> Any:
        status, output, errors = self.command("list", "--json")
        self.assertEqual(status, 0, errors)
        return json.loads(output)

    def test_S98_killed(self) -> None:
        """No queued job contains the app secret; what waits for its next attempt is delivered after `kill -9`, under its
        id."""
        server = self.serve()
        self.occupy("news")
        (first, *_) = self.heard(1)
        eventually("it is accepted", lambda: jobs_on_disk(self.folder))
        server.signal(signal.SIGKILL)
        server.status()
        for file in self.folder.glob("sockudo-webhooks.sqlite3*"):
            self.assertNotIn(SECRET.encode(), file.read_bytes())
        self.well = True
        before = len(self.receiver.requests)
        self.started()
        self.assertEqual(self.heard(before + 1)[before], first)

    def test_no_place(self) -> None:
        """A file that cannot be made is told at the start and by `/up`; webhooks are delivered all the same."""
        self.well = True
        server = self.serve(queue={"driver": "sqlite", "sqlite": {"path": "gone/queue"}})
        self.assertIn("is in a folder that does not exist", server.output)
        self.occupy("news")
        self.heard(1)
        health = f"http://127.0.0.1:{self.port}/up"
        eventually("degraded", lambda: b"DEGRADED" in urlopen(health).read())
        (self.folder / "gone").mkdir()
        eventually("well", lambda: b"DEGRADED" not in urlopen(health).read())

    def test_dead_letters(self) -> None:
        """Dead letters are listed, shown, replayed and dropped while the server runs, which delivers the replayed."""
        server = self.serve(retry={"enabled": False})
        self.assertIn(f"webhooks are kept in {self.file}\n", server.output)
        for number, channel in enumerate(("one", "two", "three"), 1):
            self.occupy(channel)
            self.heard(number)
        eventually("three dead letters", lambda: len(self.dead()) == 3)
        three, two, one = self.dead()
        self.assertEqual(self.command("list")[1].count("\n"), 4)
        self.assertEqual(json.loads(self.command("show", two["id"], "--json")[1]), two)
        self.assertIn("channel_occupied", self.command("show", two["id"])[1])
        for output in (self.command("list"), self.command("show", one["id"]), self.command("list", "--json")):
            self.assertNotIn("hook-password", "".join(map(str, output)))
        self.well = True
        self.assertEqual(self.command("replay", two["id"][:20])[:2], (0, "1 dead letter made due again\n"))
        self.assertEqual(self.heard(4)[3], (two["id"], "two"))
        self.assertEqual(json.loads(self.command("drop", one["id"], "--json")[1]), {"count": 1})
        self.assertEqual([each["id"] for each in self.dead()], [three["id"]])
        self.assertEqual(self.command("replay", "--all")[0], 0)
        self.assertEqual(self.heard(5)[4], (three["id"], "three"))
        self.assertEqual(self.command("list")[1], f"no dead letters in {self.file}\n")

    def test_readdressed(self) -> None:
        """What has no webhook to go to any more is kept, and told, until it is sent to another one under its id."""
        server = self.serve(retry={"enabled": False})
        self.occupy("one")
        self.heard(1)
        eventually("a dead letter", lambda: len(self.dead()) == 1)
        server.signal(signal.SIGTERM)
        server.status()
        (letter,) = self.dead()
        self.well = True
        self.url = "http://localhost:{port}/moved"
        self.serve()
        for which in ("--all", letter["id"]):
            status, output, errors = self.command("replay", which)
            self.assertEqual((status, output), (1, ""))
            self.assertIn("0 dead letters made due again, 1 kept", errors)
            self.assertIn("/hooks of app 1001: not configured any more", errors)
            self.assertIn("--to URL", errors)
        self.assertEqual(self.dead(), [letter])
        status, output, _ = self.command("replay", letter["id"], "--to", "http://localhost:1/nobody", "--json")
        self.assertEqual((status, json.loads(output)["kept"][0]["id"]), (1, letter["id"]))
        moved = self.url.format(port=self.receiver.port)
        self.assertEqual(self.command("replay", "--all", "--to", moved)[:2], (0, "1 dead letter made due again\n"))
        self.assertEqual(self.heard(2)[1], (letter["id"], "one"))
        self.assertIn("POST /moved", self.receiver.requests[1].line)
        self.assertEqual(self.dead(), [])

    def test_named_together(self) -> None:
        """Of dead letters that are named one by one either all are replayed or none; of all, those that can be."""
        hook = {"url": "https://home.example/", "event_types": ["channel_occupied"]}
        app = {"id": "1001", "key": "app-key", "secret": SECRET, "webhooks": [hook]}
        self.config(app_manager={"array": {"apps": [app]}}, queue={"driver": "sqlite"})
        ids = ["a" * 32, "b" * 32]
        letters = {
            name: Buried(DeadWebhook(WebhookJob(name, "1001", url, 1, ("{}",)), "why", 1))
            for name, url in zip(ids, ("https://home.example/", "https://gone.example/"), strict=True)
        }
        with closing(Database(str(self.file))) as database:
            database.write(letters, 9, 9999)
        status, _, errors = self.command("replay", *ids)
        self.assertEqual((status, "0 dead letters made due again, 1 kept" in errors), (1, True), errors)
        self.assertEqual(len(self.dead()), 2)
        status, _, errors = self.command("replay", "--all")
        self.assertEqual((status, "1 dead letter made due again, 1 kept" in errors), (1, True), errors)
        self.assertEqual([each["id"] for each in self.dead()], ids[1:])

    def test_refused(self) -> None:
        """What cannot be done ends with status 1 and says why, wrong usage with status 2."""
        self.config(queue={"driver": "sqlite"})
        for arguments in (("list",), ("show", "nothing"), ("replay", "--all"), ("drop", "--all")):
            status, output, errors = self.command(*arguments)
            self.assertEqual((status, output), (1, ""))
            self.assertIn(f"{self.file} is not there", errors)
            self.assertIn("working directory", errors)
        self.assertFalse(self.file.exists(), "only the server makes the file")
        status, _, errors = self.command("list", config="mistyped.json")
        self.assertEqual((status, "mistyped.json: the file does not exist" in errors), (1, True), errors)
        Database(str(self.file)).close()
        self.assertEqual(self.command("list"), (0, f"no dead letters in {self.file}\n", ""))
        self.assertEqual(self.command("replay", "--all"), (0, f"no dead letters in {self.file}\n", ""))
        for action in ("show", "replay", "drop"):
            status, _, errors = self.command(action, "nothing")
            self.assertEqual((status, "no dead letter nothing" in errors), (1, True), errors)
            self.assertEqual(self.command(action)[0], 2)
        status, output, errors = self.command("show", "nothing", "--json")
        self.assertEqual((status, "no dead letter" in json.loads(output)["error"], errors), (1, True, ""))
        self.config(queue={"driver": "memory"})
        status, _, errors = self.command("list")
        self.assertEqual((status, "queue.driver is memory" in errors), (1, True), errors)
        (self.folder / "bad.json").write_text("{")
        self.assertEqual(self.command("list", config="bad.json")[0], 1)

    def test_unusable(self) -> None:
        """A file that cannot be used is named with its own reason and cure."""
        self.config(queue={"driver": "sqlite"})
        self.file.write_bytes(b"nonsense" * 1000)
        status, _, errors = self.command("list")
        self.assertEqual((status, "move the file away" in errors, "Traceback" in errors), (1, True, False), errors)
        self.file.unlink()
        self.file.mkdir()
        self.assertIn("it is a directory", self.command("list")[2])
        self.file.rmdir()
        held = Database(str(self.file))
        self.addCleanup(held.close)
        held._connection.execute("BEGIN IMMEDIATE")
        self.assertIn("locked by another process", self.command("drop", "--all")[2])

    def test_module(self) -> None:
        """`python -m sockudo_tx` is the same command."""
        told = subprocess.run(
            [sys.executable, "-m", "sockudo_tx", "version"],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertTrue(told.stdout.startswith("sockudo_tx "))
