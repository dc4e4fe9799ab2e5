"""The server's certificate as it changes: watched, loaded anew, and given to the connections that come.

    files -> Identity -> TlsFactory.context      open connections and handshakes under way keep what they began with

A pair that cannot be used changes nothing. Renewal often writes two files, one behind the other: what is wrong is told
only if it still is at the next look. Source: configuration.md 8.2, decisions.md 51.
"""

from __future__ import annotations

import os
from ssl import SSLContext

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from .certificate_facts import DAY, CertificateFacts
from .pending import Pending
from .tls import TlsFactory
from .tls_context import CertificateContents, CertificateError, CertificateFiles, Identity, load_identity

__all__ = ["Certificates"]

Stamp = tuple[tuple[int, ...], ...]


class Certificates(Service):
    """The certificate in use. Raises `CertificateError` when there is none to begin with: neither in the files nor
    `kept` by somebody who has used it already.

    `watch_interval` is the time between two looks at the files, 0 for none; `warning_days` before its end a
    certificate is warned of, once a day.
    """

    _log = Logger()

    def __init__(
        self,
        files: CertificateFiles,
        clock: IReactorTime,
        watch_interval: float = 10.0,
        warning_days: float = 30.0,
        kept: CertificateContents | None = None,
    ) -> None:
        self._clock = clock
        self._warning_days = warning_days
        self._interval = watch_interval
        self._factories: list[TlsFactory] = []
        self._complaint: str | None = None
        """What was wrong at the last look."""
        self._told: str | None = None
        """What was wrong and has been told."""
        self.reloads = 0
        """How often a certificate took the place of another."""
        self._files = files
        self._stamp = _stamp(files)
        self._identity = self._first(files, kept)
        self._looking = LoopingCall(self.look)
        self._reminding = LoopingCall(self._remind)
        self._looking.clock = self._reminding.clock = clock

    @property
    def context(self) -> SSLContext:
        """For connections that come from now on."""
        return self._identity.context

    def _first(self, files: CertificateFiles, kept: CertificateContents | None) -> Identity:
        try:
            return load_identity(files)
        except CertificateError as error:
            if kept is None:
                raise
            identity = load_identity(files, kept)
            self._complaint = self._told = error.sentence
            self._log.error("the certificate loaded before stays in use. {complaint}", complaint=error.sentence)
            return identity

    @property
    def contents(self) -> CertificateContents:
        """For another process that is to go on with it."""
        return self._identity.contents

    @property
    def facts(self) -> CertificateFacts:
        """Names and dates."""
        return self._identity.facts

    @property
    def expires_at(self) -> float:
        """Unix seconds, when the first certificate of the chain ends."""
        return self._identity.facts.not_after

    def over(self, factory: Factory, pending: Pending | None = None) -> TlsFactory:
        """This factory behind TLS, always with the certificate in use; `pending` as `TlsFactory` takes it."""
        secure = TlsFactory(factory, self.context, self._clock, pending=pending)
        self._factories.append(secure)
        return secure

    def startService(self) -> None:
        super().startService()
        self._start(self._reminding, DAY)  # what is to be said at the start is among the findings of the configuration
        if self._interval > 0:
            self._start(self._looking, self._interval)

    def _start(self, loop: LoopingCall, interval: float) -> None:
        ended = loop.start(interval, now=False)
        _ = ended.addErrback(lambda why: self._log.failure("certificates are no longer watched", why))

    def stopService(self) -> None:
        super().stopService()
        for loop in (self._looking, self._reminding):
            if loop.running:
                loop.stop()

    def reload(self, files: CertificateFiles | None = None) -> list[str]:
        """Read the files again, or others from now on; what has changed, in sentences.

        Raises `CertificateError`, and then all is as before.
        """
        files = files or self._files
        identity = self.load(files)
        return self.use(files, identity)

    def load(self, files: CertificateFiles) -> Identity:
        """What these files hold, to be `use`d. Raises `CertificateError`, also when clients would refuse its dates.

        What was valid never gives way to what is not: a machine that renews may have a wrong clock.
        """
        identity = load_identity(files)
        now = self._clock.seconds()
        if self.facts.valid(now) and not identity.facts.valid(now):
            cure = "Put a certificate there that is valid today"
            raise CertificateError("cert_path", f"{files.cert_path}: {identity.facts.trouble(now, 0)}", cure)
        return identity

    def use(self, files: CertificateFiles, identity: Identity) -> list[str]:
        """From now on this is the certificate; what has changed, in sentences."""
        self._files = files
        self._complaint = self._told = None
        if identity.digest == self._identity.digest:  # with the context, clients' tickets would end
            return []
        self._identity = identity
        self.reloads += 1
        for factory in self._factories:
            factory.context = identity.context
        for warning in identity.warnings:
            self._log.warn("{warning}", warning=warning)
        self._remind()
        return [f"new connections get the certificate of {files.cert_path}: {identity.facts}"]

    def look(self) -> None:
        """Whether the files have changed, or were wrong the last time; if so, take what they hold now."""
        stamp = _stamp(self._files)
        if stamp == self._stamp and self._complaint is None:
            return
        self._stamp, told = stamp, self._told
        try:
            changes = self.reload()
        except CertificateError as error:
            complaint, before = error.sentence, self._complaint
            if complaint == before != self._told:
                self._told = complaint
                self._log.error("the certificate loaded before stays in use. {complaint}", complaint=complaint)
            self._complaint = complaint
            return
        if told is not None and not changes:
            changes = ["the certificate files are in order again, and as they were"]
        for change in changes:
            self._log.info("{change}", change=change)

    def _remind(self) -> None:
        trouble = self.facts.trouble(self._clock.seconds(), self._warning_days)
        if trouble is not None:
            path = self._files.cert_path
            self._log.warn("ssl.cert_path: {path}: {trouble}. Renew it", path=path, trouble=trouble)


def _stamp(files: CertificateFiles) -> Stamp:
    """Differs when a file was written, or another took its place, by whatever link."""
    return tuple(_state(path) for path in (files.cert_path, files.key_path, files.ca_path or "") if path)


def _state(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        return (getattr(error, "errno", None) or 0,)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
