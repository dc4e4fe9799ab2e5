"""Configurations that are refused, looked at and found, by the real commands."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from tests.certificates import self_signed
from tests.forty_mistakes import ENVIRONMENT, FILE, MISTAKES, SECRET
from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, eventually, free_port, get

APP = {"id": "1", "key": "one", "secret": "hunter2-and-more"}
APPS = {"array": {"apps": [APP]}}


class RefusedTests(LaunchCase):
    """A refused configuration, from every command that reads one"""

    def commands(self, *options: str) -> list[list[str]]:
        """Every way to start, and the one that only looks."""
        return [
            [SOCKUDO, "check-config", "--offline", *options],
            [SOCKUDO, "run", *options],
            [SOCKUDO, *options],
            [SOCKUDO, "--check", *options],
            [TWISTD, "-n", "--pidfile=", "sockudo", *options],
            [TWISTD, "--pidfile=daemon.pid", "sockudo", *options],
            [TWISTD, "sockudo", "--check", *options],
        ]

    def refused(self, command: list[str], **variables: str) -> str:
        (self.folder / "output.txt").unlink(missing_ok=True)
        status, output = self.run_to_end(*command, **variables)
        self.assertEqual(status, 1, f"{command}: {output}")
        self.assertNotIn("Traceback", output)
        self.assertIn("the configuration is refused", output)
        return output

    def test_forty_mistakes(self) -> None:
        """Forty mistakes end every command with status 1, each told with its value; nothing listens."""
        (self.folder / "f.json").write_text(FILE)
        for options in (["-c", "f.json"], ["-c", "f.json", "--strict"]):
            for command in self.commands(*options):
                output = self.refused(command, **ENVIRONMENT)
                for path, value in MISTAKES:
                    self.assertIn(path, output)
                    self.assertIn(value, output)
                self.assertNotIn(SECRET, output)
        self.assertFalse((self.folder / "daemon.pid").exists())

    def test_C6_default_file(self) -> None:
        """A default file that is not JSON ends every command with status 1 and says where it is wrong."""
        (self.folder / "config").mkdir()
        (self.folder / "config" / "config.json").write_text('{"port": 6001,}')
        for command in self.commands():
            self.assertIn("line 1, column", self.refused(command).lower())

    def test_strict(self) -> None:
        """What is a warning by default is refused by every command under --strict."""
        name = self.config(actvity_timeout=30, app_manager=APPS)
        for command in self.commands("-c", name, "--strict"):
            self.assertIn("activity_timeout", self.refused(command))

    def test_C5_missing_file_under_strict(self) -> None:
        """A named file that does not exist ends every command under --strict."""
        for command in self.commands("-c", "gone.json", "--strict"):
            self.assertIn("gone.json", self.refused(command))

    def test_C96_unknown_option(self) -> None:
        """An unknown option is wrong usage: status 2 from the console script, 1 from twistd, as twistd has it."""
        for command in ([SOCKUDO, "--bogus"], [SOCKUDO, "check-config", "--bogus"], [SOCKUDO, "run", "--bogus"]):
            self.assertEqual(self.run_to_end(*command)[0], 2)
        status, output = self.run_to_end(TWISTD, "sockudo", "--bogus")
        self.assertEqual((status, "bogus" in output), (1, True))


class FoundTests(LaunchCase):
    """Which file counts"""

    def default_file(self, **settings: Any) -> None:
        (self.folder / "config").mkdir()
        (self.folder / "config" / "config.json").write_text(json.dumps(settings))

    def test_C5_missing_file(self) -> None:
        """A named file that does not exist is an error in the log; the default file's values serve."""
        self.default_file(app_manager=APPS)
        for command in ([SOCKUDO, "-c", "gone.json"], [TWISTD, "-n", "--pidfile=", "sockudo", "-c", "gone.json"]):
            process = self.launch(*command)
            process.up(self.port)
            self.assertEqual(get(self.port, "/up/1"), 200)
            self.assertRegex(process.output, r"(?i)error.*gone\.json")
            process.kill()

    def test_C13_another_rundir(self) -> None:
        """The default file is that of the directory of the start, whatever directory twistd runs in."""
        self.default_file(app_manager=APPS)
        run = self.folder / "run"
        (run / "config").mkdir(parents=True)
        (run / "config" / "config.json").write_text('{"app_manager": {"array": {"apps": []}}}')
        self.launch(TWISTD, "-n", "--pidfile=", f"--rundir={run}", "sockudo").up(self.port)
        self.assertEqual(get(self.port, "/up/1"), 200)

    def test_C13_daemon(self) -> None:
        """The same for a daemon, with a file named relative to the directory of the start."""
        name = self.config(app_manager=APPS)
        run = self.folder / "run"
        run.mkdir()
        file = self.folder / "daemon.pid"
        status, output = self.run_to_end(TWISTD, f"--rundir={run}", f"--pidfile={file}", "sockudo", "-c", name)
        self.assertEqual(status, 0, output)
        pid = int(file.read_text())
        self.addCleanup(lambda: eventually("its end", lambda: not os.path.exists(f"/proc/{pid}")))
        self.addCleanup(os.kill, pid, 15)
        eventually("/up/1", lambda: get(self.port, "/up/1") == 200)


