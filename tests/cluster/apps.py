"""The apps that every fleet serves, and how their backends sign. An app for each limit that would be in others' way."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple
from urllib.parse import quote

__all__ = ["APPS", "COUNTED", "FEW", "MAIN", "QUOTA", "TWIN", "WATCHED", "Account", "member"]

_EVENTS = [
    "channel_occupied",
    "channel_vacated",
    "member_added",
    "member_removed",
    "client_event",
    "cache_miss",
    "subscription_count",
]


class Account(NamedTuple):
    """An app, from the outside."""

    id: str
    key: str
    secret: str
    settings: dict[str, Any]

    def configured(self, url: str) -> dict[str, Any]:
        """Its record, with all webhooks sent there."""
        return {
            "id": self.id,
            "key": self.key,
            "secret": self.secret,
            "max_connections": 0,
            "enable_client_messages": True,
            "max_client_events_per_second": 0,
            "max_presence_members_per_channel": 0,
            "max_event_payload_in_kb": 256,
            "webhooks": [{"url": url, "event_types": _EVENTS}],
            **self.settings,
        }

    def sign(self, text: str) -> str:
        """The signature of a text, as clients send it."""
        return f"{self.key}:{self._digest(text)}"

    def target(self, method: str, path: str, query: dict[str, str], body: bytes) -> str:
        """The signed target of a REST call below `/apps/ID`."""
        path = f"/apps/{self.id}{path}"
        pairs = {"auth_key": self.key, "auth_timestamp": str(int(time.time())), "auth_version": "1.0", **query}
        if body:
            pairs["body_md5"] = hashlib.md5(body, usedforsecurity=False).hexdigest()
        text = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()))
        sent = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())
        signature = self._digest("\n".join((method, path, text)))
        return f"{path}?{sent}&auth_signature={signature}"

    def _digest(self, text: str) -> str:
        return hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()


def _account(name: str, **settings: Any) -> Account:
    return Account(name, f"{name}-key", f"{name}-secret", settings)


MAIN = _account("main")
TWIN = _account("twin")
FEW = _account("few", max_presence_members_per_channel=10)
QUOTA = _account("quota", max_connections=10)
WATCHED = _account("watched", enable_user_authentication=True, enable_watchlist_events=True)
COUNTED = _account("counted", enable_subscription_count_events=True)
APPS = (MAIN, TWIN, FEW, QUOTA, WATCHED, COUNTED)


def member(user: str, info: Any = None) -> str:
    """`channel_data` of a member."""
    return json.dumps({"user_id": user} if info is None else {"user_id": user, "user_info": info})
