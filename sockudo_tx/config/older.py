"""Sections with an older place: what the file writes there fills in what it leaves open in the newer one.

The reference reads `cluster_health` from the environment and `adapter.cluster_health` for the cluster, and documents
`app_manager.scylladb` while reading `database.scylladb` (configuration.md 2.4, 2.5). Variables set the newer place.
"""

from __future__ import annotations

from .declare import walk
from .environment import replaced, value_at
from .schema import Config

__all__ = ["filled_in", "mirrored"]


def filled_in(config: Config, sources: dict[str, str]) -> Config:
    """The tree of a file with the newer places filled in. `sources` are the keys the file sets; it grows with them."""
    for key in walk(Config):
        if key.older and key.path in sources and key.older not in sources:
            config = replaced(config, key.older, value_at(config, key.path))
            sources[key.older] = f"{sources[key.path]} ({key.path})"
    return config


def mirrored(config: Config) -> Config:
    """The tree with both places saying what holds."""
    for key in walk(Config):
        if key.older:
            config = replaced(config, key.path, value_at(config, key.older))
    return config
