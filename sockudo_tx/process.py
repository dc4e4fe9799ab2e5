"""What each of our processes does to itself before it serves, and how it writes its log."""

from __future__ import annotations

import gc
import os
import resource

from .config.load import Loaded
from .logs import LogSettings, directives

__all__ = ["log_settings", "raise_file_limit", "spare_collector"]


def spare_collector() -> None:
    """Keep the garbage collector off what was made so far: code, classes and settings, which live as long as we do.

    Full collections happen while connections grow in number, and hold the reactor: 11 ms for these 60,000 objects
    and 5 ms for each 1,000 connections [measured]. Messages cause none, and connections end without one: they leave
    no cycles. Its thresholds stay: a full one waits for growth by a quarter whatever they are. It must run before
    twistd forks, so that the pages stay shared.
    """
    gc.collect()
    gc.freeze()


def raise_file_limit() -> None:
    """Every client is an open file; the usual soft limit of 1024 is for programs that call select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def log_settings(loaded: Loaded) -> LogSettings:
    """How this process writes its log (http-api.md 13)."""
    logging = loaded.config.logging
    return LogSettings(
        json=os.environ.get("LOG_OUTPUT_FORMAT") == "json",
        colors=logging is None or logging.colors_enabled,
        include_target=logging is None or logging.include_target,
        filter=directives(os.environ, loaded.config.debug),
        source=loaded.config.debug,
    )
