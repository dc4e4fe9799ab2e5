"""A small server that sends deltas, with faults to order; it shares no code with ours but the encoder."""

from __future__ import annotations

import base64
import json

from sockudo_tx.delta import fossil
from tests.integration.faulty import FaultyServer, Subscriber

__all__ = ["FAULTS", "DeltaServer"]

FAULTS = ("none", "damaged", "unsent", "respaced")
"""Every fifth message of a follower: well, with a delta that is damaged, not sent though it counts as sent, or sent in
full with other bytes than plain subscribers get."""


class DeltaServer(FaultyServer):
    """Followers get the first message in full and then deltas, each against the one before."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self._wrong = fault
        self._last: dict[tuple[Subscriber, str], bytes] = {}

    def _deliver(self, subscriber: Subscriber, channel: str, number: int, payload: bytes) -> None:
        if "delta" not in subscriber.asked.get(channel, {}):
            subscriber.send(payload)
            return
        base = self._last.get((subscriber, channel))
        self._last[subscriber, channel] = payload
        fault = self._wrong if number % 5 == 4 else "none"
        if fault == "unsent":
            return
        if base is None or fault == "respaced":
            text = payload.replace(b'"channel": ', b'"channel":  ') if fault == "respaced" else payload
            subscriber.send(text[:-1] + b',"__delta_seq":%d}' % number)
            return
        delta = fossil.encode(base, payload)
        assert delta is not None
        if fault == "damaged":
            delta = delta[:-3] + b"00;"
        data = {
            "event": json.loads(payload)["event"],
            "delta": base64.b64encode(delta).decode(),
            "seq": number,
            "base_index": number - 1,
        }
        subscriber.tell("pusher:delta", channel=channel, data=data)
