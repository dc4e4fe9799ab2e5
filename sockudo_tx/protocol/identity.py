"""Who a client says it is: `channel_data` of presence, `user_data` of a sign-in (protocol.md 9.1, 14, 15)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from . import errors
from .effects import Member
from .wirejson import JsonError, Raw, compact, loads

__all__ = ["WATCHLIST_LIMIT", "Identity", "member_of", "user_of"]

WATCHLIST_LIMIT = 100
"""Watched user ids per socket (Pusher, "Watchlist events")."""

_INTEGER = re.compile(rb"-?[0-9]+")


class Identity(NamedTuple):
    """A signed-in user; `user_info` is compact JSON text."""

    user_id: str
    user_info: str
    watchlist: tuple[str, ...]
    watchlist_cut: bool
    """The client sent more ids than are used."""


class _ChannelData(msgspec.Struct, gc=False):
    user_id: Raw = Raw(b"")
    user_info: Raw = Raw(b"{}")


class _UserInfo(msgspec.Struct, gc=False):
    user_info: Raw = Raw(b"{}")


_decode_channel_data = msgspec.json.Decoder(_ChannelData).decode
_decode_user_info = msgspec.json.Decoder(_UserInfo).decode


def member_of(channel_data: str) -> Member:
    """The presence member in `channel_data`. An integer `user_id` is used as its decimal text."""
    try:
        data = _decode_channel_data(channel_data)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise errors.malformed("Invalid channel_data JSON for presence") from None
    raw = bytes(data.user_id)
    user_id = ""
    if raw.startswith(b'"'):
        user_id = str(msgspec.json.decode(raw))
    elif _INTEGER.fullmatch(raw):
        user_id = raw.decode()
    if not user_id:
        raise errors.bad_channel("Missing user_id in channel_data")
    return Member(user_id, compact(data.user_info))


def user_of(user_data: str) -> Identity:
    """The user in `user_data`; its `id` must be a non-empty string."""
    try:
        value: Any = loads(user_data)
    except JsonError as fault:
        raise errors.not_authorized(f"Invalid user_data JSON: {fault}") from None
    user_id = value.get("id") if isinstance(value, dict) else None
    if not isinstance(user_id, str) or not user_id:
        raise errors.not_authorized("Missing 'id' field in user_data")
    watched = value.get("watchlist")
    ids = list(dict.fromkeys(i for i in watched if isinstance(i, str))) if isinstance(watched, list) else []
    return Identity(
        user_id,
        compact(_decode_user_info(user_data).user_info),
        tuple(ids[:WATCHLIST_LIMIT]),
        len(ids) > WATCHLIST_LIMIT,
    )
