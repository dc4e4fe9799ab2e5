"""Questions about channels: which are occupied, by how many, by whom (http-api.md 5.3 to 5.5)."""

from __future__ import annotations

from typing import Any

from ...protocol.errors import RestError
from ...protocol.names import PRESENCE_PREFIX, USER_CHANNEL_PREFIX, ChannelName
from ...protocol.publication import check_channel_name, split_info
from .call import Call
from .reading import Reading, counted
from .reply import Reply
from .waiting import ask_within

__all__ = ["list_channels", "list_members", "show_channel"]


async def list_channels(call: Call) -> Reply:
    """Every occupied channel of the app, sorted by name, with the attributes asked for."""
    prefix = call.parameters.get("filter_by_prefix", "")
    info = split_info(call.parameters.get("info", ""))
    if "user_count" in info and not prefix.startswith(PRESENCE_PREFIX):
        raise _invalid("info=user_count counts presence channels only: add filter_by_prefix=presence-")
    reading = Reading(call)
    found = await reading.channels(prefix)
    return reading.reply(
        {
            "channels": {
                name: counted(name, found[name], info)
                for name in sorted(found)
                if not name.startswith(USER_CHANNEL_PREFIX)
            }
        }
    )


async def show_channel(call: Call) -> Reply:
    """One channel: whether it is occupied, and the attributes asked for."""
    name = _channel(call)
    info = split_info(call.parameters.get("info", ""))
    if "user_count" in info and not name.presence:
        raise _invalid("info=user_count counts presence channels only")
    if "cache" in info and not name.cache:
        raise _invalid("info=cache needs a cache channel")
    reading = Reading(call)
    counts = await reading.counts(name)
    answer: dict[str, Any] = {"occupied": counts.subscriptions > 0, **counted(name.text, counts, info)}
    if not reading.complete and "subscription_count" in info:
        answer["subscription_count_complete"] = False
    if "cache" in info:
        event = await ask_within(
            lambda: call.engine.cached_event(call.app.id, name.text), call.settings.read_timeout, call.engine.clock
        )
        answer["cache"] = None if event is None else event._asdict()
    return reading.reply(answer)


async def list_members(call: Call) -> Reply:
    """The distinct users of a presence channel, sorted by id."""
    name = _channel(call)
    if not name.presence:
        raise _invalid("Only presence channels have users: the name must begin with presence-")
    reading = Reading(call)
    members = await reading.members(name.text)
    return reading.reply({"users": [{"id": user_id} for user_id in sorted(members)]})


def _channel(call: Call) -> ChannelName:
    text = call.segment(0)
    check_channel_name(text, call.app)
    return ChannelName.of(text)


def _invalid(text: str) -> RestError:
    return RestError(400, "invalid_input", text)
