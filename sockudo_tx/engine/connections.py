"""How a connection begins, stays alive and ends (protocol.md 1.5, 3-5, 19)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import BackendError, IApps, IAuthority, ISink
from ..protocol import errors, messages
from ..protocol.app import App
from ..protocol.errors import PeerError
from ..protocol.liveness import Liveness, Pulse, Step
from ..protocol.names import new_socket_id
from ..protocol.origins import origin_allowed
from ..protocol.session import Session
from .answers import ask
from .broadcast import send
from .deadlines import Deadlines
from .departures import LOST, Departed, Ending, departure, ended_by
from .inbox import Inbox
from .leaving import Leaver, Leaving
from .node import Node
from .registry import Registry
from .repeats import Repeats
from .settings import EngineSettings
from .tables import Socket

__all__ = ["Connections"]

Left = Callable[[Sequence[Leaver]], None]

_ADMISSION_PATIENCE = 10.0
"""Seconds the answers that admit a connection may take; then the client is asked to come back later."""
_CLOSE_STEP = 0.1
"""Seconds between two batches of a drain."""

_ENDINGS = {
    Step.GIVE_UP: errors.pong_missing,
    Step.UNAUTHORIZED: errors.not_authorized_in_time,
    Step.IDLE: errors.idle_too_long,
}


class Connections:
    """Admits connections and is the only way one leaves, whatever the reason.

    `left` takes sockets that have ended out of channels and users; `resume` is told when a socket that had to
    wait for an answer may go on with its inbox; `departed`, if there is one, of each connection that ends.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        registry: Registry,
        apps: IApps,
        authority: IAuthority,
        settings: EngineSettings,
        node: Node,
        left: Left,
        resume: Callable[[Socket], None],
        repeats: Repeats,
        departed: Departed | None = None,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._apps = apps
        self._authority = authority
        self._node = node
        self.leaving = Leaving(clock, left, self._all_gone)
        self._resume = resume
        self._repeats = repeats
        self._departed = departed
        self.adjust(settings)
        self.deadlines = Deadlines(clock, self._due)
        self.open: set[Socket] = set()
        """Every connection whose transport has not gone yet, refused ones included."""
        self._waiting: dict[Socket, int] = {}
        self._drains: list[Deferred[None]] = []
        self.draining = False

    def adjust(self, settings: EngineSettings) -> None:
        """These settings from now on. A connection that is there was told another `activity_timeout` and lives on:
        one that is pinged earlier than it expects answers all the same."""
        self._settings = settings
        self.leaving.batch = settings.cleanup_batch
        self._liveness = Liveness.of(
            settings.activity_timeout,
            settings.pong_timeout,
            settings.auto_ping,
            settings.ping_interval,
            settings.idle_timeout,
        )

    def connect(self, sink: ISink, key: str, origin: str | None, address: str = "", client: str = "") -> Socket:
        """A new connection: established or refused through its sink, at once or when the answers are in."""
        socket = Socket(sink, Pulse(self._clock.seconds(), None), address, client)
        self.open.add(socket)
        if self.draining:
            self.close(socket, errors.shutting_down())
            return socket

        def found(app: App | None) -> None:
            if not socket.ended:
                self._admit(socket, app, origin)

        self.hold(socket, ask(lambda: self._apps.by_key(key), found, lambda error: self._no_app(socket, error)))
        if socket.inbox is not None:
            self.deadlines.set(socket, self._clock.seconds() + _ADMISSION_PATIENCE)
        return socket

    def hold(self, socket: Socket, wait: Deferred[None] | None) -> None:
        """Queue the socket's messages until `wait` is over; None means that nothing waits."""
        if wait is None:
            return
        if socket.inbox is None:
            socket.inbox = Inbox()
        self._waiting[socket] = self._waiting.get(socket, 0) + 1
        wait = wait.addErrback(self._misused, socket).addCallback(self._released, socket)
        wait.addErrback(self._misused, socket)  # type: ignore[unused-awaitable]  # the chain ends here, logged

    def wait_again(self, socket: Socket, inbox: Inbox) -> bool:
        """Put the rest of an inbox behind the answer the socket waits for by now; False when it waits for none."""
        if socket.inbox is None:
            return False
        socket.inbox = inbox
        return True

    def _released(self, _: None, socket: Socket) -> None:
        left = self._waiting.pop(socket, 1) - 1
        if left:
            self._waiting[socket] = left
        else:
            self._resume(socket)

    def _misused(self, failure: Failure, socket: Socket) -> None:
        """The boundary for what goes wrong after a wait: our bug is logged, and told without detail."""
        self._log.failure("an answer could not be used", failure)
        if socket.session is not None:
            fault = errors.internal()
            self._registry.tally.refused(socket.app_id, fault)
            send(socket, messages.error(fault))
        elif not socket.id and socket in self.open:
            self.close(socket, errors.app_lookup_failed())

    def close(self, socket: Socket, fault: PeerError, app_id: str = "") -> None:
        """Tell the peer why, close with the same code, and clean up now: the peer may never answer.

        A connection that is closing already, or gone, keeps its first reason. `app_id` is known of those that are
        refused before they belong to the app.
        """
        if socket.ended:
            return
        self._registry.tally.refused(socket.app_id or app_id, fault)
        self._tell(socket, fault)
        self.leave(socket, ended_by(fault))

    def gone(self, socket: Socket, ending: Ending = LOST) -> None:
        """The transport is gone; harmless when repeated."""
        self.leave(socket, ending)
        self.open.discard(socket)
        if not self.open:
            self._all_gone()

    def drain(self, over: float) -> Deferred[None]:
        """Close everybody with 4200, spread over so many seconds; fires when every transport is gone."""
        begun, self.draining = self.draining, True
        done: Deferred[None] = Deferred()
        self._drains.append(done)
        self._all_gone()
        if self._drains and not begun:
            self.dismiss(self.open, over, lambda _: errors.shutting_down())
        return done

    def _all_gone(self) -> None:
        """Perhaps: then what was drained is empty."""
        if not self.open and not self.leaving:
            drains, self._drains = self._drains, []
            for done in drains:
                done.callback(None)

    def dismiss(self, sockets: Iterable[Socket], over: float, reason: Callable[[Socket], PeerError | None]) -> None:
        """Close these within about `over` seconds, in random order, so that they do not come back all at once.

        Each is asked for its `reason` when its time has come; without one it stays.
        """
        leaving = list(sockets)
        random.shuffle(leaving)
        steps = max(1, int(over / _CLOSE_STEP))
        self._close_some(leaving, max(100, -(-len(leaving) // steps)), reason)

    def _close_some(self, sockets: list[Socket], batch: int, reason: Callable[[Socket], PeerError | None]) -> None:
        closing = [(socket, fault) for socket in sockets[-batch:] if (fault := reason(socket)) is not None]
        for socket, fault in closing:
            if not socket.ended:
                self._tell(socket, fault)
        for socket, fault in closing:  # none of them hears of the others' leaving any more
            self.leave(socket, ended_by(fault))
        del sockets[-batch:]
        if sockets and self.open:
            self._clock.callLater(_CLOSE_STEP, self._close_some, sockets, batch, reason)

    @staticmethod
    def _tell(socket: Socket, fault: PeerError) -> None:
        send(socket, messages.error(fault))
        socket.sink.close(fault.code, fault.text)

    def _no_app(self, socket: Socket, error: BackendError) -> None:
        if self._repeats.due("app lookup"):
            self._log.error("app lookup failed: {error}", error=str(error))
        self.close(socket, errors.app_lookup_failed())

    def _admit(self, socket: Socket, app: App | None, origin: str | None) -> None:
        """Checks 1-4 of protocol.md 1.5; the quota is counted in the step that admits."""
        if app is None:
            return self.close(socket, errors.app_not_found())
        if not app.enabled:
            return self.close(socket, errors.app_disabled(), app.id)
        if not origin_allowed(app.allowed_origins, origin):
            return self.close(socket, errors.origin_not_allowed(), app.id)

        def counted(admitted: bool) -> None:
            if not admitted:
                self.close(socket, errors.over_quota(), app.id)
            elif socket.ended:
                self._uncount(app.id)
            else:
                self._establish(socket, app)

        def uncounted(error: BackendError) -> None:
            """Nobody knows how many there are elsewhere: those here decide (scaling.md 6.9)."""
            self._came(app.id)
            if self._repeats.due("quota"):
                self._log.error("connections could not be counted: {error}", error=str(error))
            counted(self._has_room(app))

        def decided(admitted: bool) -> None:
            self._came(app.id)
            if not admitted and registered != self._node.registered:
                self._uncount(app.id)  # it was registered with those who are here
            counted(admitted)

        if not self._settings.socket_counting:
            return counted(self._has_room(app))
        registered = self._node.registered
        self._node.coming[app.id] += 1
        question = lambda: self._authority.conn_open(app.id, self._node.id, app.max_connections)  # noqa: E731
        self.hold(socket, ask(question, decided, uncounted))
        return None

    def _came(self, app_id: str) -> None:
        """It is decided about one that was coming."""
        coming = self._node.coming
        coming[app_id] -= 1
        if not coming[app_id]:
            del coming[app_id]

    def _has_room(self, app: App) -> bool:
        """Whether the app may have one more connection, as far as those here are concerned."""
        space = self._registry.apps.get(app.id)
        return not app.max_connections or space is None or space.alive < app.max_connections

    def _establish(self, socket: Socket, app: App) -> None:
        space = self._registry.space(app)
        socket.id = new_socket_id()
        while socket.id in space.sockets:
            socket.id = new_socket_id()
        socket.app_id = app.id
        socket.session = Session(socket.id)
        self._registry.add(space, socket)
        space.alive += 1
        now = self._clock.seconds()
        timeout = self._settings.user_authentication_timeout
        socket.pulse = Pulse(now, now + timeout if app.enable_user_authentication else None)
        self.deadlines.set(socket, self._liveness.next_at(socket.pulse, now))
        send(socket, messages.connection_established(socket.id, self._settings.activity_timeout))

    def _due(self, socket: Socket, now: float) -> float | None:
        session, pulse = socket.session, socket.pulse
        if session is None:
            self._log.error("no answer decides about a new connection", seconds=_ADMISSION_PATIENCE)
            self.close(socket, errors.app_lookup_failed())
            return None
        if session.authorized:
            pulse.authorize_by = None
        step = self._liveness.step(pulse, now)
        if step in _ENDINGS:
            self.close(socket, _ENDINGS[step]())
            return None
        if step is Step.PING:
            pulse.pinged_at = now
            send(socket, messages.PING)
        elif step is Step.NATIVE_PING:
            pulse.native_pinged_at = now
            socket.sink.ping()
        return self._liveness.next_at(pulse, now)

    def leave(self, socket: Socket, ending: Ending = LOST) -> None:
        """Out of every table, exactly once, though not at once in a crowd; the transport may take a while yet."""
        session, space = socket.session, socket.space
        now = self._clock.seconds()
        if self._departed is not None and not socket.ended:
            self._departed(departure(socket, session, now, ending))
        socket.ended = True
        socket.session = None
        socket.space = None
        socket.inbox = None
        self.deadlines.clear(socket)
        if session is None or space is None:
            return
        space.alive -= 1
        self._uncount(space.app.id)  # first: its place is free for whoever comes back
        self.leaving.add(Leaver(socket, space, session), now)

    def _uncount(self, app_id: str) -> None:
        if not self._settings.socket_counting:
            return

        def lost(error: BackendError) -> None:
            if self._repeats.due("uncounted"):
                self._log.warn("a connection could not be uncounted: {error}", error=str(error))

        ask(lambda: self._authority.conn_close(app_id, self._node.id, 1), lambda _: None, lost)
