"""Reading the configuration, and telling what the server would start with, or why it would not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from .config.effective import effective
from .config.findings import ConfigError, Finding
from .config.load import Loaded, load
from .transports.tls_context import CertificateError, server_context

__all__ = ["check_config", "print_effective", "read_configuration", "refusal"]


def read_configuration(path: str | None, strict: bool) -> Loaded:
    """The configuration of this process's environment and working directory, with TLS files that can be used.

    Raises `ConfigError`.
    """
    loaded = load(path, os.environ, os.getcwd(), strict)
    ssl = loaded.config.ssl
    if ssl.enabled:
        try:
            server_context(ssl.cert_path, ssl.key_path, ssl.passphrase)
        except CertificateError as error:
            raise ConfigError([*loaded.findings, _finding(error, loaded)]) from error
    return loaded


def _finding(error: CertificateError, loaded: Loaded) -> Finding:
    path = f"ssl.{error.key}"
    return Finding(
        severity="error", path=path, message=str(error), cure=error.cure, source=loaded.sources[path], refuses=True
    )


def refusal(error: ConfigError) -> str:
    """Every finding of a refused configuration, for the terminal."""
    lines = [f"  {finding.severity}: {finding}" for finding in error.findings]
    return "\n".join(["sockudo: the configuration is refused", *lines])


def print_effective(path: str | None, *, strict: bool) -> int:
    """Prints the effective configuration, shaped like the file, and findings on standard error; 0 or 1."""
    try:
        loaded = read_configuration(path, strict)
    except ConfigError as error:
        print(refusal(error), file=sys.stderr)
        return 1
    for finding in loaded.findings:
        print(f"{finding.severity}: {finding}", file=sys.stderr)
    print(_dumps(effective(loaded.config)))
    return 0


def check_config(path: str | None, *, strict: bool, as_json: bool) -> int:
    """Prints the verdict, as JSON with every finding and the effective configuration; 0 or 1."""
    try:
        loaded = read_configuration(path, strict)
    except ConfigError as error:
        if as_json:
            print(_dumps({"ok": False, "findings": _plain(error.findings)}))
        else:
            print(refusal(error), file=sys.stderr)
        return 1
    if as_json:
        print(
            _dumps(
                {
                    "ok": True,
                    "file": loaded.file,
                    "findings": _plain(loaded.findings),
                    "config": effective(loaded.config),
                }
            )
        )
        return 0
    for finding in loaded.findings:
        print(f"{finding.severity}: {finding}")
    apps = ", ".join(app.id for app in loaded.apps) or "none"
    print(f"the configuration is valid ({loaded.file or 'no file, built-in values'}); apps: {apps}")
    return 0


def _plain(findings: Iterable[Finding]) -> Any:
    return [{**msgspec.to_builtins(finding), "text": str(finding)} for finding in findings]


def _dumps(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
