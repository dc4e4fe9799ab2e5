"""Starting: the ways to start it, the variables it honours, and what it says when it does not start."""

from __future__ import annotations

import json
import signal
import socket
from typing import Any

from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, free_port, get


class StartTests(LaunchCase):
    """Every way to start ends in the same server."""

    def test_twistd_in_the_foreground(self) -> None:
        """`twistd -n sockudo` serves the demo app, without a configuration file."""
        self.launch(TWISTD, "-n", "--pidfile=", "sockudo").up(self.port)
        self.socket()

    def test_twistd_with_another_reactor(self) -> None:
        """`twistd --reactor=epoll` runs the server on that reactor."""
        process = self.launch(TWISTD, "-n", "--pidfile=", "--reactor=epoll", "sockudo")
        process.up(self.port)
        self.socket()
        self.assertIn("EPollReactor", process.output)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)

    def test_event_loop_is_uvloop(self) -> None:
        """Without `--reactor` the server runs on uvloop where it is installed."""
        process = self.launch(SOCKUDO)
        process.up(self.port)
        self.assertIn("uvloop", process.output)

    def test_event_loop_without_uvloop(self) -> None:
        """Where uvloop cannot be imported the server runs on asyncio's own loop."""
        (self.folder / "uvloop.py").write_text("raise ImportError('not here')")
        process = self.launch(SOCKUDO, PYTHONPATH=str(self.folder))
        process.up(self.port)
        self.socket()
        self.assertIn("_UnixSelectorEventLoop", process.output)

    def test_console_script(self) -> None:
        """`sockudo run` serves."""
        self.launch(SOCKUDO, "run").up(self.port)
        self.socket()

    def test_console_script_with_a_file_only(self) -> None:
        """`sockudo -c FILE` alone is `sockudo run -c FILE`."""
        name = self.config(app_manager={"array": {"apps": [{"id": "1", "key": "one", "secret": "s"}]}})
        self.launch(SOCKUDO, "-c", name).up(self.port)
        self.assertEqual(get(self.port, "/up/1"), 200)
        self.assertEqual(get(self.port, "/up/app-id"), 404)

    def test_default_file(self) -> None:
        """`config/config.json` of the working directory is read when no file is named."""
        (self.folder / "config").mkdir()
        apps = [{"id": "7", "key": "seven", "secret": "s"}]
        (self.folder / "config" / "config.json").write_text(json.dumps({"app_manager": {"array": {"apps": apps}}}))
        self.launch(SOCKUDO).up(self.port)
        self.assertEqual(get(self.port, "/up/7"), 200)

    def test_host_and_port_of_the_environment(self) -> None:
        """HOST and PORT beat the file; `::` answers IPv4 and IPv6 clients on one port."""
        if not socket.has_dualstack_ipv6():
            self.skipTest("this machine has no IPv6")
        apps = [{"id": "1", "key": "one", "secret": "s"}]
        name = self.config(host="127.0.0.1", port=free_port(), app_manager={"array": {"apps": apps}})
        self.launch(SOCKUDO, "-c", name, HOST="[::]").up(self.port, host="::1")
        self.assertEqual(get(self.port, host="127.0.0.1"), 200)

    def test_many_open_files(self) -> None:
        """The soft limit of open files is raised to the hard one: each client is an open file."""
        command = f"ulimit -S -n 256 && exec {SOCKUDO} run"
        process = self.launch("/bin/sh", "-c", command)
        process.up(self.port)
        sockets = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(300)]
        self.addCleanup(lambda: [each.close() for each in sockets])
        self.assertEqual(get(self.port), 200)

    def test_version_and_help(self) -> None:
        """`-V`, `version` and `--help` answer without starting anything."""
        for arguments in (["-V"], ["version"], ["--version"]):
            status, output = self.run_to_end(SOCKUDO, *arguments)
            self.assertEqual(status, 0)
            self.assertIn("sockudo_tx 0.", output)
        for arguments in (["--help"], ["run", "--help"], ["check-config", "-h"], ["bench", "-h"], ["version", "-h"]):
            status, output = self.run_to_end(SOCKUDO, *arguments)
            self.assertEqual((status, "usage: sockudo" in output), (0, True))
        status, output = self.run_to_end(TWISTD, "sockudo", "--help")
        self.assertEqual((status, "--strict" in output), (0, True))

    def test_C96_unknown_option(self) -> None:
        """An unknown option ends `sockudo` with status 2."""
        status, output = self.run_to_end(SOCKUDO, "--bogus")
        self.assertEqual((status, "usage:" in output), (2, True))


