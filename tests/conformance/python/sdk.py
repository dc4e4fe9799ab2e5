"""Pusher's Python server SDK (PyPI `pusher`) against the REST API; pysher listens to what it publishes."""

from __future__ import annotations

from typing import Any

import pusher
import pusher.errors
from listener import Listener
from scenario import OPTIONS, run, until


def server_sdk(secret: str = OPTIONS["secret"]) -> Any:
    """The SDK as any of its users sets it up: credentials, host, port, TLS flag."""
    return pusher.Pusher(
        app_id=OPTIONS["id"],
        key=OPTIONS["key"],
        secret=secret,
        host=OPTIONS["host"],
        port=OPTIONS["port"],
        ssl=False,
    )


def trigger() -> Any:
    """Events to one channel, to several, and with the excluded socket."""
    sdk, listener = server_sdk(), Listener("orders", "news")
    replies = [
        sdk.trigger("orders", "placed", {"id": 1, "text": "naïve ☕"}),
        sdk.trigger(["orders", "news"], "placed", {"id": 2}),
        sdk.trigger("orders", "placed", {"id": 3}, listener.socket_id),
        sdk.trigger_batch(
            [
                {"channel": "orders", "name": "batched", "data": {"id": 4}},
                {"channel": "news", "name": "batched", "data": "text"},
            ]
        ),
        sdk.trigger("orders", "end", {}),
    ]
    until(lambda: any(event == "end" for _, event, _ in listener.heard), "the last event")
    return {"replies": replies, "heard": listener.heard}


def query() -> Any:
    """The three read calls."""
    sdk = server_sdk()
    Listener("presence-room", "orders", name="ann")
    Listener("presence-room", name="bob")
    return {
        "all": sdk.channels_info(),
        "filtered": sdk.channels_info(prefix_filter="presence-", attributes=["user_count"]),
        "one": sdk.channel_info("presence-room", ["user_count", "subscription_count"]),
        "empty": sdk.channel_info("nobody-here"),
        "users": sdk.users_info("presence-room"),
    }


def users() -> Any:
    """An event to a signed-in user, then the end of that user's connections."""
    sdk = server_sdk()
    listener = Listener(sign_in=lambda socket_id: sdk.authenticate_user(socket_id, {"id": "ann"}))
    replies = [sdk.send_to_user("ann", "invoice", {"total": 9})]
    until(lambda: listener.heard, "the event to the user")
    replies.append(sdk.terminate_user_connections("ann"))
    until(lambda: listener.errors, "the error that ends the connection")
    return {"replies": replies, "heard": listener.heard, "errors": listener.errors}


def refused() -> Any:
    """Which exception each kind of refusal becomes."""
    outcome = {}
    for name, call in {
        "request": lambda: server_sdk().channel_info("orders", ["user_count"]),
        "signature": lambda: server_sdk("not the secret").trigger("orders", "placed", {}),
    }.items():
        try:
            outcome[name] = call()
        except pusher.errors.PusherError as error:
            outcome[name] = type(error).__name__
    return outcome


if __name__ == "__main__":
    run({"trigger": trigger, "query": query, "users": users, "refused": refused})
