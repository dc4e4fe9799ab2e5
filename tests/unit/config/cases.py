"""What tests of the configuration share: files in a dictionary, and findings by severity."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.findings import ConfigError, Finding
from sockudo_tx.config.load import Loaded, load, survey

DEFAULT = "config/config.json"
APP = {"id": "a", "key": "k", "secret": "very-secret"}


def reader(files: Mapping[str, Any]) -> Callable[[str], bytes]:
    """Reads from these files below `/here`, and finds no others."""

    def read(name: str) -> bytes:
        for known, content in files.items():
            if name == f"/here/{known}":
                if isinstance(content, Exception):
                    raise content
                return content if isinstance(content, bytes) else json.dumps(content).encode()
        raise FileNotFoundError(name)

    return read


class ConfigCase(SynchronousTestCase):
    """A test that loads configurations from a folder that exists only here."""

    def load(
        self,
        files: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        path: str | None = None,
        strict: bool = False,
    ) -> Loaded:
        """Loads in `/here`; file contents are bytes, exceptions to raise, or JSON values."""
        return load(path, environ or {}, "/here", strict, read=reader(files or {}))

    def survey(self, files: Mapping[str, Any], environ: Mapping[str, str], strict: bool = False) -> list[Finding]:
        """All that is found in files that may be refused."""
        return survey(None, environ, "/here", strict, read=reader(files)).findings

    def default(self, content: Any, **environ: str) -> Loaded:
        """Loads `content` as the default file, beneath these variables."""
        return self.load({DEFAULT: content}, environ)

    def variables(self, **environ: str) -> Loaded:
        """Loads these variables over a default file that holds one app."""
        return self.default({"apps": [APP]}, **environ)

    def refused(self, *args: Any, **kwargs: Any) -> list[Finding]:
        """The findings that stop the start, of the same arguments as `load`."""
        error = self.assertRaises(ConfigError, self.load, *args, **kwargs)
        return [finding for finding in error.findings if finding.refuses]

    def refused_file(self, content: Any) -> list[str]:
        """Paths of what stops the start with `content` as the default file."""
        return [finding.path for finding in self.refused({DEFAULT: content})]


def texts(loaded: Loaded, severity: str) -> list[str]:
    """What was found of this severity, as people read it."""
    return [str(finding) for finding in loaded.findings if finding.severity == severity]


def as_bytes(content: Any) -> bytes:
    """The bytes of a file with this JSON value."""
    return json.dumps(content).encode()


def strangers(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Members of `value` that the schema does not name, where it names all."""
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    return [
        stranger
        for name, member in value.items()
        for stranger in (strangers(member, known[name], f"{path}.{name}") if name in known else [f"{path}.{name}"])
    ]
