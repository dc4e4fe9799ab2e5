"""SIGHUP: read the configuration again and go on with what it says, as far as a running server can.

    read -> compare -> every part prepares -> every part changes, in one turn of the reactor

Whatever is wrong is found before the first part changes, and then nothing does: the configuration in use stays, and
the log says why. Source: decisions.md 51.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from .config.changes import Change, changes, followed
from .config.findings import ConfigError, Finding
from .config.load import Loaded
from .config.schema import Config

__all__ = ["Part", "Reload", "follows", "takes"]

S = TypeVar("S")
_MOST_TOLD = 100
"""Changes that have a line of their own; a file may have thousands of apps."""

_JUDGED_BY_PARTS = {"ssl.cert_path"}
"""Keys whose errors a part weighs against what is in use: a certificate that has ended since the start is no reason to
keep old apps too."""

Part = Callable[[Loaded], Callable[[], Iterable[str]]]
"""Prepares to go by a configuration. What it returns does so, cannot fail, and says in sentences what has changed
beside the configuration. Preparing may raise `ConfigError` and must change nothing."""


def follows(adjust: Callable[[S], None], settings: Callable[[Config], S]) -> Part:
    """A part that takes its own settings out of a configuration and replaces them."""
    return takes(adjust, lambda new: settings(new.config))


def takes(adjust: Callable[[S], None], what: Callable[[Loaded], S]) -> Part:
    """The same for one that needs more of what was loaded than the settings."""

    def prepare(new: Loaded) -> Callable[[], Iterable[str]]:
        wanted = what(new)

        def commit() -> Iterable[str]:
            adjust(wanted)
            return ()

        return commit

    return prepare


class Reload:
    """What a server runs with, and its parts, which `again` gives another configuration."""

    _log = Logger()

    def __init__(self, loaded: Loaded, clock: IReactorTime) -> None:
        self.loaded = loaded
        """The configuration in use."""
        self.parts: list[Part] = []
        self.last_at: float | None = None
        """When the last reload ended, in Unix seconds."""
        self.last_ok: bool | None = None
        """Whether it did what was asked."""
        self.done = self.refused = 0
        """How many did and did not."""
        self._clock = clock

    def again(self, read: Callable[[], Loaded]) -> bool:
        """Take what `read` gives, or leave everything as it is; whether it was taken."""
        return self.ended(self.take(read))

    def take(self, read: Callable[[], Loaded]) -> bool:
        """The same for one who has more to do before the reload has `ended`."""
        try:
            new = self._acceptable(read())
            config = followed(self.loaded.config, new.config)
            changed = changes(self.loaded.config, new.config)
            commits = [part(new._replace(config=config)) for part in self.parts]
        except ConfigError as error:
            return self._refuse(error.findings)
        said = [sentence for commit in commits for sentence in commit()]
        odd = [
            finding for finding in new.findings if finding.severity != "info" and finding not in self.loaded.findings
        ]
        self.loaded = new._replace(config=config)
        for change in changed[:_MOST_TOLD]:
            self._tell(change)
        if len(changed) > _MOST_TOLD:
            self._log.info("and {more} more changes", more=len(changed) - _MOST_TOLD)
        for finding in odd[:_MOST_TOLD]:
            self._log.warn("{finding}", finding=str(finding))
        for sentence in said:
            self._log.info("{sentence}", sentence=sentence)
        waiting = sum(change.restart for change in changed)
        self._log.info(
            "configuration reloaded: {changed} changed, {waiting} more at the next start",
            changed=len(changed) - waiting,
            waiting=waiting,
            config=new.file or "built-in",
            apps=len(new.apps),
        )
        return True

    def go_back(self, loaded: Loaded) -> None:
        """What had been taken cannot be gone on with: as far as the parts can, this is in use again."""
        self.loaded = loaded
        for part in self.parts:
            with contextlib.suppress(ConfigError):  # files that have changed meanwhile; what it has is good
                tuple(part(loaded)())

    def _acceptable(self, new: Loaded) -> Loaded:
        """At a start a broken app costs only itself. Here it would cost its clients, who are connected."""
        known = {finding.path for finding in self.loaded.findings if finding.severity == "error"} | _JUDGED_BY_PARTS
        errors = [
            finding
            for finding in new.findings
            if finding.severity == "error" and (finding.refuses or finding.path not in known)
        ]
        if self.loaded.file is not None and new.file != self.loaded.file:
            cure = "Put it back, or restart the server to run without it"
            errors.append(Finding(severity="error", path="", message=f"{self.loaded.file} is gone", cure=cure))
        if self.loaded.apps and not new.apps:
            message = "there is no app any more, and every client would be thrown out"
            cure = "Put them back, or restart the server to run without any"
            errors.append(Finding(severity="error", path="app_manager.array.apps", message=message, cure=cure))
        if errors:
            raise ConfigError(errors)
        return new

    def _tell(self, change: Change) -> None:
        if change.restart:
            text, level = "{key} takes effect at the next start: {before} -> {after}", LogLevel.warn
        else:
            text, level = "{key}: {before} -> {after}", LogLevel.info
        self._log.emit(level, text, key=change.path, before=change.before, after=change.after)

    def _refuse(self, findings: Iterable[Finding]) -> bool:
        errors = [finding for finding in findings if finding.severity == "error"]
        for finding in errors:
            self._log.error("{finding}", finding=str(finding))
        self._log.error("configuration not reloaded, the one in use stays: {errors} errors", errors=len(errors))
        return False

    def ended(self, succeeded: bool) -> bool:
        """Count it; whether it `succeeded`, again."""
        if succeeded:
            self.done += 1
        else:
            self.refused += 1
        self.last_at = self._clock.seconds()
        self.last_ok = succeeded
        return succeeded
