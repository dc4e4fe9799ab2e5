"""What one of several workers says of the whole machine: its totals, and whether something is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred

from .backends.hub.link import HubLink
from .engine.server import Engine
from .engine.stats import AppStats, Distinct, Stats, together
from .interfaces import Answer, BackendError
from .transports.rest.waiting import ask_within

__all__ = ["Machine"]

_PATIENCE = 1.25
"""Seconds for the totals: the hub waits for one for workers that do not answer."""
_Answers = tuple[list[bytes], dict[str, Distinct]]
_APPS = msgspec.msgpack.Decoder(dict[str, AppStats])


class Machine:
    """The machine as this worker sees it through its link."""

    def __init__(self, engine: Engine, link: HubLink) -> None:
        self._engine = engine
        self._link = link
        link.answers["stats"] = lambda: msgspec.msgpack.encode(engine.stats().apps)

    async def stats(self) -> tuple[Stats, bool]:
        """Totals of all workers, and whether nothing is missing; this worker's own when the hub does not answer."""
        link = self._link
        workers = link.state.workers
        question: Callable[[], Answer[_Answers]] = self._asked
        try:
            answers, distinct = await ask_within(question, _PATIENCE, self._engine.clock)
        except BackendError:
            return self._engine.stats(), False
        return together(map(_APPS.decode, answers), distinct), len(answers) >= workers

    def reached(self) -> Deferred[str | None]:
        """For `/up`: whether other workers can be reached. Fails with `BackendError`."""
        here: Deferred[None] = self._link.call("hub", "here", None)
        return here.addCallback(lambda _: None)

    def missing(self) -> str | None:
        """For `/up`: which workers are, in words."""
        return self._link.state.reason or None

    def _asked(self) -> Deferred[_Answers]:
        async def both() -> _Answers:
            distinct: dict[str, Distinct] = await self._link.call("hub", "totals", dict[str, Distinct])
            return await self._link.gather("stats"), distinct

        return Deferred.fromCoroutine(both())
