"""Every rule over a configuration, into the report."""

from __future__ import annotations

from collections.abc import Mapping

from ..complete import quoted
from ..environment import value_at
from ..findings import Report, Texts
from ..resolve import APPS
from ..schema import Config
from . import apps, cluster, limits, listeners, meanings
from .advice import Advice, Rule, Written

__all__ = ["advise"]

_RULES: tuple[Rule, ...] = (*listeners.RULES, *limits.RULES, *cluster.RULES, *apps.RULES, *meanings.RULES)


def advise(
    config: Config, sources: Mapping[str, str], app_sources: Mapping[str, str], built_in: str, report: Report
) -> None:
    """Adds what the rules have to say. Keys that hold an error already are left out of it.

    `sources` are by key, `app_sources` by the id of an app.
    """
    written = Written(sources, built_in)
    for rule in _RULES:
        for advice in rule(config, written):
            if not any(report.faulty(key) for key in advice.keys if key != APPS):
                _tell(advice, config, sources, built_in, report, app_sources.get(advice.app, advice.source))


def _tell(
    advice: Advice, config: Config, sources: Mapping[str, str], built_in: str, report: Report, source: str
) -> None:
    named = [sources[key] for key in advice.keys if sources.get(key, built_in) != built_in]
    about = advice.keys[0]
    texts: Texts = {
        "value": advice.value or ("" if about == APPS else quoted(value_at(config, about))),
        "cause": advice.cause,
        "cure": advice.cure,
        "source": source or (sources.get(advice.keys[0], built_in) if not named else named[0]),
    }
    say = report.conflict if advice.kind == "refuse" else getattr(report, advice.kind)
    say(advice.keys[0], advice.message, **texts)
