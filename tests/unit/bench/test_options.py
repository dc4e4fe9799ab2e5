"""The command line of `sockudo bench`."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence

from twisted.trial import unittest

from sockudo_tx.bench.options import LOAD, LateParser
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
        """Every row leads to a module; the options it takes exist."""
        for row in SCENARIOS:
            scenario = load_scenario(row.name)
            self.assertLessEqual(set(scenario.TAKES), LOAD, row.name)
            self.assertTrue(callable(scenario.play))

    def test_wrong_values(self) -> None:
        """A wrong value ends with 2 and names the option and the rule."""
        for option, value, rule in (
            ("--connections", "0", "1 or more"),
            ("--rate", "0", "above 0"),
            ("--size", "10", "from 53"),
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
            ("--processes", "0", "from 1 to 64"),
            ("--publishers", "100000", "from 1 to 64"),
            ("--channels", "200000", "99999"),
            ("--connections", "many", "number"),
            ("--port", "http", "65535"),
            ("--seed", "x", "number"),
            ("--rate", "fast", "above 0"),
            ("--rate", "nan", "above 0"),
            ("--duration", "9999999d", "a year"),
            ("--url", "http://[::1", "--url"),
            ("--path-prefix", "/a b", "letters"),
            ("--app-id", "a/b", "letters"),
            ("--app-key", "a b", "letters"),
        ):
            output = self.refused("fanout", option, value)
            self.assertEqual(output.count("\n"), 1, output)
            self.assertIn(option, output)
            self.assertIn(rule, output)
        self.assertIn("--ca /nowhere", self.refused("fanout", "--tls", "--ca", "/nowhere"))
        self.assertIn("above 0", self.refused("churn", "--churn", "max"))
        self.assertIn("no stream 'tick'", self.refused("delta", "--streams", "ticker,tick"))
        self.assertIn("growing", self.refused("idle", "--counts", "a,b"))

    def test_unknown_figures(self) -> None:
        """A limit on what a scenario does not tell is refused before the run, with the nearest names."""
        self.assertIn("did you mean lost", self.refused("fanout", "--port", "9", "--require", "los=0"))
        self.assertIn("did you mean publish", self.refused("burst", "--port", "9", "--require", "pubish.p99=5ms"))
        self.assertIn("known are", self.refused("idle", "--port", "9", "--require", "p99=5ms"))
        self.assertIn("empty", self.refused("fanout", "--port", "9", "--require", ""))

    def test_no_option_is_ignored(self) -> None:
        """An option that a scenario does not heed is not among its options."""
        for scenario, option in (
            ("burst", "--rate"),
            ("presence", "--channels"),
            ("connect", "--size"),
            ("idle", "--batch"),
        ):
            self.assertIn(option, self.refused(scenario, option, "7"))
        self.assertIn("did you mean --connections", self.refused("fanout", "--conections", "7"))

    def test_unknown(self) -> None:
        """Unknown scenarios and options end with 2."""
        self.refused("fan-out")
        self.refused("fanout", "--burst", "3")

    def test_soak_has_the_options_of_its_scenario(self) -> None:
        """`soak --scenario burst` knows --burst; `soak` alone does not."""
        self.assertIn("--burst", run("soak", "--scenario", "burst", "--help")[1])
        self.refused("soak", "--burst", "3")

    def test_ctrl_c_while_loading(self) -> None:
        """Ctrl-C before a run has begun ends with 130 and a sentence."""

        def fill(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
            raise KeyboardInterrupt

        parser = LateParser(prog="sockudo bench")
        parser.fill = fill
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as ended:
            parser.parse_args([])
        self.assertEqual((ended.exception.code, said.getvalue()), (130, "sockudo bench: ended by Ctrl-C\n"))

    def test_nobody_there(self) -> None:
        """Without a server the answer is 1 and says what to do."""
        status, output = run("fanout", "--url", "http://127.0.0.1:9")
        self.assertEqual((status, "Is the server running" in output), (1, True))
