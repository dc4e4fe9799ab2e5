"""Everything wrong with a configuration is told in one run, and nothing of it is applied."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.check import check_config, print_effective, read_configuration, workers_option
from sockudo_tx.config.findings import ConfigError
from tests.forty_mistakes import ENVIRONMENT, FILE, MISTAKES, SECRET
from tests.unit.config.cases import APP


class CheckCase(SynchronousTestCase):
    """Runs in a folder of its own, with an environment of its own."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        self.enterContext(chdir(folder))

    def run_check(self, content: str | dict[str, Any], environ: Mapping[str, str] | None = None, **options: Any) -> str:
        """What `check-config --offline` prints of a file; `self.status` is its exit status."""
        Path("f.json").write_text(content if isinstance(content, str) else json.dumps(content))
        out = io.StringIO()
        settings = {"strict": False, "as_json": False, "offline": True, **options}
        with mock.patch.dict(os.environ, environ or {}, clear=True), redirect_stdout(out):
            self.status = check_config("f.json", **settings)
        return out.getvalue()


class WorkersTests(CheckCase):
    """`instance.workers`"""

    def test_told(self) -> None:
        """How many processes there would be is the line before the verdict, and a member of the report."""
        for content, line, count in (
            ({}, "Here that is one process (instance.workers: 1)", 1),
            ({"instance": {"workers": 3}}, "Here that is 3 workers and their parent (instance.workers: 3)", 3),
        ):
            self.assertIn(line, self.run_check({"apps": [APP], **content}))
            self.assertEqual(json.loads(self.run_check({"apps": [APP], **content}, as_json=True))["workers"], count)
        self.assertIn(
            "auto, one worker for each CPU)", self.run_check({"apps": [APP], "instance": {"workers": "auto"}})
        )

    def test_option(self) -> None:
        """The command line beats the environment, which beats the file; where it comes from is told."""
        file = {"apps": [APP], "instance": {"workers": 4}}
        for environ, options, count, source in (
            ({}, {}, 4, "f.json"),
            ({"SOCKUDO_WORKERS": "3"}, {}, 3, "environment SOCKUDO_WORKERS"),
            ({"SOCKUDO_WORKERS": "3"}, {"workers": 2}, 2, "command line"),
        ):
            report = json.loads(self.run_check(file, environ, as_json=True, **options))
            self.assertEqual(report["config"]["instance"]["workers"], count)
            self.assertTrue(report["sources"]["instance.workers"].endswith(source))

    def test_words(self) -> None:
        """What `--workers` takes."""
        for text, value in (("1", 1), ("256", 256), ("auto", "auto"), ("Auto", "auto")):
            self.assertEqual(workers_option(text), value)
        for text in ("0", "257", "", "-1", "1.5", "four", "\u0664", "9" * 5000):
            with self.assertRaises(ValueError):
                workers_option(text)


class FortyMistakesTests(CheckCase):
    """A configuration with forty different mistakes"""

    def test_forty_findings(self) -> None:
        """Forty mistakes are forty findings in one run, each with key, value, rule, cure and source; strict or not."""
        for strict in (False, True):
            report = json.loads(self.run_check(FILE, ENVIRONMENT, as_json=True, strict=strict))
            self.assertEqual(self.status, 1)
            found = [(each["path"], each["value"]) for each in report["findings"]]
            for path, value in MISTAKES:
                self.assertTrue(any(at == path and said.startswith(value) for at, said in found), (path, value, found))
            self.assertEqual(len(found), 40)
            for finding in report["findings"]:
                for part in ("message", "value", "rule", "cure", "source", "text", "severity"):
                    self.assertTrue(finding[part], f"{part} of {finding}")
            self.assertNotIn(SECRET, json.dumps(report))

    def test_nothing_is_applied(self) -> None:
        """There is no configuration in a refused report, and none is returned to anybody."""
        report = json.loads(self.run_check(FILE, ENVIRONMENT, as_json=True))
        self.assertEqual((report["ok"], report["config"], report["sources"]), (False, None, None))
        self.assertEqual(sum(report["counts"].values()), 40)
        with mock.patch.dict(os.environ, ENVIRONMENT, clear=True):
            error = self.assertRaises(ConfigError, read_configuration, "f.json", False)
        self.assertEqual(len(error.findings), 40)

    def test_for_people(self) -> None:
        """The same for people: every key and value, and no secret; the last line is the verdict."""
        text = self.run_check(FILE, ENVIRONMENT)
        for path, value in MISTAKES:
            self.assertIn(path, text)
            self.assertIn(value, text)
        self.assertNotIn(SECRET, text)
        self.assertIn("the configuration is refused", text.splitlines()[-1])


