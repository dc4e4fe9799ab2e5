"""Starting with workers: every way to start, every kind of socket, and one log for all."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
from collections import Counter
from operator import itemgetter
from pathlib import Path
from typing import Any

import psutil

from tests.certificates import self_signed
from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, Process, WebSocket, eventually, free_port, get
from tests.integration.over_unix import get_over
from tests.integration.test_activation import PARENT

TWISTED = (TWISTD, "-n", "--pidfile=", "sockudo")


def alive(process: psutil.Process) -> bool:
    """Whether it runs, and is not only a name in a table."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


class WorkersCase(LaunchCase):
    """Servers with several processes"""

    def serve(self, workers: int, *command: str, **variables: str) -> Process:
        """Starts it; returns when every worker is ready."""
        process = self.launch(*(command or (SOCKUDO, "run", "--workers", str(workers))), **variables)
        self.all_ready(process, workers)
        return process

    def all_ready(self, process: Process, workers: int) -> None:
        def ready() -> bool:
            if not psutil.pid_exists(process.pid) or "cannot" in process.output:
                raise AssertionError(process.output)
            return len(re.findall(rf"worker \d of {workers} is ready", process.output)) >= workers

        eventually("all workers", ready)

    def workers(self, pid: int) -> list[psutil.Process]:
        """The workers of this hub, as `ps` shows them."""
        named: list[tuple[str, psutil.Process]] = []
        for child in psutil.Process(pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                words = child.cmdline()
                if "sockudo_tx.worker" in words:
                    named.append((words[-1], child))
        return [child for _, child in sorted(named, key=itemgetter(0))]

    def stops(self, process: Process) -> str:
        """SIGTERM ends all of it with status 0; all it has printed."""
        workers = self.workers(process.pid)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0, process.output)
        self.assertEqual([worker for worker in workers if alive(worker)], [])
        return process.output


