"""`sockudo bench` as a user runs it: every scenario on the real server, and on servers with faults."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import psutil
from twisted.trial import unittest

from sockudo_tx.bench.scenarios import SCENARIOS, load_scenario
from tests.certificates import self_signed
from tests.integration import faulty
from tests.integration.faulty import FaultyServer, Reordering
from tests.integration.faulty_deltas import FAULTS, DeltaServer
from tests.integration.launch import SOCKUDO, LaunchCase, Process, environment, eventually, free_port

# Small and short: what is checked is that all of it works, never how fast.
FEW = ("--warmup", "0.1", "--duration", "0.4", "--connections", "12")
SHORT = (*FEW, "--rate", "80")
# Those that mostly wait run beside the others: what an audit finds must not depend on who else is on its channels.
BESIDE = {
    "idle": ("--counts", "10,60", "--duration", "0.2"),
    "published": ("--short", "--ramp", "10", "--connections", "20", "--rate", "20"),
    "reconnect-storm": SHORT,
    "slow-consumers": (
        "--connections", "5", "--slow", "2", "--rate", "150", "--size", "90000", "--duration", "0.6",
        "--warmup", "0.1", "--in-flight", "2",
    ),
}  # fmt: skip
CLEAN = ("lost", "duplicates", "disorder", "strays", "refused", "disconnected", "errors")


class Ended(NamedTuple):
    """A command that has."""

    status: int
    output: str
    errors: str


def start(port: int, *arguments: str) -> subprocess.Popen[str]:
    """The command against the server on this port."""
    command = [SOCKUDO, "bench", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> Ended:
    """What came of it."""
    try:
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return Ended(process.returncode, output, errors)


def benches(port: int, *runs: Sequence[str]) -> list[Ended]:
    """The command with each of these arguments, to the end; all at the same time, since they mostly wait."""
    return [end(process) for process in [start(port, *arguments) for arguments in runs]]


class ScenarioTests(unittest.TestCase):
    """Every scenario, on one server that serves them all."""

    server: ClassVar[Process]
    port: ClassVar[int]
    folder: ClassVar[tempfile.TemporaryDirectory[str]]
    beside: ClassVar[dict[str, subprocess.Popen[str]]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        folder = Path(cls.folder.name)
        app = {"id": "app-id", "key": "app-key", "secret": "app-secret", "max_connections": 0}
        app |= {"enable_client_messages": True, "max_client_events_per_second": 0}
        (folder / "bench.json").write_text(json.dumps({"app_manager": {"array": {"apps": [app]}}}))
        cls.port = free_port()
        cls.server = Process(
            [SOCKUDO, "-c", "bench.json"], folder, environment(PORT=str(cls.port), TAG_FILTERING_ENABLED="1")
        )
        cls.server.up(cls.port)
        cls.beside = {name: start(cls.port, name, *arguments, "--json") for name, arguments in BESIDE.items()}

    @classmethod
    def tearDownClass(cls) -> None:
        for process in cls.beside.values():
            process.kill()
            process.wait()
        cls.server.kill()
        cls.folder.cleanup()

    def played(self, *arguments: str) -> dict[str, Any]:
        """The document of a run that found no fault."""
        return self.all_played(arguments)[0]

    def played_beside(self, scenario: str) -> dict[str, Any]:
        """The same of one that was started before."""
        return self.faultless(scenario, *end(self.beside[scenario]))

    def all_played(self, *runs: Sequence[str]) -> list[dict[str, Any]]:
        """The documents of runs at the same time."""
        ended = benches(self.port, *([*arguments, "--json"] for arguments in runs))
        return [self.faultless(arguments[0], *each) for arguments, each in zip(runs, ended, strict=True)]

    def faultless(self, scenario: str, status: int, output: str, errors: str) -> dict[str, Any]:
        """The document, in which nothing went wrong and everything has a name that was declared."""
        self.assertEqual((status, errors), (0, ""), output[:2000])
        document: dict[str, Any] = json.loads(output)
        self.assertEqual((document["schema"], document["scenario"]), (1, scenario))
        self.assertNotIn("app-secret", output)
        figures = document["figures"]
        for name in CLEAN:
            self.assertEqual(figures.get(name, 0), 0, f"{name}: {document['notes']}")
        if "expected" in figures:
            self.assertEqual(figures["delivered"], figures["expected"])
            self.assertGreater(figures["delivered"], 0)
        asked = {"scenario": "burst", "stop": None, "replay": None, **document["options"]}
        asked["streams"] = document["options"].get("streams", "").split(",")
        told = load_scenario(scenario).tells(Namespace(**asked))
        self.assertEqual(set(figures), set(told.figures), scenario)
        self.assertEqual(set(document["latencies"]), set(told.latencies), scenario)
        return document

    def test_fanout(self) -> None:
        """Each event reaches each subscriber of its channel; cost and memory of the server are found by themselves."""
        document = self.played("fanout", *SHORT, "--channels", "3", "--arrivals", "poisson", "--processes", "2")
        figures = document["figures"]
        self.assertEqual(figures["expected"], figures["published"] * 4)
        self.assertGreater(figures["server_cpu_us_per_delivery"], 0)
        self.assertGreater(figures["server_rss_bytes"], 1 << 20)
        self.assertEqual(sum(document["latencies"]["delivery"]["buckets"][1::2]), figures["delivered"])
        self.assertGreater(len(document["series"]["rss_bytes"]), 1)

    def test_burst(self) -> None:
        """Bursts arrive whole."""
        figures = self.played("burst", *FEW, "--burst", "60", "--every", "250ms")["figures"]
        self.assertEqual(figures["published"] % 60, 0)

    def test_publish(self) -> None:
        """As fast as the server answers: batches too, and every event reaches the subscriber."""
        options = ("--warmup", "0.1", "--duration", "0.4", "--server-pid", str(self.server.pid))
        document, batches = self.all_played(
            ("publish", *options, "--publishers", "2"), ("publish", *options, "--batch", "10", "--rate", "200")
        )
        self.assertEqual((document["main"], document["options"]["rate"]), ("publish", "max"))
        self.assertGreater(document["figures"]["requests_per_second"], 10)
        figures = batches["figures"]
        self.assertEqual(figures["published"], 80)
        self.assertLess(figures["requests_per_second"], 30)

    def test_client_events(self) -> None:
        """Client events reach all others of the channel and not the sender."""
        options = ("--channels", "3", "--senders", "2", "--processes", "2")
        figures = self.played("client-events", *SHORT, *options)["figures"]
        self.assertEqual(figures["expected"], figures["published"] * 3)

    def test_connect(self) -> None:
        """All connections are timed, on a schedule and flat out."""
        for document in self.all_played(
            *(("connect", "--connections", "30", "--rate", rate) for rate in ("200", "max"))
        ):
            self.assertEqual(document["figures"]["connected"], 30)
            self.assertEqual(sum(document["latencies"]["subscribed"]["buckets"][1::2]), 30)

    def test_idle(self) -> None:
        """Memory is read at each count."""
        figures = self.played_beside("idle")["figures"]
        self.assertEqual(figures["connected"], 60)
        self.assertIn("rss_bytes_per_connection", figures)

    def test_churn(self) -> None:
        """Those who stay lose nothing while others come and go."""
        figures = self.played("churn", *SHORT, "--churn", "80", "--stay", "100ms")["figures"]
        self.assertEqual(figures["came"], 40)

    def test_presence(self) -> None:
        """Every join and every leave reaches every member once."""
        options = ("--connections", "8", "--rate", "40", "--stay", "200ms", "--duration", "0.4", "--processes", "2")
        figures = self.played("presence", *options)["figures"]
        self.assertEqual((figures["visitors"], figures["expected"]), (16, 256))

    def test_reconnect_storm(self) -> None:
        """All come back, and afterwards nobody misses anything."""
        document = self.played_beside("reconnect-storm")
        self.assertGreater(document["figures"]["storm_seconds"], 0)
        self.assertEqual(sum(document["latencies"]["reconnect"]["buckets"][1::2]), 12)

    def test_slow_consumers(self) -> None:
        """The others lose nothing; the slow ones, whom nobody waits for, are counted apart."""
        figures = self.played_beside("slow-consumers")["figures"]
        self.assertEqual(figures["slow_dropped"] + figures["slow_kept"], 2)
        self.assertIn("before_p99_ms", figures)

    def test_never_reads(self) -> None:
        """With `--stop first` all of the run is measured beside clients that read nothing, and `--slow 0` has none."""
        for slow in (1, 0):
            options = ("--stop", "first", "--slow", str(slow), "--rate", "50", "--size", "90000", "--in-flight", "2")
            common = ("--connections", "3", "--duration", "0.6", "--warmup", "0.1")
            figures = self.played("slow-consumers", *options, *common)["figures"]
            self.assertEqual((figures["slow_dropped"] + figures["slow_kept"], figures["lost"]), (slow, 0))
            self.assertEqual(figures["expected"], 3 * 30)
            self.assertNotIn("before_p99_ms", figures)

    def test_delta(self) -> None:
        """Every message of every stream reaches plain and delta subscribers alike, in less bytes for the latter."""
        common = ("--messages", "40", "--subscribers", "3", "--rate", "400", "--processes", "2")
        for algorithm in ("fossil", "xdelta3"):
            document = self.played("delta", *common, "--algorithm", algorithm)
            figures = document["figures"]
            self.assertEqual((figures["published"], figures["decode_errors"], figures["wrong"]), (120, 0, 0))
            for name in ("ticker", "order_book", "telemetry"):
                self.assertEqual((figures[f"{name}_messages"], figures[f"{name}_untracked"]), (40, 0), name)
                self.assertEqual(figures[f"{name}_full"] + figures[f"{name}_deltas"], 40, name)
                self.assertEqual(figures[f"{name}_excess_bytes"], 0, name)
            self.assertLess(figures["order_book_ratio"], 0.4, document["notes"])

    def test_delta_batches(self) -> None:
        """Several events of a stream in one request, and so in one turn of the server, are no different; what does not
        fill a batch is left out."""
        options = (
            "--messages",
            "43",
            "--batch",
            "10",
            "--subscribers",
            "20",
            "--rate",
            "1000",
            "--algorithm",
            "xdelta3",
        )
        figures = self.played("delta", *options)["figures"]
        self.assertEqual((figures["published"], figures["decode_errors"], figures["wrong"]), (120, 0, 0))
        self.assertGreater(figures["telemetry_deltas"], 35)

    def test_delta_replay(self) -> None:
        """A file of any JSON lines is published as it is, equal lines and tags as well."""
        file = Path(self.folder.name) / "replay.jsonl"
        lines = [{"name": "a", "data": {"n": number, "pad": "x" * 200}, "tags": {"t": "1"}} for number in range(5)]
        file.write_text("\n".join(map(json.dumps, [*lines, "text", 7, *lines])))
        document = self.played("delta", "--replay", str(file), "--rate", "300", "--connections", "2")
        self.assertEqual(document["figures"]["replay_messages"], 12)
        self.assertGreater(document["figures"]["replay_untracked"], 0)
        file.write_text("{")
        for option, value, said in (
            ("--replay", str(file), "line 1: not JSON"),
            ("--keep", "/nowhere/deltas", "No such file"),
            ("--rate", "max", "a number of events"),
        ):
            (done,) = benches(self.port, ("delta", option, value))
            self.assertEqual((done.status, said in done.errors), (2, True), done.errors)

    def test_tags(self) -> None:
        """Each event reaches the clients whose filter lets it through, and nobody else."""
        common = ("--connections", "24", "--filters", "6", "--duration", "0.4", "--warmup", "0.1", "--processes", "2")
        for form in ("eq", "tree"):
            figures = self.played("tags", *common, "--filter", form, "--unfiltered", "2")["figures"]
            self.assertEqual((figures["expected"], figures["filters"]), (figures["published"] * 6, 6))
            self.assertGreater(figures["server_cpu_us_per_publish"], 0)

    def test_published(self) -> None:
        """Connections arrive while events are published."""
        figures = self.played_beside("published")["figures"]
        self.assertEqual((figures["connected"], figures["published"]), (20, 20))

    def test_soak(self) -> None:
        """Rounds add up, and table sizes become a series."""
        options = ("--scenario", "burst", "--burst", "5", "--duration", "0.3", "--warmup", "0", "--connections", "5")
        document = self.played("soak", *options, "--for", "0.7", "--sample-every", "100ms")
        figures = document["figures"]
        self.assertGreater(figures["rounds"], 1)
        self.assertEqual(figures["published"], figures["rounds"] * 5)
        self.assertIn("rss_growth_bytes", figures)
        self.assertIn(5, [value for _, value in document["series"]["server_totals_connections"]])

    def test_scaling(self) -> None:
        """Servers of its own with different numbers of workers, which are gone afterwards; every event arrives."""
        command = [SOCKUDO, "bench", "scaling", "--workers", "1,2", "--rate", "80", *FEW, "--json"]
        ended = end(
            subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        self.assertEqual(ended.status, 0, ended.errors)
        documents = json.loads(ended.output)
        self.assertEqual([document["options"]["workers"] for document in documents], [1, 2])
        for document in documents:
            self.assertEqual({document["figures"][name] for name in CLEAN}, {0})
            self.assertGreater(document["figures"]["delivered"], 0)

    def test_every_scenario_is_tested(self) -> None:
        """Whoever adds a scenario adds its test."""
        for row in SCENARIOS:
            self.assertTrue(hasattr(self, f"test_{row.module}"), row.name)

    def test_limits(self) -> None:
        """A limit that does not hold ends with 1 and is named; one that holds does not."""
        holds, fails = benches(
            self.port,
            ("fanout", *SHORT, "--require", "p99=60s,loss=0"),
            ("fanout", *SHORT, "--require", "deliveries_per_second>=1000000000"),
        )
        self.assertEqual(holds.status, 0, holds.output)
        self.assertEqual(fails.status, 1)
        self.assertIn("deliveries per second", fails.output.replace("_", " "))

    def test_refused(self) -> None:
        """A wrong key, secret or id ends with 1 before anything is measured, with the server's reason and the cure."""
        expected = (("connect", "--app-key", "4001"), ("fanout", "--app-secret", "401"), ("fanout", "--app-id", "404"))
        runs = [(scenario, "--connections", "2", option, "wrong") for scenario, option, _ in expected]
        for (_, option, reason), done in zip(expected, benches(self.port, *runs), strict=True):
            self.assertEqual((done.status, done.output, done.errors.count("\n")), (1, "", 1), done.errors)
            self.assertIn(reason, done.errors)
            self.assertIn(option, done.errors)

    def test_ctrl_c_too_early(self) -> None:
        """Ctrl-C before there is anything to tell has a sentence and the status 130; SIGTERM is the same."""
        process = start(self.port, "fanout", "--connections", "5", "--warmup", "60")
        eventually("its processes run", lambda: len(psutil.Process(process.pid).children()) == 2)
        process.terminate()
        self.assertEqual(
            end(process), (130, "", "sockudo bench: ended by Ctrl-C before anything was measured\n")
        )  # fmt: skip

    def test_ctrl_c(self) -> None:
        """Ctrl-C ends the run early with a report of what was measured; on a terminal there is progress."""
        main, terminal = pty.openpty()
        self.addCleanup(os.close, main)
        options = ["--connections", "5", "--duration", "60", "--rate", "50", "--warmup", "0", "--port", str(self.port)]
        process = subprocess.Popen(
            [SOCKUDO, "bench", "fanout", *options, "--json"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        )
        os.close(terminal)
        seen = b""
        while b"p99" not in seen:
            seen += os.read(main, 4096)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        document = json.loads(output)
        self.assertEqual(process.returncode, 0, document["notes"])
        self.assertIn("Ctrl-C", document["notes"][0])
        self.assertEqual(document["figures"]["delivered"], document["figures"]["published"] * 5)
        self.assertLess(document["figures"]["published"], 2000)


class FaultTests(unittest.TestCase):
    """Faults of servers are found, and servers unlike ours are understood. All runs are started at once, each on a
    server of its own."""

    servers: ClassVar[dict[str, FaultyServer]]
    runs: ClassVar[dict[str, subprocess.Popen[str]]]

    @classmethod
    def setUpClass(cls) -> None:
        few = ("fanout", *SHORT, "--connections", "4", "--json")
        long = ("fanout", *SHORT, "--duration", "60", "--json")
        cases: dict[str, tuple[FaultyServer, tuple[str, ...]]] = {
            "none": (FaultyServer(), (*few, "--batch", "4")),
            "loss": (FaultyServer(faulty.losing), (*few, "--warmup", "0")),
            "duplicates": (FaultyServer(faulty.doubling), (*few, "--warmup", "0")),
            "disorder": (FaultyServer(Reordering()), (*few, "--warmup", "0", "--in-flight", "1")),
            "refusals": (FaultyServer(refuse=4), (*few, "--warmup", "0")),
            "takeover": (FaultyServer(takeover=True), (*few, "--compression")),
            "no takeover": (FaultyServer(takeover=False), (*few, "--compression")),
            "dies": (FaultyServer(), long),
            "dies in a soak": (FaultyServer(), ("soak", *SHORT, "--warmup", "0", "--json")),
            "killed": (FaultyServer(), long),
        }
        delta = ("delta", "--streams", "telemetry", "--messages", "20", "--rate", "200", "--subscribers", "2", "--json")
        cases |= {f"{fault} delta": (DeltaServer(fault), delta) for fault in FAULTS}
        cls.servers = {name: server for name, (server, _) in cases.items()}
        cls.runs = {name: start(server.port, *arguments) for name, (server, arguments) in cases.items()}

    @classmethod
    def tearDownClass(cls) -> None:
        for process in cls.runs.values():
            process.kill()
            process.wait()
        for server in cls.servers.values():
            server.close()

    def played(self, name: str) -> tuple[int, dict[str, Any]]:
        """Exit status and figures."""
        done = end(self.runs[name])
        self.assertEqual(done.errors, "")
        return done.status, json.loads(done.output)["figures"]

    def flowing(self, name: str, count: int) -> FaultyServer:
        """The server, once it had so many events."""
        server = self.servers[name]
        eventually("events flow", lambda: server.events.get("bench-0", 0) >= count)
        return server

    def test_none(self) -> None:
        """A server without fault, however unlike ours, is not accused."""
        status, figures = self.played("none")
        self.assertEqual((status, figures["delivered"], figures["published"]), (0, figures["expected"], 32))

    def test_loss(self) -> None:
        """Lost events are counted for each client, and the status is 1."""
        status, figures = self.played("loss")
        self.assertEqual((status, figures["lost"]), (1, 4 * (32 // 5)))
        self.assertEqual((figures["duplicates"], figures["disorder"]), (0, 0))
        self.assertEqual(figures["expected"] - figures["delivered"], figures["lost"])

    def test_duplicates(self) -> None:
        """So are events that came twice."""
        status, figures = self.played("duplicates")
        self.assertEqual((status, figures["duplicates"], figures["lost"]), (1, 4 * (32 // 5), 0))

    def test_disorder(self) -> None:
        """So are events in the wrong order."""
        status, figures = self.played("disorder")
        self.assertEqual((status, figures["disorder"], figures["lost"]), (1, 4 * 6, 0))

    def test_refusals(self) -> None:
        """Requests the server refuses are told and owed to nobody."""
        status, figures = self.played("refusals")
        self.assertEqual((status, figures["refused"], figures["lost"]), (1, 8, 0))

    def test_compression(self) -> None:
        """Compressed events are inflated, with and without the context of those before."""
        for name in ("takeover", "no takeover"):
            status, figures = self.played(name)
            self.assertEqual((status, figures["delivered"]), (0, figures["expected"]))

    def test_deltas(self) -> None:
        """Deltas of a server without fault, however unlike ours, are understood; those that are missing, damaged or
        give another text than plain subscribers get are counted for each, and the status is 1."""
        faults = {}
        for name in FAULTS:
            status, figures = self.played(f"{name} delta")
            self.assertEqual(status, int(name != "none"), name)
            faults[name] = tuple(figures[what] for what in ("decode_errors", "wrong", "lost"))
        # Whatever follows a message that was not understood is not understood either: this server never begins anew.
        expected = {"none": (0, 0, 0), "damaged": (32, 0, 32), "unsent": (24, 0, 32), "respaced": (24, 8, 24)}
        self.assertEqual(faults, expected)

    def test_server_that_dies(self) -> None:
        """A server that ends in the middle ends the run: clients thrown out, status 1, long before the minute is up."""
        self.flowing("dies", 1).close()
        status, figures = self.played("dies")
        self.assertEqual((status, figures["disconnected"]), (1, 12))

    def test_soak_on_a_server_that_dies(self) -> None:
        """The figures of the rounds before are told, and why there are no more."""
        self.flowing("dies in a soak", 40).close()
        done = end(self.runs["dies in a soak"])
        document = json.loads(done.output)
        self.assertEqual((done.status, done.errors, document["figures"]["errors"]), (1, "", 1))
        self.assertGreater(document["figures"]["delivered"], 0)
        self.assertIn("ended early, in round", document["notes"][0])

    def test_process_that_is_killed(self) -> None:
        """When a process of the generator dies the run ends with a sentence, and with it all other processes."""
        self.flowing("killed", 1)
        workers = psutil.Process(self.runs["killed"].pid).children()
        workers[0].kill()
        done = end(self.runs["killed"])
        self.assertEqual((done.status, done.output, done.errors.count("\n")), (1, "", 1))
        self.assertIn("SIGKILL", done.errors)
        self.assertEqual([worker for worker in workers if worker.is_running()], [])


class TlsTests(LaunchCase):
    """Servers that speak TLS."""

    def test_tls(self) -> None:
        """Events are published and received over TLS; a certificate is checked unless that is not wanted."""
        files = self_signed(self.folder)
        apps = {"array": {"apps": [{"id": "app-id", "key": "app-key", "secret": "app-secret"}]}}
        settings = {"enabled": True, "cert_path": files.cert, "key_path": files.key}
        name = self.config(ssl=settings, app_manager=apps)
        self.launch(SOCKUDO, "-c", name)
        eventually("it listens", lambda: _open(self.port))
        fanout = ("fanout", *SHORT, "--tls", "--json")
        *trusted, refused = benches(self.port, (*fanout, "--insecure"), (*fanout, "--ca", files.cert), fanout)
        for done in trusted:
            self.assertEqual((done.status, done.errors), (0, ""), done.output)
            figures = json.loads(done.output)["figures"]
            self.assertEqual((figures["published"], figures["delivered"]), (32, 32 * 12))
        self.assertEqual(refused.status, 1)
        self.assertIn("--insecure", refused.errors)


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