class LookingTests(LaunchCase):
    """`check-config` where services are missing, ports are taken and certificates are bad"""

    def report(self, *options: str, **settings: Any) -> tuple[int, dict[str, Any]]:
        quiet = {"app_manager": APPS, "metrics": {"enabled": False}}
        name = self.config(**{**quiet, **settings})
        (self.folder / "output.txt").unlink(missing_ok=True)
        status, output = self.run_to_end(SOCKUDO, "check-config", "--json", "-c", name, *options)
        report: dict[str, Any] = json.loads(output)
        return status, report

    def test_all_is_well(self) -> None:
        """A server that could start has an effective configuration with the source of every value."""
        status, report = self.report()
        self.assertEqual((status, report["ok"], report["counts"]["errors"]), (0, True, 0), report["findings"])
        self.assertEqual(report["config"]["port"], self.port)
        self.assertEqual(report["sources"]["port"], "environment PORT")
        self.assertEqual(report["sources"]["app_manager.array.apps"], "test.json")
        self.assertNotIn("hunter2", json.dumps(report))

    def test_port_taken(self) -> None:
        """A port another program listens on is told, and not with --offline."""
        with socket.create_server(("127.0.0.1", self.port)):
            _, report = self.report()
            paths = [each["path"] for each in report["findings"]]
            self.assertEqual([path for path in paths if path != "host"], ["port"])  # loopback is told in containers
            self.assertEqual(self.report("--offline")[1]["findings"], [])

    def test_services(self) -> None:
        """Services that the drivers use and that do not answer; those of other drivers are not asked."""
        closed = free_port()
        database = {"redis": {"host": "127.0.0.1", "port": closed}, "mysql": {"host": "127.0.0.1", "port": closed}}
        _, report = self.report(cache={"driver": "redis"}, database=database)
        messages = [each["message"] for each in report["findings"]]
        self.assertTrue(any(f"Redis for the cache at 127.0.0.1:{closed} does not answer" in each for each in messages))
        self.assertFalse(any("MySQL" in each for each in messages))

    def test_certificates(self) -> None:
        """A pair that does not belong together refuses, one that ends soon is told."""
        first, second = self_signed(self.folder, "first"), self_signed(self.folder, "second")
        status, report = self.report(ssl={"enabled": True, "cert_path": first.cert, "key_path": second.key})
        self.assertEqual((status, report["ok"]), (1, False))
        self.assertTrue(any("does not belong" in each["message"] for each in report["findings"]))
        status, report = self.report(ssl={"enabled": True, "cert_path": first.cert, "key_path": first.key})
        self.assertEqual(status, 0)
        self.assertTrue(any("expires" in each["message"] for each in report["findings"]))

    def test_file_limit(self) -> None:
        """The hard limit of open files against what the apps allow, in a process that has a low one."""
        name = self.config(app_manager={"array": {"apps": [{**APP, "max_connections": 5000}]}})
        command = f"ulimit -n 4000 && exec {SOCKUDO} check-config --offline -c {name}"
        status, output = self.run_to_end("/bin/sh", "-c", command)
        self.assertEqual(status, 0)
        self.assertIn("5000 connections", output)
        self.assertIn("4000 open files", output)

    def test_narrow_encodings(self) -> None:
        """Names that the terminal cannot show, or that are no text at all, are written out."""
        name = self.config(app_manager={"array": {"apps": [{**APP, "id": "äpp"}]}})
        os.link(self.folder / name, os.fsencode(self.folder) + b"/\xff.json")
        for encoding in ("ascii", "utf-8:strict"):
            for options in ([], ["--json"]):
                for file in (name, "\udcff.json"):
                    command = [SOCKUDO, "check-config", "--offline", "-c", file, *options]
                    status, output = self.run_to_end(*command, PYTHONIOENCODING=encoding)
                    self.assertEqual((status, "Traceback" in output), (0, False), output)
        status, output = self.run_to_end(SOCKUDO, "--check", "-c", name, PYTHONIOENCODING="ascii")
        self.assertEqual((status, "Traceback" in output), (0, False), output)

    def test_nowhere(self) -> None:
        """In a folder that has been deleted only files with absolute names are found; nothing breaks."""
        name = self.folder / self.config(app_manager=APPS)
        gone = self.folder / "gone"
        for command in (f"{SOCKUDO} check-config --offline", f"{SOCKUDO} --check", f"{TWISTD} sockudo --check"):
            for options, expected in ((f"-c {name}", 0), ("", 0), ("-c '' --strict", 1)):
                gone.mkdir()
                shell = f"cd {gone} && rmdir {gone} && exec {command} {options}"
                status, output = self.run_to_end("/bin/sh", "-c", shell)
                self.assertEqual((status, "Traceback" in output), (expected, False), output)

    def test_nowhere_to_print(self) -> None:
        """Standard output that is closed, or on a full disk, is no accident: one line at most."""
        for command in ("check-config --offline", "check-config --offline --json", "--check"):
            for where, expected in ((">&-", 0), (">/dev/full", 1)):
                (self.folder / "output.txt").unlink(missing_ok=True)
                status, output = self.run_to_end("/bin/sh", "-c", f"exec {SOCKUDO} {command} {where}")
                self.assertEqual((status, "Traceback" in output), (expected, False), output)
                self.assertEqual("cannot write to standard output" in output, bool(expected))

    def test_no_colours_in_a_file(self) -> None:
        """What goes into a file has no colours."""
        self.assertNotIn("\x1b", self.run_to_end(SOCKUDO, "check-config", "--offline")[1])
