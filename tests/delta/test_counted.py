"""What is counted of deltas (delta-and-filters.md 10.4), and that it is printed."""

from __future__ import annotations

from typing import Any

from sockudo_tx.engine.tally import ALL_CHANNELS, CHANNELS_AT_MOST, AppTally
from sockudo_tx.transports.metrics.sources import app_samples

from .case import DeltaCase, padded, plain


class CountTests(DeltaCase):
    """The counts of an app."""

    def samples(self) -> dict[tuple[str, tuple[str, ...]], Any]:
        """Everything about deltas, by name and labels."""
        found = [sample for piece in app_samples(self.server.engine) for sample in piece]
        return {
            (family.name.removeprefix("delta_"), labels[1:]): value
            for family, labels, value in found
            if family.name.startswith("delta_")
        }

    def test_full_and_delta(self) -> None:
        """Once for each recipient, with the bytes there would have been and those that were saved."""
        followers = [self.follower() for _ in range(3)]
        self.subscriber("c")
        for number in range(3):
            self.tell(padded(number))
        full = plain(padded(0))[:-1] + ',"__delta_seq":0}'
        texts = followers[0].take()
        self.assertEqual(texts[0], full)
        saved = sum(len(full) - len(text) for text in texts)
        found = self.samples()
        self.assertEqual(
            found.pop(("encode_seconds", ())).counts, self.server.engine.tally.of("app-id").encodings.counts
        )
        expected = {
            ("compression_full_messages_total", ("all",)): 3,
            ("compression_delta_messages_total", ("all",)): 6,
            ("compression_bandwidth_original_bytes", ("all",)): 9 * len(full),
            ("compression_bandwidth_saved_bytes", ("all",)): 3 * saved,
            ("evictions_total", ()): 0,
        }
        self.assertEqual(found, expected)

    def test_reasons(self) -> None:
        """Why a message was full although there was a base."""
        self.delta(full_message_interval=1, max_state_age=60)
        self.follower()
        for number in range(3):
            self.tell(padded(number))
        self.server.advance(60)
        self.tell(padded(4))
        self.tell("".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(200)))
        found = self.samples()
        reasons = {labels[0]: value for (name, labels), value in found.items() if name == "fallbacks_total"}
        self.assertEqual(reasons, {"interval": 1, "age": 1, "size": 1})

    def test_by_channel(self) -> None:
        """Where that is wanted, with the channel's name."""
        self.delta(count_by_channel=True)
        self.follower("c", "d")
        self.tell(padded(1), "c")
        self.tell(padded(1), "d")
        names = {labels for name, labels in self.samples() if name == "compression_full_messages_total"}
        self.assertEqual(names, {("c",), ("d",)})

    def test_nothing_without_followers(self) -> None:
        """No sample, as long as nobody has asked for deltas."""
        self.subscriber("c")
        self.tell(padded(1))
        self.assertEqual(self.samples(), {})

    def test_names_are_limited(self) -> None:
        """Beyond so many channels of an app the others are counted together."""
        tally = AppTally()
        for number in range(CHANNELS_AT_MOST + 50):
            tally.deltas_of(f"c{number}").full += 1
        self.assertEqual((len(tally.deltas), tally.deltas_of(ALL_CHANNELS).full), (CHANNELS_AT_MOST + 1, 50))
