"""The registry of drivers: what is there, and what is said of what is not."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends import ROWS, DriverError, Row, factory
from sockudo_tx.config.declare import walk
from sockudo_tx.config.schema import Config
from sockudo_tx.interfaces import IApps, ICache

DRIVER_KEYS = {"app_manager.driver": IApps, "cache.driver": ICache}


class RegistryTests(SynchronousTestCase):
    """`backends.factory`"""

    def test_every_usable_word_has_a_row(self) -> None:
        """Each driver word that the configuration lets through can be made, and keeps its interface."""
        keys = {key.path: key for key in walk(Config)}
        for path, interface in DRIVER_KEYS.items():
            for word in keys[path].usable:
                made = factory(interface, word)(Config(), Clock())
                self.assertTrue(interface.providedBy(made), word)

    def test_no_row_without_a_word(self) -> None:
        """Each row can be asked for in the configuration."""
        keys = {key.path: key for key in walk(Config)}
        for path, interface in DRIVER_KEYS.items():
            words = {word for base in keys[path].bases if get_origin(base) is Literal for word in get_args(base)}
            self.assertLessEqual({word for role, word in ROWS if role is interface}, words)

    def test_unavailable(self) -> None:
        """A driver this version does not have is refused with those it has."""
        error = self.assertRaises(DriverError, factory, ICache, "redis")
        self.assertEqual(str(error), "there is no 'redis' driver for ICache in this version; there is: memory, none")

    def test_missing_extra(self) -> None:
        """A driver whose library is not installed is refused with the extra that installs it."""
        rows = {(ICache, "redis"): Row("memory.cache:from_config"), (ICache, "slow"): Row("missing:make", "slow")}
        error = self.assertRaises(ModuleNotFoundError, factory, ICache, "slow", rows)
        self.assertEqual(error.name, "sockudo_tx.backends.missing")

    def test_missing_library(self) -> None:
        """The refusal names library and extra."""
        import sys
        from types import ModuleType

        class Needy(ModuleType):
            """Stands for a driver module that imports what is not installed."""

            def __getattr__(self, name: str) -> object:
                raise ModuleNotFoundError("No module named 'txredisapi'", name="txredisapi")

        sys.modules["sockudo_tx.backends.needy"] = Needy("needy")
        self.addCleanup(sys.modules.pop, "sockudo_tx.backends.needy")
        rows = {(ICache, "redis"): Row("needy:make", "redis")}
        error = self.assertRaises(DriverError, factory, ICache, "redis", rows)
        self.assertIn("txredisapi", str(error))
        self.assertIn("pip install 'sockudo-tx[redis]'", str(error))
