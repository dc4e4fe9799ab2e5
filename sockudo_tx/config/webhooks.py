"""Reading an app's `webhooks` (configuration.md 5.3, http-api.md 12.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..protocol.app import Webhook, WebhookFilter
from ..protocol.webhooks import OUR_HEADERS, is_pattern
from .grammar import shown
from .rules import is_token

__all__ = ["EVENT_TYPES", "WEBHOOK_DOCS", "read_webhooks", "url_fault", "webhook_record"]

EVENT_TYPES = (
    "channel_occupied",
    "channel_vacated",
    "member_added",
    "member_removed",
    "client_event",
    "cache_miss",
    "subscription_count",
)

WEBHOOK_DOCS = {
    "url": "Where events are posted: an absolute http or https address.",
    "lambda": 'Or an AWS Lambda function: `{"function_name": …, "region": …}`. Not in this version.',
    "lambda_function": "Deprecated: a function in us-east-1. Not in this version.",
    "event_types": "Which events: " + ", ".join(f"`{name}`" for name in EVENT_TYPES) + ".",
    "filter": "Which channels; all given must hold: `channel_prefix`, `channel_suffix`, `channel_pattern` (a regular "
    "expression of RE2, searched in the name).",
    "headers": "More headers of the request; they cannot replace those the server sets.",
}

_MEMBERS = tuple(WEBHOOK_DOCS)
_FILTERS = WebhookFilter.__struct_fields__
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Unknown = list[tuple[str, tuple[str, ...]]]


class _Fault(ValueError):
    """One fault of one webhook; the text begins with the member in backticks."""


T = TypeVar("T")


def read_webhooks(value: Any) -> tuple[tuple[Webhook, ...], list[str], list[str], Unknown]:
    """Webhooks, faults that refuse the app, warnings, and unknown members with the names known there."""
    if not isinstance(value, list):
        return (), ["`webhooks` must be a list"], [], []
    webhooks: list[Webhook] = []
    faults: list[str] = []
    warnings: list[str] = []
    unknown: Unknown = []
    for index, raw in enumerate(value):
        where = f"webhooks[{index}]"
        if isinstance(raw, dict):
            webhooks.append(_webhook(where, raw, faults, warnings, unknown))
        else:
            faults.append(f"`{where}` must be an object")
    return tuple(webhooks), faults, warnings, unknown


def webhook_record(webhook: Webhook) -> dict[str, Any]:
    """The JSON object that reads back as this webhook."""
    target = {"function_name": webhook.lambda_name, "region": webhook.lambda_region}
    conditions = webhook.filter
    return {
        "url": webhook.url,
        "lambda": target if webhook.lambda_name else None,
        "event_types": list(webhook.event_types),
        "filter": {name: getattr(conditions, name) for name in _FILTERS} if conditions else None,
        "headers": dict(webhook.headers),
    }


def url_fault(url: str) -> str | None:
    """Why a webhook cannot be sent to this address; None when it can. Never quotes it: it may hold a password."""
    if _CONTROL.search(url) or " " in url:
        return "`url` must not hold blanks or control characters"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "`url` is not a legal address"
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return "`url` must be an absolute http or https address"
    return None


def _webhook(where: str, raw: dict[str, Any], faults: list[str], warnings: list[str], unknown: Unknown) -> Webhook:
    """The webhook, with nothing in place of members that hold a fault."""

    def member(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except _Fault as fault:
            faults.append(f"`{where}.{str(fault)[1:]}")
            return otherwise

    unknown += [(f"{where}.{name}", _MEMBERS) for name in raw if name not in _MEMBERS]
    before = len(faults)
    url = member(lambda: _url(raw), None)
    no_function: tuple[str | None, str | None] = (None, None)
    name, region = member(lambda: _lambda(where, raw, warnings), no_function)
    if not url and not name and len(faults) == before:
        warnings.append(f"`{where}` has no `url`, no `lambda` and no `lambda_function`, so it does nothing")
    elif name and not url:
        member_name = "lambda" if raw.get("lambda") is not None else "lambda_function"
        warnings.append(
            f"`{where}.{member_name}` is not part of this version, so this webhook is not sent; give it a `url`"
        )
    return Webhook(
        url=url or None,
        lambda_name=name,
        lambda_region=region,
        event_types=member(lambda: _event_types(where, raw, warnings), ()),
        filter=member(lambda: _filter(where, raw, faults, warnings, unknown), None),
        headers=member(lambda: _headers(where, raw, warnings), {}),
    )


def _text(raw: dict[str, Any], name: str, inside: str = "") -> str | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise _Fault(f"`{inside}{name}` must be text")
    return value


def _url(raw: dict[str, Any]) -> str | None:
    url = _text(raw, "url")
    if url and (fault := url_fault(url)):
        raise _Fault(fault)
    return url


def _lambda(where: str, raw: dict[str, Any], warnings: list[str]) -> tuple[str | None, str | None]:
    target = raw.get("lambda")
    if target is not None:
        if not isinstance(target, dict):
            raise _Fault("`lambda` must be an object")
        name, region = _text(target, "function_name", "lambda."), _text(target, "region", "lambda.")
        if not name or not region:
            raise _Fault("`lambda` needs `function_name` and `region`")
        return name, region
    name = _text(raw, "lambda_function")
    if not name:
        return None, None
    warnings.append(f"`{where}.lambda_function` is deprecated and means region us-east-1; write `lambda` instead")
    return name, "us-east-1"


def _event_types(where: str, raw: dict[str, Any], warnings: list[str]) -> tuple[str, ...]:
    names = raw.get("event_types")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _Fault("`event_types` must be a list of texts")
    strange = [name for name in names if name not in EVENT_TYPES]
    if strange:
        warnings.append(f"`{where}.event_types` holds unknown names: {', '.join(map(shown, strange[:10]))}")
    return tuple(names)


def _filter(
    where: str, raw: dict[str, Any], faults: list[str], warnings: list[str], unknown: Unknown
) -> WebhookFilter | None:
    value = raw.get("filter")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _Fault("`filter` must be an object")
    unknown += [(f"{where}.filter.{name}", _FILTERS) for name in value if name not in _FILTERS]
    strange = [name for name in _FILTERS if not isinstance(value.get(name), str | None)]
    if strange:
        faults += [f"`{where}.filter.{name}` must be text" for name in strange]
        return None
    conditions = {name: value.get(name) for name in _FILTERS}
    pattern = conditions["channel_pattern"]
    if pattern is not None and not is_pattern(pattern):
        warnings.append(
            f"`{where}.filter.channel_pattern` is not a regular expression of RE2, so the webhook hears nothing"
        )
    return WebhookFilter(**conditions)


def _headers(where: str, raw: dict[str, Any], warnings: list[str]) -> dict[str, str]:
    """A flat map; a map wrapped in a member `headers`, as older servers wrote it, is unwrapped."""
    value = raw.get("headers")
    if value is None:
        return {}
    if isinstance(value, dict) and list(value) == ["headers"] and isinstance(value["headers"], dict):
        value = value["headers"]
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise _Fault("`headers` must be an object of texts")
    for name, item in value.items():
        if not is_token(name) or _CONTROL.search(item):
            raise _Fault("`headers` holds a name or a value that HTTP does not allow")
    ours = [name for name in value if name.lower() in OUR_HEADERS]
    if ours:
        warnings.append(f"`{where}.headers` cannot set {', '.join(map(shown, ours[:10]))}: the server does")
    return dict(value)
