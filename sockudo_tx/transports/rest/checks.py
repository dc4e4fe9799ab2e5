"""What `/up` looks at besides the apps: named checks, each with its own time (http-api.md 10.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ...interfaces import Answer, BackendError
from .waiting import ask_within

__all__ = ["Check", "Fault", "examine", "usable", "well"]


class Fault(NamedTuple):
    """An impaired component, and what is wrong in words fit for strangers: no address, no reason."""

    component: str
    trouble: str
    detail: str = ""
    """For the log."""
    critical: bool = True
    """Whether nobody can be served: ERROR, else DEGRADED."""


class Check(NamedTuple):
    """One component. Its probe answers None when all is well, else the trouble in words fit for strangers."""

    component: str
    probe: Callable[[], Answer[str | None]]
    """A `BackendError` is told as “not answering”; its text goes to the log."""
    critical: bool = False


def well() -> str | None:
    """The probe of what lives in this process and cannot fail by itself."""
    return None


def usable(health: Callable[[], Answer[bool]]) -> Callable[[], Answer[str | None]]:
    """A probe that asks a backend whether it is."""

    def words(answer: bool) -> str | None:
        return None if answer else "not usable"

    def probe() -> Answer[str | None]:
        answer = health()
        return answer.addCallback(words) if isinstance(answer, Deferred) else words(answer)

    return probe


async def examine(checks: Sequence[Check], seconds: float, clock: IReactorTime) -> list[Fault]:
    """Every fault found, in the order of the checks, which run at the same time: all is known after so long."""
    runs = [Deferred.fromCoroutine(_run(check, seconds, clock)) for check in checks]
    return [fault for run in runs if (fault := await run) is not None]


async def _run(check: Check, seconds: float, clock: IReactorTime) -> Fault | None:
    try:
        trouble = await ask_within(check.probe, seconds, clock)
    except BackendError as error:
        return Fault(check.component, "not answering", str(error), check.critical)
    return None if trouble is None else Fault(check.component, trouble, critical=check.critical)
