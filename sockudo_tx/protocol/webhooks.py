"""Webhooks without a wire: what is told to whom, in which words, and how long to wait after a failure.

Source: http-api.md 12; Pusher, "Webhooks". Patterns are RE2's, as Sockudo's are in kind: searched in time in
proportion to the name, so no pattern can hold the server up; lookaround and back references do not exist there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import re2

from .app import App, Webhook
from .auth import hex_hmac
from .wirejson import quote

__all__ = [
    "EVENTS_AT_MOST",
    "OUR_HEADERS",
    "Hook",
    "backoff",
    "body",
    "chunks",
    "endpoint",
    "event_name",
    "event_object",
    "hook_named",
    "hooks_of",
    "is_pattern",
    "post_headers",
    "safe_name",
]

EVENTS_AT_MOST = 1000
"""Events of one delivery, whatever is configured: its JSON is made in one piece."""

OUR_HEADERS = frozenset(
    {"content-length", "content-type", "host", "user-agent", "x-pusher-key", "x-pusher-signature", "x-sockudo-delivery"}
    # These frame the message or belong to the connection (RFC 9110 7.6.1).
    | {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that an app cannot set, in lower case: what the receiver checks, and what frames the request."""
_FUNCTION = "lambda:"
_BEGINNING = '{"name":"'


class Hook(NamedTuple):
    """A webhook with a target, ready to be asked."""

    name: str
    """Stable, and unique within the app: the address, or `lambda:REGION:FUNCTION`, with ` #2` and so on for further
    webhooks of the same."""
    webhook: Webhook
    types: frozenset[str]
    matches: Callable[[str], bool] | None
    """Whether the pattern is found in a channel's name; None without one."""

    def wants(self, event: str, channel: str) -> bool:
        """Whether this event of this channel is for this webhook."""
        if event not in self.types:
            return False
        conditions = self.webhook.filter
        if conditions is None:
            return True
        return (
            channel.startswith(conditions.channel_prefix or "")
            and channel.endswith(conditions.channel_suffix or "")
            and (self.matches is None or self.matches(channel))
        )


def hooks_of(app: App, *, functions: bool = True) -> tuple[Hook, ...]:
    """The app's webhooks that have a target, in order; without `functions` only those that have an address."""
    hooks: list[Hook] = []
    seen: dict[str, int] = {}
    for webhook in app.webhooks:
        target = webhook.url or (_function(webhook) if functions else None)
        if target:
            number = seen[target] = seen.get(target, 0) + 1
            name = target if number == 1 else f"{target} #{number}"
            pattern = webhook.filter.channel_pattern if webhook.filter else None
            hooks.append(
                Hook(name, webhook, frozenset(webhook.event_types), None if pattern is None else _matching(pattern))
            )
    return tuple(hooks)


def _function(webhook: Webhook) -> str | None:
    """Without blanks, which part an address from a number."""
    if not webhook.lambda_name or not webhook.lambda_region:
        return None
    return f"{_FUNCTION}{webhook.lambda_region}:{webhook.lambda_name}".replace(" ", "%20")


def hook_named(app: App, name: str) -> Hook | None:
    """The app's webhook of this name, None when it is gone."""
    return next((hook for hook in hooks_of(app) if hook.name == name), None)


def endpoint(name: str) -> str:
    """The address or function behind a hook's name; they hold no blanks."""
    return name.partition(" ")[0]


def safe_name(name: str) -> str:
    """A hook's name for the log: without user, password and query, which often are secrets."""
    if name.startswith(_FUNCTION):
        return endpoint(name)
    parts = urlsplit(endpoint(name))
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def is_pattern(text: str) -> bool:
    """Whether RE2 takes it as a regular expression."""
    return _compiled(text) is not None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeEncodeError):
        return None


def _matching(text: str) -> Callable[[str], bool]:
    """Found anywhere in the name; a pattern that is none matches nothing."""
    pattern = _compiled(text)
    if pattern is None:
        return lambda channel: False
    return lambda channel: pattern.search(channel) is not None


def event_object(
    name: str,
    channel: str,
    user_id: str | None = None,
    event: str | None = None,
    data: str | None = None,
    socket_id: str | None = None,
    subscription_count: int | None = None,
) -> str:
    """The JSON text of one event (12.3); absent members are left out. The arguments are a `Fact`'s, in its order."""
    text = f'{_BEGINNING}{name}","channel":{quote(channel)}'
    for member, value in (("event", event), ("data", data), ("socket_id", socket_id), ("user_id", user_id)):
        if value is not None:
            text += f',"{member}":{quote(value)}'
    if subscription_count is not None:
        text += f',"subscription_count":{subscription_count}'
    return text + "}"


def event_name(text: str) -> str:
    """The type of an event that `event_object` made."""
    return text[len(_BEGINNING) : text.index('"', len(_BEGINNING))]


def chunks(events: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """The events in order, at most so many at a time; 0 counts as 1."""
    size = max(size, 1)
    for start in range(0, len(events), size):
        yield tuple(events[start : start + size])


def body(time_ms: int, events: Sequence[str]) -> bytes:
    """What is posted, and signed as it is: always the same bytes for the same events."""
    return f'{{"time_ms":{time_ms},"events":[{",".join(events)}]}}'.encode()


def post_headers(app: App, delivery: str, content: bytes, own: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of the request, without those that every request has; the app's own cannot replace ours."""
    headers = [
        ("Content-Type", "application/json"),
        ("X-Pusher-Key", app.key),
        ("X-Pusher-Signature", hex_hmac(app.secret, content)),
        ("X-Sockudo-Delivery", delivery),
    ]
    return headers + [(name, value) for name, value in own.items() if name.lower() not in OUR_HEADERS]


def backoff(attempt: int, initial: float, longest: float, jitter: float = 0.0) -> float:
    """Seconds to wait after so many failed attempts: 1, 2, 4 … for an `initial` of 1, never over `longest`.

    `jitter` is a number from -1 to 1 and moves the wait by at most a fifth.
    """
    doubled = initial * 2.0 ** min(attempt - 1, 60)
    return float(min(doubled, longest) * (1 + 0.2 * jitter))
