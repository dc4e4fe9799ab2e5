"""Whatever is written, it is told completely, without secrets, and nothing but a finding comes of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sockudo_tx.config.declare import walk
from sockudo_tx.config.effective import effective
from sockudo_tx.config.load import survey
from sockudo_tx.config.resolve import APPS
from sockudo_tx.config.schema import Config
from sockudo_tx.config.verdict import Style, findings_text

from .cases import APP, DEFAULT, ConfigCase, reader

KEYS = {key.path: key for key in walk(Config) if key.path != APPS}
SECRETS = [path for path, key in KEYS.items() if key.secret]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**6),
    st.floats(0, 3, width=16),
    st.sampled_from(["", "0", "redis", "none", "/tmp/x", "../x", "127.0.0.1", "redis://u:hunter2@h:1/0", "h:x", "ä\n"]),
    st.lists(st.sampled_from(["a", "nats://u:hunter2@h", "*", "https://x/"]), max_size=2),
    st.just({}),
)
VARIABLES = sorted({env.name for key in KEYS.values() for env in key.env})


def placed(settings: dict[str, Any]) -> dict[str, Any]:
    """A file with these values at their dotted paths; what does not fit together is left out."""
    tree: dict[str, Any] = {"apps": [APP]}
    for path, value in settings.items():
        *where, name = path.split(".")
        inner: Any = tree
        for step in where:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[name] = value
    return tree


class AnyTests(ConfigCase):
    """`survey` of anything"""

    @settings(deadline=None)
    @given(
        st.dictionaries(st.sampled_from(sorted({*KEYS, *(path.rpartition(".")[0] for path in KEYS)} - {""})), VALUES, max_size=8),
        st.dictionaries(st.sampled_from(SECRETS), st.sampled_from(["hunter2", ["hunter2"], {"hunter2": 1}]), max_size=2),
        st.dictionaries(st.sampled_from(VARIABLES), st.sampled_from(["", "1", "-1", "on", "x", "h:1,h:2", "\udcff"]), max_size=4),
        st.booleans(),
    )  # fmt: skip
    def test_complete_and_discreet(
        self, values: dict[str, Any], secrets: dict[str, Any], environ: dict[str, str], strict: bool
    ) -> None:
        """Every finding has its value, cure and source; no secret is in any of them, nor in what is shown."""
        loaded = survey(None, environ, "/here", strict, read=reader({DEFAULT: placed({**values, **secrets})}))
        for finding in loaded.findings:
            for part in ("severity", "message", "value", "cure"):
                self.assertTrue(getattr(finding, part), f"{part} of {finding!r}")
        shown = [repr(loaded.findings), json.dumps(effective(loaded.config)), findings_text(loaded.findings, Style())]
        self.assertNotIn("hunter2", "".join(shown))
        self.assertEqual(loaded.refused, any(finding.refuses for finding in loaded.findings))
