"""Who gets deltas: D-1 to D-18 (delta-and-filters.md 3)."""

from __future__ import annotations

import json
from typing import Any

from sockudo_tx.config.load import ConfigError, load

from .case import ENABLED, DeltaCase, Follower, padded, plain

DECLINED = '{"event":"pusher:delta_compression_enabled","data":{"enabled":false}}'


def confirmed(algorithm: str, channel: str = "c") -> str:
    """The confirmation for one channel."""
    return (
        f'{{"event":"pusher:delta_compression_enabled","channel":"{channel}",'
        f'"data":{{"enabled":true,"algorithm":"{algorithm}","channel":"{channel}"}}}}'
    )


class SocketTests(DeltaCase):
    """`pusher:enable_delta_compression`"""

    def ask(self, data: Any = None) -> tuple[Follower, list[str]]:
        """A client that asks with this data, and the answer."""
        follower = Follower(self.server.client("app-key"))
        message = {"event": "pusher:enable_delta_compression", **({} if data is None else {"data": data})}
        return follower, follower.send(message)

    def test_D1_without_data(self) -> None:
        """The algorithm of the server, `data` an object, no channel."""
        self.assertEqual(self.ask()[1], [ENABLED])
        for data in ({}, {"algorithms": None}, [], 5, "nonsense"):
            self.assertEqual(self.ask(data)[1], [ENABLED])
        self.delta(algorithm="xdelta3")
        self.assertEqual(self.ask()[1], [ENABLED.replace("fossil", "xdelta3")])

    def test_D2_data_in_a_string(self) -> None:
        """The same."""
        self.assertEqual(self.ask(json.dumps({"algorithms": ["fossil"]}))[1], [ENABLED])
        self.assertEqual(self.ask(json.dumps({"algorithms": ["zstd"]}))[1], [DECLINED])

    def test_D3_offered_algorithm(self) -> None:
        """One that the client has, other than the server's: told, and used."""
        follower, answer = self.ask({"algorithms": ["zstd", "VCDIFF"]})
        self.assertEqual(answer, [ENABLED.replace("fossil", "xdelta3")])
        follower.subscribe()
        self.tell(padded(1))
        follower.take()
        self.tell(padded(2))
        (text,) = follower.take()
        self.assertEqual(json.loads(text)["data"]["algorithm"], "xdelta3")

    def test_D4_nothing_in_common(self) -> None:
        """Declined, and frames stay as they are."""
        for algorithms in (["zstd"], [], [5]):
            follower, answer = self.ask({"algorithms": algorithms})
            self.assertEqual(answer, [DECLINED])
            follower.subscribe()
            texts = [self.tell(padded(number)) for number in range(3)]
            self.assertEqual(follower.take(), texts)

    def test_D5_switched_off(self) -> None:
        """Declined by the configuration, also for one channel, which is not even told."""
        self.delta(enabled=False)
        follower, answer = self.ask()
        self.assertEqual(answer, [DECLINED])
        self.assertEqual(len(follower.subscribe(delta=True)), 1)
        self.assertEqual([self.tell(padded(number)) for number in range(3)], follower.take())

    def test_D6_clients_that_never_ask(self) -> None:
        """Not a byte is different, beside a follower and without."""
        silent, follower = self.subscriber("c"), self.follower()
        texts = [self.tell(padded(number)) for number in range(4)]
        self.assertHeard(silent, *texts)
        self.assertKinds(follower, "full", "delta", "delta", "delta")

    def test_D7_enabling_later(self) -> None:
        """The subscription that is there gets deltas."""
        follower = self.follower(enabled=False)
        self.tell(padded(0))
        follower.enable()
        self.tell(padded(1))
        self.tell(padded(2))
        self.assertKinds(follower, "plain", "full", "delta")

    def test_D17_enabling_twice(self) -> None:
        """Two answers, and the next message is full."""
        follower = self.follower()
        self.tell(padded(1))
        self.tell(padded(2))
        self.assertKinds(follower, "full", "delta")
        self.assertEqual(follower.enable(), [ENABLED])
        self.tell(padded(3))
        self.tell(padded(4))
        self.assertKinds(follower, "full", "delta")


