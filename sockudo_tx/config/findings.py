"""What loading the configuration has to tell: values, collected, and told all at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypedDict, Unpack

import msgspec

from .masks import printable

__all__ = ["BUILT_IN", "ConfigError", "Finding", "Report", "Severity", "Texts", "capitalised"]

BUILT_IN = "built-in"
"""The source of values that nobody has written."""

Severity = Literal["error", "warning", "info"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to know about the configuration. No text here ever holds a secret, nor more than one line."""

    severity: Severity
    path: str
    """Dotted path of the key, or empty when it is about the whole."""
    message: str
    """What is wrong, as the rest of a sentence that begins with the key."""
    value: str = ""
    """What was found there, as JSON writes it; a secret's mask."""
    rule: str = ""
    """What must hold; empty when the message says so."""
    cause: str = ""
    """How it comes about, or what comes of it."""
    cure: str = ""
    """What to do about it."""
    source: str = ""
    """The file or the variable it came from."""
    refuses: bool = False
    """The server does not start with this."""

    def __post_init__(self) -> None:
        for name in Texts.__annotations__.keys() | {"path", "message"}:
            text = getattr(self, name)
            if not text.isprintable():
                msgspec.structs.force_setattr(self, name, printable(text))

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        what = f"{self.path}: {self.message}" if self.path else self.message
        found = f"found {self.value}" if self.value else ""
        more = (capitalised(text) for text in (found, self.cause, self.cure) if text)
        return where + ". ".join(text.rstrip(".") for text in (what, *more)) + "."


def capitalised(text: str) -> str:
    """The text as a sentence begins; the name of a key stays as it is."""
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    return text if any(mark in word[:-1] for mark in "._/:=`'\"") else text[:1].upper() + text[1:]


class Texts(TypedDict, total=False):
    """What a finding may say beside its message; the meanings are those of `Finding`."""

    value: str
    rule: str
    cause: str
    cure: str
    source: str


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
        self._understood: set[str] = set()
        self._conflicts: set[str] = set()

    @property
    def refused(self) -> bool:
        """Whether anything so far stops the start."""
        return any(finding.refuses for finding in self.findings)

    def faulty(self, path: str) -> bool:
        """Whether the key's value is not what somebody wrote, because that could not be taken."""
        wrong = any(finding.path == path and finding.severity == "error" for finding in self.findings)
        return wrong and path not in self._understood

    def told(self, path: str) -> bool:
        """Whether there is a finding about the key."""
        return any(finding.path == path for finding in self.findings)

    def refuse(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """The server cannot start like this."""
        self._add("error", path, message, True, texts)

    @property
    def understood(self) -> bool:
        """Whether no value of all that refuses was rejected: it makes sense, and cannot run like this."""
        as_written = self._understood | self._conflicts
        return all(finding.path in as_written for finding in self.findings if finding.refuses)

    def conflict(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """The server cannot start with this beside what other keys say."""
        self._conflicts.add(path)
        self._add("error", path, message, True, texts)

    def unavailable(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """The value makes sense, and this version cannot start like this."""
        self._understood.add(path)
        self._add("error", path, message, True, texts)

    def error(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """Something configured is missing now; the rest runs, unless strict."""
        self._add("error", path, message, self.strict, texts)

    def ignored(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """Something written has no effect: a warning, or an error under strict."""
        self._add("error" if self.strict else "warning", path, message, self.strict, texts)

    def warn(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """Works as written, but is probably not what is wanted."""
        self._add("warning", path, message, False, texts)

    def info(self, path: str, message: str, **texts: Unpack[Texts]) -> None:
        """Good to know."""
        self._add("info", path, message, False, texts)

    def _add(self, severity: Severity, path: str, message: str, refuses: bool, texts: Texts) -> None:
        self.findings.append(Finding(severity=severity, path=path, message=message, refuses=refuses, **texts))
