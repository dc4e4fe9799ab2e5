"""What makes frames smaller or fewer: `delta_compression`, `tag_filtering`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ..declare import UNUSED, Bytes, Count, Doc, Env, Large, Seconds, Section, Words
from ..rules import ONE_OR_MORE

__all__ = ["DeltaConfig", "TagFilteringConfig"]


class DeltaConfig(Section, frozen=True, kw_only=True):
    """Sending clients that ask for it what changed instead of whole events."""

    enabled: Annotated[bool, Doc("Send clients that ask for it differences instead of whole events.")] = True
    algorithm: Annotated[
        Literal["fossil", "xdelta3"], Doc("How differences are written."), Words(aliases=(("vcdiff", "xdelta3"),))
    ] = "fossil"
    full_message_interval: Annotated[Count, Doc("After so many differences an event is sent whole. 0: all are.")] = 10
    min_message_size: Annotated[Bytes, Doc("Smaller messages are sent as they are, and are no base.")] = 100
    max_state_age_secs: Annotated[Seconds, Doc("An event older than this is no base."), ONE_OR_MORE] = 300
    max_channel_states_per_socket: Annotated[
        Large,
        Doc(
            "Limits nothing here: of a client on a channel one number is kept, however many messages or keys there are."
        ),
        ONE_OR_MORE,
        UNUSED,
    ] = 100
    max_conflation_states_per_channel: Annotated[
        Large | None, Doc("Conflation keys remembered of one channel. null: no limit.")
    ] = 100
    conflation_key_path: Annotated[
        str | None,
        Doc("Dotted path of the conflation key in the event or in its data; each key is a stream of its own."),
    ] = None
    cluster_coordination: Annotated[
        bool, Doc("All nodes send the same events whole; a single node has nobody to agree with."), UNUSED
    ] = True
    omit_delta_algorithm: Annotated[
        bool, Doc("Leave the algorithm out of messages that have the one the client was told of.")
    ] = True
    cache_sync: Annotated[
        Literal["reset", "states", "off"],
        Doc(
            "What a client that begins to follow a channel with conflation keys shall remember of it: `reset`, "
            "nothing; `states`, the last event of each key; `off`: it is not told, and one that was connected to "
            "another process before may lose events."
        ),
        Words(),
    ] = "reset"


class TagFilteringConfig(Section, frozen=True, kw_only=True):
    """Subscriptions that choose events by tags."""

    enabled: Annotated[bool, Doc("Events go to those whose filter their tags match."), Env("TAG_FILTERING_ENABLED")] = (
        True
    )
    enable_tags: Annotated[
        bool | None, Doc("Send the tags to clients. Left out of the object, or null, it is as `enabled`.")
    ] = None

    def __post_init__(self) -> None:
        if self.enable_tags is None:
            msgspec.structs.force_setattr(self, "enable_tags", self.enabled)
