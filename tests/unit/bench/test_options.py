"""The command line of `sockudo bench`."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys

from twisted.trial import unittest

from sockudo_tx.bench.scenarios import SCENARIOS, load_scenario
from sockudo_tx.cli import main


def run(*arguments: str) -> tuple[int, str]:
    """Exit status and all output."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            status = main(["bench", *arguments])
        except SystemExit as end:
            status = int(str(end.code))
    return status, output.getvalue()


class OptionsTests(unittest.TestCase):
    """What is refused, and how."""

    def refused(self, *arguments: str) -> str:
        status, output = run(*arguments)
        self.assertEqual((status, "Traceback" in output), (2, False), output)
        return output

    def test_list(self) -> None:
        """Without a scenario, and with --list, each scenario has a line; --json is for machines."""
        names = [row.name for row in SCENARIOS]
        for arguments in ((), ("--list",)):
            status, output = run(*arguments)
            self.assertEqual((status, [line.split()[0] for line in output.splitlines()[: len(names)]]), (0, names))
        status, output = run("--list", "--json")
        self.assertEqual([row["name"] for row in json.loads(output)], names)

    def test_help_of_each(self) -> None:
        """Each scenario has help with its own options."""
        for row in SCENARIOS:
            status, output = run(row.name, "--help")
            self.assertEqual((status, "--connections" in output), (0, True), row.name)
        self.assertIn("--burst", run("burst", "--help")[1])

    def test_help_is_light(self) -> None:
        """The list and the command line load neither Twisted nor a scenario."""
        code = (
            "import sys; from sockudo_tx.cli import main; main(['bench', '--list']); "
            "print([name for name in sys.modules if name.startswith(('twisted', 'sockudo_tx.bench.scenarios.', 'msgspec'))])"
        )
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        self.assertEqual(output.splitlines()[-1], "[]")

    def test_each_scenario_has_a_row_and_a_play(self) -> None:
        """Every row leads to a module with its two functions."""
        for row in SCENARIOS:
            load_scenario(row.name).add_options(argparse.ArgumentParser(), [])
            self.assertTrue(callable(load_scenario(row.name).play))

    def test_wrong_values(self) -> None:
        """A wrong value ends with 2 and names the option and the rule."""
        for option, value, rule in (
            ("--connections", "0", "1 or more"),
            ("--rate", "0", "above 0"),
            ("--size", "10", "or more"),
            ("--duration", "soon", "500ms"),
            ("--duration", "0", "above 0"),
            ("--port", "70000", "65535"),
            ("--in-flight", "5000", "1000"),
            ("--server-pid", "999999999", "no process"),
            ("--url", "ftp://x", "--url"),
            ("--url", "http://127.0.0.1:99999", "65535"),
            ("--path-prefix", "x", "/"),
            ("--require", "p99", "p99"),
            ("--report", "out.doc", ".html"),
            ("--processes", "0", "1 or more"),
        ):
            output = self.refused("fanout", option, value)
            self.assertIn(option, output)
            self.assertIn(rule, output)

    def test_unknown(self) -> None:
        """Unknown scenarios and options end with 2."""
        self.refused("fan-out")
        self.refused("fanout", "--burst", "3")

    def test_soak_has_the_options_of_its_scenario(self) -> None:
        """`soak --scenario burst` knows --burst; `soak` alone does not."""
        self.assertIn("--burst", run("soak", "--scenario", "burst", "--help")[1])
        self.refused("soak", "--burst", "3")

    def test_nobody_there(self) -> None:
        """Without a server the answer is 1 and says what to do."""
        status, output = run("fanout", "--url", "http://127.0.0.1:9")
        self.assertEqual((status, "Is the server running" in output), (1, True))