class CheckTests(CheckCase):
    """`check-config`"""

    def test_json(self) -> None:
        """The shape that programs rely on."""
        report = json.loads(self.run_check({"apps": [APP], "host": "::1"}, {"PORT": "7001"}, as_json=True))
        self.assertEqual(self.status, 0)
        self.assertEqual(list(report), ["ok", "strict", "file", "counts", "findings", "config", "sources", "workers"])
        self.assertEqual((report["ok"], report["strict"], report["file"]), (True, False, "f.json"))
        self.assertEqual(list(report["counts"]), ["errors", "warnings", "infos"])
        self.assertEqual((report["config"]["port"], report["config"]["host"]), (7001, "::1"))
        self.assertEqual(report["config"]["app_manager"]["array"]["apps"][0]["secret"], "********")
        sources = report["sources"]
        self.assertEqual(
            (sources["port"], sources["host"], sources["activity_timeout"]),
            ("environment PORT", "f.json", "built-in"),
        )

    def test_settings(self) -> None:
        """For people only what differs from the built-in values, with where; `--all` prints everything."""
        content = {"apps": [APP], "host": "::1", "activity_timeout": 120}
        text = self.run_check(content, {"PORT": "7001"})
        for part in ('host = "::1"', "port = 7001", "environment PORT", "f.json", "the configuration is valid"):
            self.assertIn(part, text)
        self.assertNotIn("activity_timeout", text)
        self.assertIn("activity_timeout = 120", self.run_check(content, everything=True))

    def test_strict(self) -> None:
        """What is ignored refuses under strict, and the report says that it was strict."""
        self.run_check({"apps": [APP], "prot": 1})
        self.assertEqual(self.status, 0)
        report = json.loads(self.run_check({"apps": [APP], "prot": 1}, strict=True, as_json=True))
        self.assertEqual((self.status, report["strict"], report["ok"]), (1, True, False))
        report = json.loads(self.run_check({"apps": [APP]}, {"SOCKUDO_STRICT_CONFIG": "on"}, as_json=True))
        self.assertEqual((self.status, report["strict"]), (0, True))

    def test_refused_as_written(self) -> None:
        """What only cannot run, in this version or together, is told with the settings; the status is still 1."""
        for content, path in (
            ({"adapter": {"driver": "redis"}, "cache": {"driver": "redis", "redis": {}}}, "cache.redis.prefix"),
            ({"unix_socket": {"enabled": True, "path": "run/s"}}, "unix_socket.path"),
        ):
            report = json.loads(self.run_check({"apps": [APP], **content}, as_json=True))
            self.assertEqual((self.status, report["ok"], report["config"]["port"]), (1, False, 6001))
            self.assertIn(path, report["sources"])
            self.assertIn("the configuration is refused", self.run_check({"apps": [APP], **content}))
            out, err = io.StringIO(), io.StringIO()
            with mock.patch.dict(os.environ, {}, clear=True), redirect_stdout(out), redirect_stderr(err):
                self.assertEqual(print_effective("f.json", strict=False), 1)
            self.assertEqual(json.loads(out.getvalue())["port"], 6001)
            self.assertIn("the configuration is refused", err.getvalue())

    def test_unreadable(self) -> None:
        """Of a file that is not JSON that is told and nothing else."""
        report = json.loads(self.run_check('{"port" 1}', as_json=True))
        (finding,) = report["findings"]
        self.assertIn("line 1, column 9", finding["cause"])
        self.assertIn("trailing commas", finding["cure"])

    def test_C85_certificate(self) -> None:
        """A certificate that cannot be read is told beside everything else."""
        ssl = {"enabled": True, "cert_path": "/nowhere/a.crt", "key_path": "/nowhere/a.key"}
        text = self.run_check({"apps": [APP], "ssl": ssl, "port": "x"})
        for part in ("/nowhere/a.crt", "port"):
            self.assertIn(part, text)

    def test_C96_effective(self) -> None:
        """`--check` prints JSON on standard output and what was found on standard error."""
        Path("f.json").write_text(json.dumps({"apps": [APP], "prot": 1}))
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, {}, clear=True), redirect_stdout(out), redirect_stderr(err):
            self.assertEqual(print_effective("f.json", strict=False), 0)
        self.assertNotIn(APP["secret"], out.getvalue() + err.getvalue())
        self.assertEqual(json.loads(out.getvalue())["port"], 6001)
        self.assertIn("prot", err.getvalue())
