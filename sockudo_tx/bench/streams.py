"""Three streams of messages as real feeds have them: what delta compression is measured with.

    ticker       330 bytes   a trade changes nearly every figure
    order book   2.0 KB      36 levels a side; some change, and now and then one comes or goes
    telemetry    1.1 KB      a machine's readings; some of 28 move

Sizes are of the whole frame. Each generator yields the `data` of one event after another without end, as the REST API
would be given it, and the same ones for the same seed. They know nothing of how they will be encoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

__all__ = ["STREAMS", "order_book", "telemetry", "ticker"]

_START: Final = 1_763_661_600_000
"""When the first message is dated, in milliseconds since 1970."""
_LEVELS: Final = 36
_TICK: Final = 5
"""Cents between two levels of the book, at least."""


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def ticker(seed: int = 1) -> Iterator[str]:
    """The running figures of one market after each trade, with the members that exchanges give them."""
    random = Random(seed)
    time, sequence, trades = _START, 9_014_205_331, 482_119_073
    price, high, volume = 67_214.55, 67_524.95, 18_340.1874
    while True:
        time += random.randint(80, 2_400)
        sequence += random.randint(3, 60)
        trades += 1
        price = round(max(1_000.0, price + random.gauss(0, 9)), 2)
        high = max(high, price)
        size = round(random.expovariate(4) + 0.0001, 4)
        volume += size
        spread = random.choice((0.01, 0.01, 0.01, 0.05, 0.12, 0.4))
        side = random.choice(("buy", "sell"))
        yield _compact(
            {
                "sequence": sequence,
                "product_id": "BTC-USD-SPOT",
                "price": f"{price:.2f}",
                "volume_24h": f"{volume:.4f}",
                "high_24h": f"{high:.2f}",
                "best_bid": f"{price - (spread if side == 'buy' else 0):.2f}",
                "best_ask": f"{price + (spread if side == 'sell' else 0):.2f}",
                "side": side,
                "trade_id": trades,
                "last_size": f"{size:.4f}",
                "time": time,
            }
        )


def order_book(seed: int = 1) -> Iterator[str]:
    """The best levels of one book; prices and amounts are text, as exchanges send them."""
    random = Random(seed)
    time, update, middle = _START, 90_114_205, 6_721_455
    sides = {sign: _levels(random, middle, sign) for sign in (-1, 1)}
    while True:
        time += random.randint(90, 110)
        update += random.randint(1, 30)
        for side in (sides[random.choice((-1, 1))] for _ in range(random.randint(2, 6))):
            # What is near the middle changes more often.
            side[min(int(random.expovariate(0.15)), _LEVELS - 1)][1] = _amount(random)
        if random.random() < 0.2:
            _shift(random, *random.choice(list(sides.items())))
        yield _compact(
            {
                "symbol": "BTC-USD",
                "time": time,
                "update": update,
                "bids": _written(sides[-1]),
                "asks": _written(sides[1]),
            }
        )


def _amount(random: Random) -> float:
    return random.expovariate(0.6) + 0.0001


def _levels(random: Random, middle: int, sign: int) -> list[list[Any]]:
    """One side of a book, best price first, each level as cents and amount."""
    found, price = [], middle
    for _ in range(_LEVELS):
        price += sign * _TICK * random.randint(1, 4)
        found.append([price, _amount(random)])
    return found


def _shift(random: Random, sign: int, side: list[list[Any]]) -> None:
    """Takes a level away, which brings one into sight at the far end, or puts one in, which pushes one out."""
    at = min(int(random.expovariate(0.3)), _LEVELS - 2)
    if random.random() < 0.5 or abs(side[at][0] - side[at + 1][0]) < 2:
        del side[at]
        side.append([side[-1][0] + sign * _TICK * random.randint(1, 4), _amount(random)])
    else:
        side.insert(at + 1, [(side[at][0] + side[at + 1][0]) // 2, _amount(random)])
        side.pop()


def _written(side: list[list[Any]]) -> list[list[str]]:
    return [[f"{price / 100:.2f}", f"{amount:.4f}"] for price, amount in side]


_READINGS: Final[Mapping[str, tuple[float, float, int]]] = {
    # name: where it begins, how far it goes in one step, decimals
    "engine_rpm": (2_140, 35, 0),
    "engine_load": (46.2, 1.5, 1),
    "coolant_temperature": (88.4, 0.3, 1),
    "oil_temperature": (97.1, 0.3, 1),
    "oil_pressure": (3.82, 0.04, 2),
    "intake_temperature": (31.5, 0.4, 1),
    "intake_pressure": (101.3, 0.8, 1),
    "exhaust_temperature": (412.0, 4, 1),
    "fuel_level": (63.417, 0.01, 3),
    "fuel_rate": (7.94, 0.2, 2),
    "battery_voltage": (13.82, 0.05, 2),
    "battery_current": (-4.61, 0.6, 2),
    "alternator_temperature": (64.0, 0.5, 1),
    "speed": (87.3, 1.4, 1),
    "latitude": (52.520008, 0.00021, 6),
    "longitude": (13.404954, 0.00033, 6),
    "altitude": (41.7, 0.5, 1),
    "heading": (184.2, 3, 1),
    "acceleration_x": (0.0213, 0.02, 4),
    "acceleration_y": (-0.0087, 0.02, 4),
    "acceleration_z": (9.8041, 0.02, 4),
    "tyre_front_left": (2.41, 0.01, 2),
    "tyre_front_right": (2.43, 0.01, 2),
    "tyre_rear_left": (2.52, 0.01, 2),
    "tyre_rear_right": (2.50, 0.01, 2),
    "cabin_temperature": (21.3, 0.1, 1),
    "ambient_temperature": (11.8, 0.1, 1),
    "odometer": (128_403.2, 0.03, 1),
}


def telemetry(seed: int = 1) -> Iterator[str]:
    """The readings of one vehicle; those that have not moved are sent again as they were."""
    random = Random(seed)
    time, number = _START, 118_204
    now = {name: start for name, (start, _, _) in _READINGS.items()}
    while True:
        time += random.randint(950, 1_050)
        number += 1
        for name in random.sample(list(now), random.randint(5, 10)):
            now[name] += random.gauss(0, _READINGS[name][1])
        # 0 decimals make an integer of it, as a sensor that counts would send.
        readings = {name: round(value, _READINGS[name][2] or None) for name, value in now.items()}
        yield _compact(
            {
                "device": "truck-0417-b2",
                "fleet": "hamburg-north",
                "firmware": "4.18.2-release",
                "time": time,
                "number": number,
                "status": "driving",
                "trip": {"id": "7f3c9a52-1f0e-4d57-9b1e-3f60e0c1a2d4", "driver": "d-20815", "route": "HH-B-0417"},
                "readings": readings,
                "faults": [],
            }
        )


STREAMS: Final[Mapping[str, Callable[[int], Iterator[str]]]] = {
    "ticker": ticker,
    "order_book": order_book,
    "telemetry": telemetry,
}
"""The generators by name; each takes a seed."""