class RefusalTests(LaunchCase):
    """What is wrong ends the process with status 1 and names the setting and the cure, without a traceback."""

    def refused(self, *command: str, **variables: str) -> str:
        status, output = self.run_to_end(*command, **variables)
        self.assertEqual(status, 1, output)
        self.assertNotIn("Traceback", output)
        return output

    def both(self, *arguments: str, **variables: str) -> list[str]:
        """The same refusal from the console script, from twistd, and from twistd about to daemonise."""
        return [
            self.refused(SOCKUDO, *arguments, **variables),
            self.refused(TWISTD, "-n", "--pidfile=", "sockudo", *arguments, **variables),
            self.refused(TWISTD, "--pidfile=daemon.pid", "sockudo", *arguments, **variables),
        ]

    def test_port_in_use(self) -> None:
        """A second server on the same port ends at once and says which port, and how to choose another."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            for output in self.both(PORT=str(port)):
                self.assertIn(f"cannot listen on 127.0.0.1:{port}", output)
                self.assertIn(f"PORT={port + 1}", output)
        self.assertFalse((self.folder / "daemon.pid").exists())

    def test_host_that_does_not_resolve(self) -> None:
        """An unresolvable host never falls back to loopback."""
        for output in self.both(HOST="no-such-host.invalid"):
            self.assertIn("no-such-host.invalid", output)
            self.assertIn("HOST", output)

    def test_address_of_another_machine(self) -> None:
        """An address no interface has is refused with the way out."""
        self.assertIn("0.0.0.0", self.refused(SOCKUDO, HOST="192.0.2.1"))

    def test_every_finding_at_once(self) -> None:
        """A broken configuration is refused with everything that is wrong with it, not only the first."""
        name = self.config(port="six", activity_timeout=0, adapter={"driver": "pigeon"})
        for output in self.both("-c", name):
            for key in ("port", "activity_timeout", "adapter.driver"):
                self.assertIn(key, output)

    def test_P15_activity_timeout_of_zero(self) -> None:
        """`activity_timeout: 0` does not start (P-15)."""
        for output in self.both("-c", self.config(activity_timeout=0)):
            self.assertIn("activity_timeout", output)

    def test_strict(self) -> None:
        """`--strict` refuses an unknown key that is a warning otherwise."""
        name = self.config(actvity_timeout=30)
        for output in self.both("-c", name, "--strict"):
            self.assertIn("actvity_timeout", output)

    def test_deleted_folder(self) -> None:
        """A server started in a folder that is gone says so: there is nowhere to read from at a reload."""
        script = f"mkdir gone && cd gone && rmdir ../gone && exec {SOCKUDO} run"
        self.assertIn("the working directory was deleted", self.refused("/bin/sh", "-c", script))

    def test_daemon_that_logs_to_standard_output(self) -> None:
        """`twistd --logfile=-` without `--nodaemon` is refused: nobody would read it."""
        self.assertIn("--logfile", self.refused(TWISTD, "--pidfile=daemon.pid", "--logfile=-", "sockudo"))


class CheckTests(LaunchCase):
    """Checking the configuration without starting."""

    def checked(self, *command: str) -> Any:
        process = self.launch("/bin/sh", "-c", " ".join([*command, "2>errors.txt"]))
        self.assertEqual(process.status(), 0, process.output)
        self.assertNotIn("hunter2", process.output)
        return json.loads(process.output)

    def test_C96_effective_configuration(self) -> None:
        """`--check` prints the effective configuration as JSON, every secret masked, from both commands."""
        name = self.config(app_manager={"array": {"apps": [{"id": "1", "key": "one", "secret": "hunter2"}]}})
        for command in ([SOCKUDO, "--check", "-c", name], [TWISTD, "sockudo", "--check", "-c", name]):
            found = self.checked(*command)
            self.assertEqual((found["port"], found["app_manager"]["array"]["apps"][0]["id"]), (self.port, "1"))
            (self.folder / "output.txt").write_text("")

    def test_check_config_as_json(self) -> None:
        """`check-config --json` tells findings and configuration."""
        report = self.checked(SOCKUDO, "check-config", "--json", "-c", self.config(actvity_timeout=30))
        self.assertTrue(report["ok"])
        self.assertTrue([row for row in report["findings"] if "actvity_timeout" in row["text"]])

    def test_check_config_into_a_pager(self) -> None:
        """A reader that has seen enough gets no traceback, and the status says that a pipe broke."""
        status, output = self.run_to_end(
            "/bin/bash", "-c", f"{SOCKUDO} check-config --json | true; exit ${{PIPESTATUS[0]}}"
        )
        self.assertNotIn("Traceback", output)
        self.assertIn(status, (0, 128 + signal.SIGPIPE))

    def test_check_config_for_people(self) -> None:
        """`check-config` says in words what it found and ends with 0 or 1."""
        status, output = self.run_to_end(SOCKUDO, "check-config")
        self.assertEqual((status, "the configuration is valid" in output), (0, True))
        status, output = self.run_to_end(SOCKUDO, "check-config", "-c", self.config(port="six"))
        self.assertEqual((status, "port" in output), (1, True))
