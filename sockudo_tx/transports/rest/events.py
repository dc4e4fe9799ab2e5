"""Publishing: `POST /apps/{id}/events` and `POST /apps/{id}/batch_events` (http-api.md 5.1, 5.2)."""

from __future__ import annotations

from ...protocol.errors import RestError
from ...protocol.publication import Publication, parse_batch, parse_event
from .call import Call
from .idempotency import Claims
from .reading import Reading
from .reply import OK, Reply, json_reply

__all__ = ["publish", "publish_batch"]

_NOTHING = json_reply({})


async def publish(call: Call) -> Reply:
    """One event to one or more channels, at once for everybody connected here."""
    _check_encoding(call)
    event = parse_event(call.body, call.app)
    if call.app.max_backend_events_per_second:
        await call.limits.publish(call.app, call.tally)
    key = call.idempotency_key if event.idempotency_key is None else event.idempotency_key
    if key is None:
        call.publish(event)
        if not call.engine.alone:
            _check_reach(call)
            await _handed_on(call)
        return await _described(call, event)
    async with Claims(call, "idempotency") as claims:
        answered = await claims.take(key)
        if answered is not None:
            return answered
        call.publish(event)
        if not call.engine.alone:
            _check_reach(call)
        claims.published()
        if not call.engine.alone:
            await _handed_on(call)
        return await claims.keep(await _described(call, event))


async def publish_batch(call: Call) -> Reply:
    """Several events in order; all of them or, when one is refused, none."""
    _check_encoding(call)
    events = parse_batch(call.body, call.app)
    if call.app.max_backend_events_per_second:
        await call.limits.publish(call.app, call.tally, len(events))
    key = call.idempotency_key
    if key is None:
        return await _publish_all(call, events)
    async with Claims(call, "batch-idempotency") as claims:
        answered = await claims.take(key)
        if answered is not None:
            return answered
        return await claims.keep(await _publish_all(call, events, claims))


async def _publish_all(call: Call, events: list[Publication], batch: Claims | None = None) -> Reply:
    """Elements whose own key was used before are left out, and described by an empty object."""
    async with Claims(call, "idempotency") as claims:
        due = await claims.first_uses(events)
        for event in due:
            call.publish(event)
        if not call.engine.alone:
            _check_reach(call)
        claims.published()
        if batch is not None:
            batch.published()
        if not call.engine.alone:
            await _handed_on(call)
        await claims.keep(OK)
    if not any(event.info for event in events):
        return _NOTHING
    published = set(map(id, due))
    reading = Reading(call)
    return reading.reply(
        {
            "batch": [
                await reading.attributes(event.channels[0], event.info) if id(event) in published else {}
                for event in events
            ]
        }
    )


async def _described(call: Call, event: Publication) -> Reply:
    """Every target with the attributes asked for, or just that all is well."""
    if not event.info:
        return OK
    reading = Reading(call)
    return reading.reply({"channels": {name: await reading.attributes(name, event.info) for name in event.channels}})


def _check_reach(call: Call) -> None:
    """Refuse what other nodes will not hear of, although everybody here has it; the key may be used again."""
    if call.engine.refusing:
        raise RestError(
            503,
            "service_unavailable",
            "Other servers cannot be reached: only clients of this one got the event; try again",
            {"Retry-After": "1"},
        )


async def _handed_on(call: Call) -> None:
    """A publisher that reads our answer and goes on to another server comes behind this."""
    handed = call.engine.handed_on()
    if handed is not None:
        await handed


def _check_encoding(call: Call) -> None:
    if call.encoding and call.encoding.strip().lower() != "identity":
        raise RestError(
            415,
            "unsupported_media_type",
            f"The body must be sent without Content-Encoding, not {call.encoding[:100]!r}",
        )
