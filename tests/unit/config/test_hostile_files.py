"""Files that no editor wrote: pipes, devices, texts that would write on the terminal."""

from __future__ import annotations

import os
from pathlib import Path

from sockudo_tx.config.findings import Finding
from sockudo_tx.config.load import LARGEST, ConfigError, load, survey
from sockudo_tx.config.verdict import Style, findings_text

from .cases import APP, DEFAULT, ConfigCase, as_bytes


class NoRegularFileTests(ConfigCase):
    """What has the name of a configuration file"""

    def refusal(self, path: str) -> str:
        """The only finding there is when `path` is named."""
        error = self.assertRaises(ConfigError, load, path, {}, "/")
        (finding,) = error.findings
        return str(finding)

    def test_not_waited_for(self) -> None:
        """A pipe without a writer and an endless device are refused at once, by name and with the reason."""
        pipe = Path(self.mktemp()).absolute()
        os.mkfifo(pipe)
        for path in (str(pipe), "/dev/zero", "/dev/full"):
            self.assertIn(f"{path}: the file cannot be read", self.refusal(path))
            self.assertIn("It is not a regular file", self.refusal(path))

    def test_directory(self) -> None:
        """A folder is refused by name."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.assertIn("Is a directory", self.refusal(str(folder)))

    def test_too_large(self) -> None:
        """A file is read up to a limit, which the finding tells."""
        path = Path(self.mktemp()).absolute()
        with open(path, "wb") as file:
            file.truncate(LARGEST + 1)
        self.assertIn("larger than 64 MiB", self.refusal(str(path)))


class HostileContentTests(ConfigCase):
    """Names and texts inside"""

    def test_names_on_one_line(self) -> None:
        """Names of keys cannot write on the terminal of who reads the findings, nor flood it."""
        content = {"po\x1b[2Jrt": 1, "a\nb": 1, "x" * 5000: 1, "apps": [{**APP, "\x1b]0;": 1}]}
        (finding,) = self.survey({DEFAULT: content}, {})
        self.assertTrue(str(finding).isprintable(), finding)
        self.assertLess(len(str(finding)), 1000)
        self.assertIn("po\\x1b[2Jrt", str(finding))
        repeated = self.survey({DEFAULT: b'{"apps": [], "\\u001b[2J": 1, "\\u001b[2J": 2}'}, {})
        self.assertTrue(all(str(finding).isprintable() for finding in repeated))

    def test_no_text(self) -> None:
        """NUL and half characters, which no name, path or password can hold, reject the file."""
        for text in (b"\\u0000", b"\\ud800"):
            self.assertEqual(self.refused_file(b'{"host": "a%sb"}' % text), ["host"])

    def test_one_member_twice_among_many(self) -> None:
        """Finding a repeated member takes no longer in a large object."""
        many = b",".join(b'"%d": 1' % number for number in range(200_000))
        loaded = survey(None, {}, "/", read=lambda _: b'{"port": 1, "port": 2, "x": {"0": 1, %s}}' % many)
        self.assertEqual(loaded.config.port, 2)
        self.assertIn("x.0", [finding.path for finding in loaded.findings])

    def test_secret_instead_of_an_app(self) -> None:
        """A text where an app should be may be its secret, and is not shown."""
        for place in ({"apps": [APP, "hunter2"]}, {"app_manager": {"array": {"apps": [APP, "id:key:hunter2"]}}}):
            (finding,) = self.survey({DEFAULT: place}, {})
            self.assertNotIn("hunter2", str(finding))
            self.assertIn("a text", finding.value)

    def test_secret_instead_of_headers(self) -> None:
        """A text where headers should be may hold a token, and is not shown; a wrong member beside it is."""
        hook = {"url": "/x", "event_types": ["member_added"], "headers": "Bearer hunter2"}
        found = self.survey({DEFAULT: {"apps": [APP, {**APP, "id": "b", "key": "l", "webhooks": [hook]}]}}, {})
        self.assertEqual([each.path for each in found], ["apps[1].webhooks[0].url", "apps[1].webhooks[0].headers"])
        self.assertEqual([each.value for each in found], ['"/x"', "********"])

    def test_order_of_bytes(self) -> None:
        """Other encodings than UTF-8 are refused, whatever they hold."""
        for encoding in ("utf-16", "utf-16-le", "utf-32"):
            text = as_bytes({"host": "a"}).decode().encode(encoding)
            self.assertEqual(self.refused_file(text), [""])

    def test_unsigned_words(self) -> None:
        """The largest numbers that the reference takes are taken, where the key has no smaller range."""
        for most in (2**63 - 1, 2**63, 2**64 - 1):
            content = {"websocket": {"max_frame_size": most}, "apps": [APP]}
            self.assertEqual(self.default(content).config.websocket.max_frame_size, 2**63 - 1)
            config = self.variables(WEBSOCKET_MAX_FRAME_SIZE=str(most)).config
            self.assertEqual(config.websocket.max_frame_size, 2**63 - 1)
            self.assertEqual(self.refused_file({"port": most}), ["port"])
        self.assertEqual(self.refused_file({"activity_timeout": 2**64}), ["activity_timeout"])


class FindingTests(ConfigCase):
    """`Finding`"""

    def test_one_line(self) -> None:
        """Whatever a finding quotes, it prints on one line and does nothing to a terminal."""
        evil = "\x1b[2J\nx\u202e"
        finding = Finding(
            severity="error", path=evil, message=evil, value=evil, rule=evil, cause=evil, cure=evil, source=evil
        )
        self.assertTrue(str(finding).isprintable())
        self.assertTrue(finding.value.isprintable())
        self.assertTrue(findings_text([finding], Style()).replace("\n", "").isprintable())
