"""Reading the configuration, and telling what the server would start with, or why it would not."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

from .config.effective import effective
from .config.environment import value_at
from .config.findings import ConfigError, Finding
from .config.grammar import flag
from .config.load import BUILT_IN, STRICT_VARIABLE, Loaded, survey
from .config.rules import MOST_WORKERS
from .config.schema import Config
from .config.verdict import Style, counts, findings_text, settings_text, verdict
from .probes import (
    certificate_findings,
    file_limit_findings,
    queue_file_findings,
    worker_count,
    worker_findings,
    world_findings,
)

__all__ = ["Workers", "check_config", "print_effective", "read_configuration", "refusal", "workers_option"]


Workers = int | Literal["auto"]
"""The value of `--workers`."""


def read_configuration(path: str | None, strict: bool, workers: Workers | None = None) -> Loaded:
    """The configuration of this process's environment and working directory, with TLS files that can be used.

    `workers` given on the command line beat both. Raises `ConfigError`.
    """
    return _survey(path, strict, workers).accepted()


def workers_option(text: str) -> Workers:
    """What somebody wrote behind `--workers`. Raises `ValueError`, which says what may stand there."""
    if text.lower() == "auto":
        return "auto"
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST_WORKERS:
        return int(text)
    raise ValueError(f"--workers takes auto or a number from 1 to {MOST_WORKERS}, not {text[:40]!r}")


def _survey(path: str | None, strict: bool, workers: Workers | None) -> Loaded:
    options = {} if workers is None else {"instance.workers": workers}
    loaded = survey(path, os.environ, _here(), strict, options=options)
    if loaded.refused and loaded.file is None:  # nothing is known that could be looked at
        return loaded
    now = datetime.now(UTC).timestamp()
    found = [
        *certificate_findings(loaded, now),
        *file_limit_findings(loaded),
        *worker_findings(loaded),
        *queue_file_findings(loaded),
    ]
    return loaded._replace(findings=[*loaded.findings, *found])


def _here() -> str:
    """The working directory; empty when somebody has deleted it, so that only absolute names lead anywhere."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def refusal(error: ConfigError) -> str:
    """Every finding of a refused configuration, for the terminal."""
    text = findings_text(error.findings, _style(sys.stderr))
    return f"{text}\nsockudo: {verdict(error.findings, True, None)}"


def print_effective(path: str | None, *, strict: bool, workers: Workers | None = None) -> int:
    """Prints the effective configuration, shaped like the file, and findings on standard error; 0 or 1.

    Of a configuration of which a value was rejected there is none.
    """
    loaded = _survey(path, strict, workers)
    if loaded.refused:
        print(refusal(ConfigError(loaded.findings)), file=sys.stderr)
        if loaded.faithful:
            print(_dumps(effective(loaded.config)))
        return 1
    for finding in loaded.findings:
        print(f"{finding.severity}: {finding}", file=sys.stderr)  # which escapes what it cannot encode
    print(_dumps(effective(loaded.config)))
    return 0


def check_config(
    path: str | None,
    *,
    strict: bool,
    as_json: bool,
    everything: bool = False,
    offline: bool = False,
    workers: Workers | None = None,
) -> int:
    """Prints every finding, the settings in effect and the verdict; 0 or 1.

    `everything`: built-in settings too. Not `offline`: what the configuration names is looked for in the network.
    """
    loaded = _survey(path, strict, workers)
    if not offline and not (loaded.refused and loaded.file is None):
        loaded = loaded._replace(findings=[*loaded.findings, *world_findings(loaded)])
    if as_json:
        print(_dumps(_report(loaded, strict or flag(os.environ.get(STRICT_VARIABLE, "")) is True)))
    else:
        _tell(loaded, everything)
    return 1 if loaded.refused else 0


def _tell(loaded: Loaded, everything: bool) -> None:
    style = _style(sys.stdout)
    if loaded.findings:
        _say(findings_text(loaded.findings, style))
    if loaded.faithful:
        chosen = loaded.sources if everything else _chosen(loaded)
        heading = "Settings" if everything else "Settings that differ from the built-in ones (--all: all of them)"
        _say(style.paint(heading, "1"))
        _say(settings_text(effective(loaded.config), chosen, style) or "  none")
        _say("")
        _say(_processes(loaded.config))
    _say(verdict(loaded.findings, loaded.refused, loaded.file))


def _processes(config: Config) -> str:
    count = worker_count(config)
    many = "one process" if count == 1 else f"{count} workers and their parent"
    why = ", one worker for each CPU" if config.instance.workers == "auto" else ""
    return f"Here that is {many} (instance.workers: {config.instance.workers}{why})"


def _chosen(loaded: Loaded) -> dict[str, str]:
    """The sources of settings that are not what they are without file and environment."""

    def nothing(path: str) -> bytes:
        raise FileNotFoundError(path)

    plain = survey(None, {}, "/", read=nothing).config
    return {
        path: source
        for path, source in loaded.sources.items()
        if value_at(loaded.config, path) != value_at(plain, path)
    }


def _report(loaded: Loaded, strict: bool) -> dict[str, Any]:
    """The shape that programs may rely on: members are added, never taken away.

    `config` is shaped like the file, `sources` has a dotted path for each key; both are null when a value was rejected,
    and told when the values only cannot run together, or in this version. `workers` is how many there would be here.
    """
    return {
        "ok": not loaded.refused,
        "strict": strict,
        "file": loaded.file,
        "counts": {f"{severity}s": count for severity, count in counts(loaded.findings).items()},
        "findings": [_plain(finding) for finding in loaded.findings],
        "config": effective(loaded.config) if loaded.faithful else None,
        "sources": loaded.sources if loaded.faithful else None,
        "workers": worker_count(loaded.config) if loaded.faithful else None,
    }


def _plain(finding: Finding) -> dict[str, Any]:
    more = {
        "rule": finding.rule or finding.message,
        "source": finding.source or BUILT_IN,
        "text": str(finding),
    }
    return {**msgspec.to_builtins(finding), **more}


def _style(stream: TextIO) -> Style:
    terminal = stream.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(shutil.get_terminal_size((80, 24)).columns if terminal else 100, colour)


def _say(text: str) -> None:
    """Prints it in whatever encoding the terminal has."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def _dumps(value: Any) -> str:
    return json.dumps(value, indent=2)
