"""What loading the configuration has to tell: values, collected, and told all at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

__all__ = ["ConfigError", "Finding", "Report"]

Severity = Literal["error", "warning", "info"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to know about the configuration. No text here ever holds a secret."""

    severity: Severity
    path: str
    """Dotted path of the key, or empty when it is about the whole."""
    message: str
    cause: str = ""
    """What was found."""
    cure: str = ""
    """What to do about it."""
    source: str = ""
    """The file or the variable it came from."""
    refuses: bool = False
    """The server does not start with this."""

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        what = f"{self.path}: {self.message}" if self.path else self.message
        more = (text[0].upper() + text[1:] for text in (self.cause, self.cure) if text)
        return where + ". ".join(text.rstrip(".") for text in (what, *more)) + "."


class ConfigError(Exception):
    """The server must not start. `findings` are all that was found, those that refuse included."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings if finding.refuses))


class Report:
    """Collects findings, and knows what `--strict` makes of them."""

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.findings: list[Finding] = []

    @property
    def refused(self) -> bool:
        """Whether anything so far stops the start."""
        return any(finding.refuses for finding in self.findings)

    def refuse(self, path: str, message: str, *, cause: str = "", cure: str = "", source: str = "") -> None:
        """The server cannot start like this."""
        self._add("error", path, message, cause, cure, source, True)

    def error(self, path: str, message: str, *, cause: str = "", cure: str = "", source: str = "") -> None:
        """Something configured is missing now; the rest runs, unless strict."""
        self._add("error", path, message, cause, cure, source, self.strict)

    def ignored(self, path: str, message: str, *, cause: str = "", cure: str = "", source: str = "") -> None:
        """Something written has no effect: a warning, or an error under strict."""
        self._add("error" if self.strict else "warning", path, message, cause, cure, source, self.strict)

    def warn(self, path: str, message: str, *, cause: str = "", cure: str = "", source: str = "") -> None:
        """Works as written, but is probably not what is wanted."""
        self._add("warning", path, message, cause, cure, source, False)

    def info(self, path: str, message: str, *, cause: str = "", cure: str = "", source: str = "") -> None:
        """Good to know."""
        self._add("info", path, message, cause, cure, source, False)

    def _add(
        self, severity: Severity, path: str, message: str, cause: str, cure: str, source: str, refuses: bool
    ) -> None:
        self.findings.append(
            Finding(
                severity=severity,
                path=path,
                message=message,
                cause=cause,
                cure=cure,
                source=source,
                refuses=refuses,
            )
        )
