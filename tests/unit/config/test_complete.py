"""What findings say beside their message, whoever made them."""

from __future__ import annotations

from sockudo_tx.config.complete import completed
from sockudo_tx.config.findings import Finding
from sockudo_tx.config.schema import Config

from .cases import APP, DEFAULT, ConfigCase


class CompleteTests(ConfigCase):
    """`completed`"""

    def one(self, path: str, source: str = "f.json", raw: object = None, **environ: str) -> Finding:
        """A bare finding, completed."""
        bare = Finding(severity="warning", path=path, message="is odd", source=source)
        content = raw if isinstance(raw, dict) else {}
        (found,) = completed([bare], content, environ, Config(), {"port": "other.json"})
        return found

    def test_values(self) -> None:
        """The value is the variable's, the file's, or what is in effect."""
        self.assertEqual(self.one("port", raw={"port": "x"}).value, '"x"')
        self.assertEqual(self.one("port", "environment PORT", {"port": "x"}, PORT="7").value, '"7"')
        self.assertEqual(self.one("port").value, "6001")
        self.assertEqual(self.one("apps[1].id", raw={"apps": [{}, {"id": 7}]}).value, "7")
        self.assertEqual(self.one("apps[1].id", raw={"apps": [{}]}).value, "nothing")

    def test_cures(self) -> None:
        """The cure names the variable, or the built-in value."""
        self.assertIn("built-in value is 6001", self.one("port").cure)
        self.assertIn("Correct PORT or unset it", self.one("port", "environment PORT", PORT="7").cure)

    def test_sources(self) -> None:
        """A key that was written somewhere has that as its source."""
        self.assertEqual(self.one("port", "").source, "other.json")
        self.assertEqual(self.one("host", "").source, "")

    def test_secrets(self) -> None:
        """Secrets are masked in files and in variables, under names that are known or look like one."""
        raw = {"ssl": {"passphrase": "hunter2"}, "apps": [{"secret": "hunter2"}]}
        for path in ("ssl.passphrase", "apps[0].secret"):
            self.assertEqual(self.one(path, raw=raw).value, "********")
        for path, name in (("database.mysql.password", "X"), ("", "SOCKUDO_DEFAULT_APP_SECRET")):
            self.assertEqual(self.one(path, f"environment {name}", **{name: "hunter2"}).value, "********")

    def test_unknown_names(self) -> None:
        """A text under a name nobody knows is not quoted: it may be a secret with a slip in its name."""
        findings = self.survey({DEFAULT: {"apps": [APP], "pasphrse": "hunter2"}}, {})
        self.assertEqual([finding.value for finding in findings], ["a text"])

    def test_faulty_keys(self) -> None:
        """Nothing is concluded from the built-in value that stands in for a wrong one."""
        findings = self.survey({DEFAULT: {"apps": [APP], "port": "x", "metrics": {"port": 6001}}}, {})
        self.assertEqual([finding.path for finding in findings], ["port"])