class WaysTests(WorkersCase):
    """Whoever starts it"""

    def test_every_command(self) -> None:
        """`--workers` beats the environment, for `sockudo`, `sockudo run` and `twistd sockudo`; before a command too."""
        for command in (
            (SOCKUDO, "--workers", "2"),
            (SOCKUDO, "run", "--workers=2"),
            (SOCKUDO, "--workers=2", "run"),
            (*TWISTED, "--workers", "2"),
        ):
            process = self.serve(2, *command, SOCKUDO_WORKERS="3")
            names = [worker.cmdline()[-1] for worker in self.workers(process.pid)]
            self.assertEqual(names, ["1/2", "2/2"])
            self.assertEqual(get(self.port), 200)
            self.stops(process)
            (self.folder / "output.txt").unlink()

    def test_variable_and_file(self) -> None:
        """SOCKUDO_WORKERS and `instance.workers` mean the same."""
        self.stops(self.serve(2, SOCKUDO, "run", SOCKUDO_WORKERS="2"))
        (self.folder / "output.txt").unlink()
        name = self.config(instance={"workers": 2}, apps=[{"id": "1", "key": "one", "secret": "s"}])
        self.stops(self.serve(2, SOCKUDO, "run", "-c", name))

    def test_auto(self) -> None:
        """`auto` is a worker for each CPU this process may use; with one CPU there is only one process."""
        usable = sorted(os.sched_getaffinity(0))
        pin = f"import os, sys; os.sched_setaffinity(0, {{{usable[0]}}}); os.execv(sys.argv[1], sys.argv[1:])"
        process = self.launch(sys.executable, "-c", pin, SOCKUDO, "run", "--workers", "auto")
        process.up(self.port)
        self.assertEqual(psutil.Process(process.pid).children(), [])
        self.assertNotIn("worker", process.output)

    def test_one(self) -> None:
        """One worker is one process, which serves itself."""
        process = self.launch(*TWISTED, SOCKUDO_WORKERS="1")
        process.up(self.port)
        self.assertEqual(psutil.Process(process.pid).children(), [])

    def test_wrong_numbers(self) -> None:
        """What is no number of workers is refused: on the command line as wrong usage, elsewhere as configuration."""
        for text in ("0", "257", "-1", "two", "1.5"):
            for command in ((SOCKUDO, "run"), (SOCKUDO,), (SOCKUDO, "check-config")):
                status, output = self.run_to_end(*command, f"--workers={text}")
                self.assertEqual((status, "auto or a number from 1 to 256" in output), (2, True), output)
                (self.folder / "output.txt").unlink()
            status, output = self.run_to_end(*TWISTED, f"--workers={text}")
            self.assertEqual((status, "auto or a number from 1 to 256" in output), (1, True), output)
        status, output = self.run_to_end(SOCKUDO, "run", SOCKUDO_WORKERS="0")
        self.assertEqual(status, 1)
        self.assertIn("instance.workers", output)
        self.assertIn("from 1 to 256", output)

    def test_no_worker_starts(self) -> None:
        """A machine on which no worker can be started: the reason, and status 1, also of twistd."""
        for run in (
            "from sockudo_tx.cli import main; sys.exit(main(['run', '--workers', '2']))",
            (
                "sys.argv = ['twistd', '-n', '--pidfile=', 'sockudo', '--workers=2'];"
                "from twisted.scripts.twistd import run; run()"
            ),
        ):
            status, output = self.run_to_end(sys.executable, "-c", f"import sys; sys.executable = '/nowhere'; {run}")
            self.assertEqual(status, 1, output)
            self.assertRegex(output, "CRITICAL .*no worker could be started: .*/nowhere: No such file")
            self.assertNotIn("Traceback", output)
            (self.folder / "output.txt").unlink()

    def test_check_config(self) -> None:
        """`check-config` and `--check` tell how many there would be."""
        status, output = self.run_to_end(SOCKUDO, "check-config", "--offline", "--workers", "3")
        self.assertEqual((status, "3 workers and their parent" in output), (0, True), output)
        (self.folder / "output.txt").unlink()
        status, output = self.run_to_end(SOCKUDO, "check-config", "--offline", "--json", SOCKUDO_WORKERS="3")
        report = json.loads(output)
        self.assertEqual((report["workers"], report["config"]["instance"]["workers"]), (3, 3))
        for command in ((SOCKUDO, "--check"), (TWISTD, "sockudo", "--check")):
            (self.folder / "output.txt").unlink()
            _, output = self.run_to_end(*command, "--workers", "2")
            self.assertIn('"workers": 2', output)

    def test_daemon(self) -> None:
        """A daemon of twistd has workers; its log file is everybody's, is rotated by SIGUSR1, and ends with it."""
        process = self.launch(
            TWISTD, "--pidfile=daemon.pid", "--logfile=daemon.log", "sockudo", "--workers=2", LOG_OUTPUT_FORMAT="json"
        )
        self.assertEqual(process.status(), 0, process.output)
        pid = int((self.folder / "daemon.pid").read_text())
        self.addCleanup(self.end, pid)
        log = self.folder / "daemon.log"
        eventually("workers", lambda: log.exists() and "worker 2 of 2 is ready" in log.read_text())
        workers = self.workers(pid)
        self.assertEqual(len(workers), 2)
        eventually("/up", lambda: get(self.port) == 200)
        os.kill(pid, signal.SIGUSR1)
        eventually("rotated", (self.folder / "daemon.log.1").exists)

        def both_there() -> bool:
            self.socket().close()
            return {line.get("worker") for line in self.closed(log)} == {1, 2}

        eventually("lines of both workers in the new file", both_there)
        os.kill(pid, signal.SIGTERM)
        eventually("the end", lambda: not psutil.pid_exists(pid))
        self.assertEqual([worker for worker in workers if alive(worker)], [])
        self.assertFalse((self.folder / "daemon.pid").exists())
        self.assertIn("stopped", log.read_text())
        self.assertEqual(process.output, "")

    def closed(self, log: Path) -> list[dict[str, Any]]:
        """Fields of each line about a connection that ended."""
        if not log.exists():
            return []
        fields = [json.loads(line)["fields"] for line in log.read_text().splitlines()]
        return [each for each in fields if each["message"].startswith("connection closed")]

    def end(self, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(pid).children():
                child.kill()
            os.kill(pid, signal.SIGKILL)


class PortTests(WorkersCase):
    """Whatever it listens on"""

    def test_S78_balance(self) -> None:
        """400 clients are dealt out over 4 workers, none has more than 160, and no worker sees another's."""
        process = self.serve(4, LOG_OUTPUT_FORMAT="json")
        clients = [self.client() for _ in range(400)]
        for client in clients:
            self.assertEqual(client.event()["event"], "pusher:connection_established")
        counts = Counter(
            {
                worker.pid: sum(each.status == psutil.CONN_ESTABLISHED for each in worker.net_connections("tcp"))
                for worker in self.workers(process.pid)
            }
        )
        self.assertEqual(counts.total(), 400)
        self.assertLessEqual(max(counts.values()), 160, counts)
        self.assertGreater(min(counts.values()), 40, counts)

    def client(self) -> WebSocket:
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        return client

    def test_S81_second_instance(self) -> None:
        """A second server on the port of one with workers is refused with the way out, with workers or without."""
        self.serve(2)
        for workers in ("1", "2"):
            second = self.folder / workers
            second.mkdir()
            for command in ((SOCKUDO, "run"), TWISTED):
                refused = Process(
                    [*command, "--workers", workers],
                    second,
                    {**os.environ, "HOST": "127.0.0.1", "PORT": str(self.port), "METRICS_PORT": "0"},
                )
                self.addCleanup(refused.kill)
                self.assertEqual(refused.status(), 1)
                self.assertIn(f"cannot listen on 127.0.0.1:{self.port}", refused.output)
                self.assertIn(f"PORT={self.port + 1}", refused.output)
                self.assertNotIn("Traceback", refused.output)
        self.assertEqual(get(self.port), 200)

    def test_again_at_once(self) -> None:
        """A server that has just had clients is started again at once."""
        for _ in range(2):
            process = self.serve(2)
            for _ in range(6):
                self.client().event()
            self.stops(process)
            (self.folder / "output.txt").unlink()

    def test_any_port(self) -> None:
        """With port 0 all workers have the one that the kernel chose, and the log names it."""
        process = self.serve(3, PORT="0", HOST="127.0.0.1")
        found = eventually("ready", lambda: re.search(r"hub\S*: ready at http://127\.0\.0\.1:(\d+)", process.output))
        self.port = int(found[1])
        self.socket()
        listening = {
            each.laddr.port
            for worker in self.workers(process.pid)
            for each in worker.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
        }
        self.assertEqual(listening, {self.port})

    def test_unix_socket(self) -> None:
        """Workers share a Unix socket; its file has the mode that was asked for and goes with the hub. Nobody needs a
        certificate for it."""
        path = self.short() / "s.sock"
        unused = {"SSL_ENABLED": "1", "SSL_CERT_PATH": "/nowhere.crt", "SSL_KEY_PATH": "/nowhere.key"}
        variables = {"UNIX_SOCKET_ENABLED": "1", "UNIX_SOCKET_PATH": str(path), "UNIX_SOCKET_PERMISSION_MODE": "600"}
        variables |= unused
        process = self.serve(2, **variables)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(get_over(path), 200)
        self.workers(process.pid)[0].kill()
        eventually("another worker", lambda: process.output.count("worker 1 of 2 is ready") == 2)
        self.assertTrue(path.is_socket())
        self.assertEqual(get_over(path), 200)
        self.stops(process)
        self.assertFalse(path.exists())

    def short(self) -> Path:
        """A folder whose path is short enough for sockets in it."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def test_activation(self) -> None:
        """Workers accept from the sockets that systemd opened; afterwards these still listen."""
        opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for each in opened:
            self.addCleanup(each.close)
        numbers = [each.fileno() for each in opened]
        told = {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "sockudo:metrics"}
        given = json.dumps({"descriptors": numbers, "variables": told, "pid": ""})
        process = self.launch(
            sys.executable, "-c", PARENT, given, SOCKUDO, "run", "--workers", "2", passed=numbers, METRICS_ENABLED="1"
        )
        self.all_ready(process, 2)
        main, metrics = (each.getsockname()[1] for each in opened)
        self.assertEqual(get(main), 200)
        self.assertEqual(get(metrics, "/metrics"), 200)
        self.assertIn(f"ready at http://127.0.0.1:{main}", process.output)
        self.stops(process)
        for each in opened:
            socket.create_connection(each.getsockname()).close()

    def test_tls(self) -> None:
        """Workers speak TLS, and lead plain HTTP to it."""
        files = self_signed(self.folder)
        redirect = free_port()
        self.serve(
            2,
            SSL_ENABLED="1",
            SSL_CERT_PATH=files.cert,
            SSL_KEY_PATH=files.key,
            SSL_REDIRECT_HTTP="1",
            SSL_HTTP_PORT=str(redirect),
        )
        for _ in range(4):
            client = WebSocket(self.port, host="localhost", context=files.client_context())
            self.addCleanup(client.close)
            self.assertEqual(client.event()["event"], "pusher:connection_established")
            self.assertEqual(get(redirect), 308)

    def test_systemd(self) -> None:
        """systemd hears that the hub is ready when every worker is, from the hub, which keeps the watchdog quiet."""
        path = self.short() / "n.sock"
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(str(path))
        told.settimeout(20)
        process = self.launch(SOCKUDO, "run", "--workers=2", NOTIFY_SOCKET=str(path), WATCHDOG_USEC="400000")
        heard: list[str] = []
        while not any("READY=1" in text for text in heard):
            heard.append(told.recv(4096).decode())
        self.assertIn(f"MAINPID={process.pid}", heard[-1])
        for number in (1, 2):
            self.assertIn(f"worker {number} of 2 is ready", process.output)
        while heard.count("WATCHDOG=1") < 3:
            heard.append(told.recv(4096).decode())
        process.signal(signal.SIGTERM)
        while not any("STOPPING=1" in text for text in heard):
            heard.append(told.recv(4096).decode())
        self.assertEqual(process.status(), 0)


class LogTests(WorkersCase):
    """One log"""

    def test_who_wrote_it(self) -> None:
        """Lines of workers say which, in both forms; lines of the hub name none or speak of one."""
        process = self.serve(2)
        eventually("closed", lambda: self.said_by(process, r"connection closed.* worker=([12])$") == {"1", "2"})

    def said_by(self, process: Process, pattern: str) -> set[str]:
        self.socket().close()
        return set(re.findall(pattern, process.output, re.MULTILINE))

    def test_whole_lines(self) -> None:
        """Under load every line is a whole one."""
        process = self.serve(2, LOG_OUTPUT_FORMAT="json", RUST_LOG="debug")
        for _ in range(150):
            self.socket().close()
        eventually("all", lambda: process.output.count("connection closed") == 150)
        workers = [json.loads(line)["fields"].get("worker") for line in self.stops(process).splitlines()]
        self.assertGreaterEqual(set(workers), {1, 2})

    def test_last_words(self) -> None:
        """What a worker that is aborted writes at its end is in the log, as lines that name it."""
        process = self.serve(2, LOG_OUTPUT_FORMAT="json")
        self.workers(process.pid)[1].send_signal(signal.SIGABRT)
        eventually("replaced", lambda: process.output.count("worker 2 of 2 is ready") == 2)
        said = [json.loads(line)["fields"] for line in process.output.splitlines()]
        printed = [each["line"] for each in said if "line" in each and each.get("worker") == 2]
        self.assertIn("Fatal Python error: Aborted", printed)
        self.assertTrue(any(line.startswith("  File ") for line in printed), printed)

    def test_another_logger(self) -> None:
        """An observer that somebody has chosen with `--logger` sees what workers say."""
        (self.folder / "theirs.py").write_text(
            "from twisted.logger import formatEvent\n"
            "def observe():\n"
            "    def told(event):\n"
            "        line = [event['log_level'].name, event['log_namespace'], event.get('worker'), formatEvent(event)]\n"
            "        open('theirs.log', 'a').write(f'{line}\\n')\n"
            "    return told\n"
        )
        self.launch(
            TWISTD, "-n", "--pidfile=", "--logger=theirs.observe", "sockudo", "--workers=2", PYTHONPATH=str(self.folder)
        ).up(self.port)
        log = self.folder / "theirs.log"

        def told() -> bool:
            self.socket().close()
            return all(f"['info', 'sockudo.connections', {number}, " in log.read_text() for number in (1, 2))

        eventually("connections of both", told)
