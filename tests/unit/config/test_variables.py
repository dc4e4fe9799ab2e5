"""Every key that has a variable: the variable beats the file, and the file the built-in value."""

from __future__ import annotations

from typing import Any

import pytest

from sockudo_tx.config.declare import Key, walk
from sockudo_tx.config.environment import value_at
from sockudo_tx.config.load import BUILT_IN, Loaded, survey
from sockudo_tx.config.nested import nested
from sockudo_tx.config.schema import Config

from .cases import DEFAULT, as_bytes

KEYS = [key for key in walk(Config) if key.env]
CHANGED_ANYWAY = ("metrics.driver", "cors.credentials", "ssl.enabled")
"""One word only; and what is switched off again beside the built-in `*`, and without a certificate."""
SPECIAL = {
    "listener.proxy_protocol_from": ("10.0.0.0/8", "192.0.2.1"),
    "unix_socket.permission_mode": ("600", "777"),
    "metrics.prometheus.prefix": ("file_", "variable_"),
    "cors.origin": ("https://file.example", "https://variable.example"),
    "cleanup.worker_threads": (7, "8"),
    "metrics.driver": ("Prometheus", "PROMETHEUS"),
    "websocket.compression": ("shared", "dedicated"),
}


def values(key: Key) -> tuple[Any, str]:
    """A value for the file and another one, as text, for the variable; both differ from the built-in one."""
    if key.path in SPECIAL:
        file, variable = SPECIAL[key.path]
        return ([file] if isinstance(key.default, tuple) else file), variable
    if key.item is not None:
        return [{"host": "file", "port": 1}], "variable:2"
    if isinstance(key.default, tuple):
        return ["file"], "variable"
    if key.choices:
        words = [word for word in key.choices if word != key.default] or [key.default]
        return words[0], words[-1].upper()
    if bool in key.bases:
        return not key.default, str(key.default).lower()
    if int in key.bases:
        numbers = [number for number in (7, 8, 9) if number != key.default]
        return numbers[0], str(numbers[1])
    return "file", "variable"


def surveyed(content: Any, **environ: str) -> Loaded:
    """What comes of a default file with this content, and these variables."""

    def read(name: str) -> bytes:
        if name == f"/here/{DEFAULT}":
            return as_bytes(content)
        raise FileNotFoundError(name)

    return survey(None, environ, "/here", read=read)


CASES = [pytest.param(key, env.name, id=f"{key.path}-{env.name}") for key in KEYS for env in key.env]
CHOOSY = [
    pytest.param(key, env.name, id=f"{key.path}-{env.name}")
    for key in KEYS
    for env in key.env
    if (str not in key.bases or key.pattern) and not isinstance(key.default, tuple)
]
"""Those that do not take any text."""


@pytest.mark.parametrize(("key", "name"), CASES)
def test_variable_beats_file_beats_built_in(key: Key, name: str) -> None:
    """The variable's value counts and is told as its source, without it the file's, without that the built-in one."""
    file, text = values(key)
    plain = surveyed({})
    assert plain.sources[key.path] == BUILT_IN
    written = surveyed(nested({key.path: file}))
    assert written.sources[key.path] == DEFAULT
    if key.path not in CHANGED_ANYWAY:
        assert value_at(written.config, key.path) != key.default
    only = next(env.only for env in key.env if env.name == name)
    both = surveyed(nested({key.path: file}), **{name: "true" if only is True else text})
    assert both.sources[key.path] == f"environment {name}"
    expected = value_at(surveyed({}, **{name: "true" if only is True else text}).config, key.path)
    assert value_at(both.config, key.path) == expected


@pytest.mark.parametrize(("key", "name"), CHOOSY)
def test_broken_variable_keeps_the_file(key: Key, name: str) -> None:
    """A text a key does not take leaves the file's value, with one finding that names variable, key and text."""
    file, _ = values(key)
    written = surveyed(nested({key.path: file}))
    broken = surveyed(nested({key.path: file}), **{name: "no such value"})
    fallback = key.words.fallback if key.words else None
    expected = fallback if fallback is not None else value_at(written.config, key.path)
    assert value_at(broken.config, key.path) == expected
    found = [finding for finding in broken.findings if finding.source == f"environment {name}"]
    same = {each.path: each for each in walk(Config) if name in {env.name for env in each.env}}
    (told,) = found if key.words is None else [finding for finding in found if finding.path == key.path]
    assert told.path in same
    assert told.severity in ("warning", "error")
    assert told.refuses == (key.words is not None and fallback is None)
    assert key.secret or "no such value" in str(told)
