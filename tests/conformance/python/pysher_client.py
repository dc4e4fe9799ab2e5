"""pysher, the Python client: public, private and presence channels, and client events."""

from __future__ import annotations

from typing import Any

from listener import Listener
from scenario import run, until
from sdk import server_sdk


def channels() -> Any:
    """An event on a public and on a private channel."""
    names = ("orders", "private-orders")
    listener = Listener(*names)
    for name in names:
        server_sdk().trigger(name, "placed", {"to": name})
    until(lambda: len(listener.heard) == 2, "two events")
    return {"heard": listener.heard, "established": listener.established}


def presence() -> Any:
    """Who is there, who comes and who goes; a client event between members."""
    ann = Listener("presence-room", name="ann")
    bob = Listener("presence-room", name="bob")
    bob.trigger("presence-room", "client-typing", {"on": True})
    until(lambda: len(ann.heard) == 2, "bob's arrival and his typing")
    bob.client.disconnect(timeout=1)  # without a limit pysher may wait for its own thread
    until(lambda: len(ann.heard) == 3, "bob's departure")
    return {"ann": ann.subscribed, "bob": bob.subscribed, "heard": ann.heard}


if __name__ == "__main__":
    run({"channels": channels, "presence": presence})
