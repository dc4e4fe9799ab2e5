"""Publishing once although asked twice: keys remembered in the cache (http-api.md 14).

A key is claimed before anything is published, and afterwards holds the answer for whoever asks again. A
claim whose event was not published is released.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...interfaces import Answer, BackendError
from ...protocol.errors import RestError
from ...protocol.publication import Publication
from .call import Call
from .reply import OK, Reply
from .waiting import ask_within

__all__ = ["Claims"]

PATIENCE = 0.3
"""Seconds to wait for the answer of a call with the same key that is under way."""
STEP = 0.05
CLAIM_SECONDS = 30
"""A claim whose server died is free again after this time."""
CACHE_PATIENCE = 5.0

_PENDING = "pending"
T = TypeVar("T")


class Claims:
    """The keys one request is the first to use; a context that gives them back when nothing was published.

    Event keys and batch keys are separate: `space` is the word in the cache key. With idempotency switched
    off, by the server or for the app, nothing is claimed and nothing is remembered.
    """

    _log = Logger()

    def __init__(self, call: Call, space: str) -> None:
        settings, app = call.settings.idempotency, call.app
        self._cache = call.engine.cache
        self._tally = call.tally
        self._clock = call.engine.clock
        self._on = settings.enabled if app.idempotency_enabled is None else app.idempotency_enabled
        self._ttl = max(app.idempotency_ttl_seconds or settings.ttl_seconds, 1)
        self._longest = settings.max_key_length
        self._prefix = f"app:{app.id}:{space}:"
        self._names: list[str] = []
        self._published = False

    async def __aenter__(self) -> Claims:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is None:
            return
        if self._published:
            await self.keep(OK)  # the answer was lost, the event was not: asking again must not repeat it
            return
        for name in self._names:
            await self._quietly(lambda name=name: self._cache.remove(name))  # type: ignore[misc]  # bound now

    async def take(self, key: str) -> Reply | None:
        """Claim the key; the answer of its first use when there was one. 503 while that is still under way."""
        if not self._on:
            return None
        self._check(key)
        name = self._prefix + key
        deadline = self._clock.seconds() + PATIENCE
        while not await self._asked(lambda: self._cache.add(name, _PENDING, min(CLAIM_SECONDS, self._ttl))):
            found = await self._asked(lambda: self._cache.get(name))
            if found is not None and found[0] != _PENDING:
                self._tally.duplicates += 1
                return Reply(200, found[0].encode())
            if self._clock.seconds() >= deadline:
                raise _unavailable("A call with the same idempotency key is still under way; try again")
            await deferLater(self._clock, STEP)
        self._names.append(name)
        self._tally.idempotent += 1
        return None

    async def first_uses(self, events: list[Publication]) -> list[Publication]:
        """Claim the keys of a batch's elements; those elements that were not published before."""
        due = []
        for event in events:
            key = event.idempotency_key
            if key is None or not self._on or await self._is_first(key):
                due.append(event)
        return due

    def published(self) -> None:
        """From here on the keys are used, whatever happens."""
        self._published = True

    async def keep(self, reply: Reply) -> Reply:
        """Remember the answer under every claimed key."""
        text = reply.body.decode()
        for name in self._names:
            await self._quietly(lambda name=name: self._cache.set(name, text, self._ttl))  # type: ignore[misc]  # bound now
        return reply

    async def _is_first(self, key: str) -> bool:
        return self._prefix + key not in self._names and await self.take(key) is None

    def _check(self, key: str) -> None:
        if not key:
            raise RestError(400, "invalid_input", "The idempotency key is empty")
        if len(key) > self._longest:
            raise RestError(
                400,
                "invalid_input",
                f"The idempotency key has {len(key)} characters; at most {self._longest} are allowed",
            )

    async def _asked(self, question: Callable[[], Answer[T]]) -> T:
        try:
            return await ask_within(question, CACHE_PATIENCE, self._clock)
        except BackendError as error:
            raise _unavailable("Idempotency keys cannot be checked; nothing was published; try again") from error

    async def _quietly(self, question: Callable[[], Answer[None]]) -> None:
        """After the fact: a cache that fails now must not change the answer."""
        try:
            await ask_within(question, CACHE_PATIENCE, self._clock)
        except BackendError as error:
            self._log.warn("an idempotency key could not be stored: {error}", error=str(error))


def _unavailable(text: str) -> RestError:
    return RestError(503, "service_unavailable", text, {"Retry-After": "1"})
