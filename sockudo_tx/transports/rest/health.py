"""Health: `/up` and `/up/{appId}` for load balancers, `/ready` and `/live` for supervisors (http-api.md 10)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger, LogLevel

from ...engine.repeats import Repeats
from ...engine.server import Engine
from ...interfaces import BackendError
from .call import HttpRequest
from .checks import Check, Fault, examine
from .reply import TEXT, Reply
from .waiting import ask_within

__all__ = ["Health", "live"]

_NOTHING = Reply(200, b"", b"")
_STATUS = {"OK": 200, "READY": 200, "DEGRADED": 200, "ERROR": 503, "DRAINING": 503, "STARTING": 503, "NOT_FOUND": 404}
_LEVEL = {"DEGRADED": LogLevel.warn, "NOT_FOUND": LogLevel.warn, "ERROR": LogLevel.error}
_UNKNOWN = Fault("apps", "unknown")


async def live(request: HttpRequest) -> Reply:
    """200 as long as the process answers at all."""
    return _NOTHING


class Health:
    """The checks of one server. Reasons go to the log."""

    _log = Logger()

    def __init__(self, engine: Engine, checks: Sequence[Check], timeout: float, repeats: Repeats) -> None:
        self._engine = engine
        self._checks = checks
        self.timeout = timeout
        """Seconds each check may take."""
        self._repeats = repeats
        self.ready = False
        """The listeners are open and the apps are known."""

    async def up(self, request: HttpRequest) -> Reply:
        """OK, DEGRADED, ERROR, NOT_FOUND or DRAINING: first line of the body, and `X-Health-Check`."""
        if self._engine.draining:
            return _report("DRAINING")
        segments = request.segments
        app_id = unquote_to_bytes(segments[0]).decode("utf-8", "replace") if segments else None
        state, faults = await self._examine(app_id)
        if faults or state == "NOT_FOUND":
            self._tell(state, faults)
        return _report(state, faults)

    async def readiness(self, request: HttpRequest) -> Reply:
        """Whether to send clients here: READY, else STARTING or DRAINING. Nothing else is asked."""
        return _report("DRAINING" if self._engine.draining else "READY" if self.ready else "STARTING")

    async def _examine(self, app_id: str | None) -> tuple[str, list[Fault]]:
        store = await self._store(app_id)
        if store is not None:
            return ("NOT_FOUND", []) if store is _UNKNOWN else ("ERROR", [store])
        faults = await examine(self._checks, self.timeout, self._engine.clock)
        state = "ERROR" if any(fault.critical for fault in faults) else "DEGRADED" if faults else "OK"
        return state, faults

    async def _store(self, app_id: str | None) -> Fault | None:
        """Without apps nobody can be served, and nothing else is worth asking."""
        apps = self._engine.apps
        try:
            if app_id is None:
                everything = await ask_within(apps.all, self.timeout, self._engine.clock)
                return None if everything else Fault("apps", "there are none")
            app = await ask_within(lambda: apps.by_id(app_id), self.timeout, self._engine.clock)
        except BackendError as error:
            return Fault("apps", "not answering", str(error))
        if app is None:
            return _UNKNOWN
        return None if app.enabled else Fault("apps", "this app is disabled")

    def _tell(self, state: str, faults: list[Fault]) -> None:
        what = ", ".join(" ".join(part for part in fault[:3] if part) for fault in faults) or "no such app"
        if self._repeats.due(f"{state}: {what}"):
            self._log.emit(_LEVEL[state], "health check: {state}: {what}", state=state, what=what)


def _report(state: str, faults: Sequence[Fault] = ()) -> Reply:
    lines = [state, *(f"{fault.component}: {fault.trouble}" for fault in faults)]
    return Reply(_STATUS[state], "\n".join(lines).encode(), TEXT, f"X-Health-Check: {state}\r\n".encode())