class SubscriptionTests(DeltaCase):
    """The member `delta` of a subscription."""

    def outcome(self, value: Any, channel: str = "c", enabled: bool = False) -> tuple[list[str], list[str]]:
        """The texts after the success of such a subscription, and how two messages came to it."""
        follower = self.follower("other", enabled=enabled)
        success, *more = follower.subscribe(channel, delta=value)
        self.assertIn("subscription_succeeded", success)
        follower.kinds()
        self.tell(padded(1), channel)
        self.tell(padded(2), channel)
        return more, follower.kinds()

    def test_D8_algorithm_of_the_subscription(self) -> None:
        """It stays when the socket asks for deltas everywhere."""
        follower = self.follower(enabled=False, delta="xdelta3")
        follower.enable()
        self.tell(padded(1))
        follower.take()
        self.tell(padded(2))
        self.assertEqual(json.loads(follower.take()[0])["data"]["algorithm"], "xdelta3")

    def test_D9_confirmation(self) -> None:
        """After the success, with the channel in and outside the data."""
        self.assertEqual(self.outcome(True), ([confirmed("fossil")], ["full", "delta"]))

    def test_D10_only_that_channel(self) -> None:
        """Others stay as they are."""
        follower = self.follower(enabled=False, delta=True)
        follower.subscribe("other")
        self.assertEqual([self.tell(padded(n), "other") for n in range(3)], follower.take())

    def test_D11_off_on_one_channel(self) -> None:
        """Plain there, deltas elsewhere, and nothing is told."""
        follower = self.follower("c", "other")
        self.assertEqual(len(follower.subscribe("c", delta=False)), 1)
        for channel in ("c", "other"):
            self.tell(padded(1), channel)
            self.tell(padded(2), channel)
        self.assertKinds(follower, "plain", "plain", "full", "delta")

    def test_D12_vcdiff(self) -> None:
        """Another name for xdelta3."""
        self.assertEqual(self.outcome({"algorithm": "vcdiff"}), ([confirmed("xdelta3")], ["full", "delta"]))

    def test_D13_off_beside_an_algorithm(self) -> None:
        """Off."""
        self.assertEqual(self.outcome({"enabled": False, "algorithm": "fossil"}, enabled=True), ([], ["plain"] * 2))

    def test_D14_words(self) -> None:
        """Those for off, and any other for on."""
        for word in ("DISABLED", "none", "False"):
            self.assertEqual(self.outcome(word, enabled=True), ([], ["plain"] * 2))
        self.assertEqual(self.outcome("banana"), ([confirmed("fossil")], ["full", "delta"]))

    def test_D15_what_says_nothing(self) -> None:
        """As if it were absent, and no error."""
        for value in (5, [], None):
            self.assertEqual(self.outcome(value), ([], ["plain"] * 2))
            self.assertEqual(self.outcome(value, enabled=True), ([], ["full", "delta"]))

    def test_D16_encrypted_channels(self) -> None:
        """Plain, and nothing is told."""
        self.assertEqual(self.outcome(True, "private-encrypted-x", enabled=True), ([], ["plain"] * 2))

    def test_D18_subscribing_again(self) -> None:
        """`delta:false` ends them; without the member they are back."""
        follower = self.follower()
        self.tell(padded(1))
        follower.subscribe(delta=False)
        self.tell(padded(2))
        follower.subscribe()
        self.tell(padded(3))
        self.tell(padded(4))
        self.assertKinds(follower, "full", "plain", "full", "delta")

    def test_the_same_again_goes_on(self) -> None:
        """A repeated subscription loses nothing."""
        follower = self.follower(enabled=False, delta=True)
        self.tell(padded(1))
        follower.subscribe(delta=True)
        self.tell(padded(2))
        self.assertKinds(follower, "full", "delta")

    def test_a_refused_subscription_changes_nothing(self) -> None:
        """The wish of the last one that succeeded holds."""
        follower = self.follower("private-p")
        self.tell(padded(1), "private-p")
        follower.subscribe("private-p", delta=False, auth="app-key:wrong")
        self.tell(padded(2), "private-p")
        self.assertKinds(follower, "full", "delta")


class ConfigurationTests(DeltaCase):
    """Words of the configuration."""

    def test_D52_words_of_the_configuration(self) -> None:
        """A wrong word is refused at the start; case does not matter."""
        for word, meant in (("Xdelta3", "xdelta3"), ("FOSSIL", "fossil"), ("vcdiff", "xdelta3")):
            path = self.mktemp()
            with open(path, "w") as file:
                json.dump({"delta_compression": {"algorithm": word}}, file)
            self.assertEqual(load(path, {}, ".").config.delta_compression.algorithm, meant)
        path = self.mktemp()
        with open(path, "w") as file:
            json.dump({"delta_compression": {"algorithm": "zip"}}, file)
        self.assertRaises(ConfigError, load, path, {}, ".")

    def test_plain_is_plain(self) -> None:
        """What the cases compare with is what a client without deltas hears."""
        client = self.subscriber("c")
        self.tell("1")
        self.assertHeard(client, plain("1"))
