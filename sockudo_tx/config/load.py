"""Built-in values < file < environment, then checked as a whole (configuration.md 1).

Pure: the only input besides the arguments is what `read` returns.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..protocol.app import App
from .advice import advise
from .all_apps import all_apps, file_apps
from .check import check
from .complete import completed, quoted
from .declare import walk
from .environment import overlay, replaced, switch, value_at
from .findings import BUILT_IN, ConfigError, Finding, Report
from .grammar import one_line
from .jsonfile import JsonObject, NotJson, parse, problems
from .older import filled_in, mirrored
from .resolve import APPS, FileReader
from .schema import Config

__all__ = ["BUILT_IN", "DEFAULT_PATH", "STRICT_VARIABLE", "ConfigError", "Finding", "Loaded", "load", "survey"]

DEFAULT_PATH = "config/config.json"
LARGEST = 64 << 20
"""Bytes of a file, at most."""
STRICT_VARIABLE = "SOCKUDO_STRICT_CONFIG"


class Loaded(NamedTuple):
    """A configuration and what there is to tell of it."""

    config: Config
    findings: list[Finding]
    sources: dict[str, str]
    """Where the value of each key comes from: `built-in`, a file's path or `environment NAME`."""
    file: str | None
    """Path of the file that was used."""
    unknown: int = 0
    """How many keys of it nobody knows."""
    faithful: bool = True
    """Whether `config` is what was written, refused or not; otherwise a value of it was rejected."""

    @property
    def refused(self) -> bool:
        """Whether the server must not start with it."""
        return any(finding.refuses for finding in self.findings)

    def accepted(self) -> Loaded:
        """This, if a server may start with it. Raises `ConfigError`, which carries everything found."""
        if self.refused:
            raise ConfigError(self.findings)
        return self

    @property
    def apps(self) -> list[App]:
        """The apps of file and environment, refused ones left out."""
        return list(self.config.app_manager.array.apps)


def _read_file(path: str) -> bytes:
    """The whole file. What is none, such as a pipe, is not waited for. Raises `OSError`."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(0, f"it is larger than {LARGEST >> 20} MiB")
    return data


def load(
    path: str | None,
    environ: Mapping[str, str],
    cwd: str,
    strict: bool = False,
    *,
    read: Callable[[str], bytes] = _read_file,
) -> Loaded:
    """The effective configuration. `path` is the file the user named, `cwd` where the default one is looked for.

    Raises `ConfigError`, and nothing else, when the server must not start; it carries everything found.
    """
    return survey(path, environ, cwd, strict, read=read).accepted()


def survey(
    path: str | None,
    environ: Mapping[str, str],
    cwd: str,
    strict: bool = False,
    *,
    options: Mapping[str, Any] | None = None,
    read: Callable[[str], bytes] = _read_file,
) -> Loaded:
    """The same for somebody who only looks: a refused configuration too, with built-in values for what is wrong.

    `options` of the command line, by key, beat the environment.
    """
    report = Report(strict)
    report.strict = switch(STRICT_VARIABLE, environ, report) is True or strict
    sources = {key.path: BUILT_IN for key in walk(Config)}
    source, raw = _choose(path, cwd, read, report)
    used = None if raw is None else source
    file = _File(Config(), [], False, 0) if raw is None else _in_file(raw, source, sources, report)
    config = overlay(file.config, environ, report, sources)
    for key, value in (options or {}).items():
        config = replaced(config, key, value)
        sources[key] = "command line"
    config = check(mirrored(config), sources, report)
    if report.understood:  # there is more urgent work otherwise
        _tell_unused(config, sources, report)
    apps, app_sources = all_apps(file.apps, file.names_apps, path, used, environ, config, report, sources)
    config = replaced(config, APPS, tuple(apps))
    if used is not None or not report.refused:  # of a file that cannot be read nothing is known
        advise(config, sources, app_sources, BUILT_IN, report)
    written = {path: source for path, source in sources.items() if source != BUILT_IN}
    return Loaded(
        config,
        completed(report.findings, raw, environ, config, written),
        sources,
        used,
        file.unknown,
        report.understood,
    )


class _File(NamedTuple):
    """What a file says."""

    config: Config
    apps: list[App]
    """The good ones."""
    names_apps: bool
    """Good or bad."""
    unknown: int
    """How many keys nobody knows."""


def _in_file(raw: JsonObject, source: str, sources: dict[str, str], report: Report) -> _File:
    """Settings and apps of a file, which `sources` learns of."""
    reader = FileReader(source, report)
    config = filled_in(reader.read(Config, raw), reader.sources)
    sources.update(reader.sources)
    apps = file_apps(reader.apps, source, report, reader.unknown)
    _tell_unknown(reader.unknown, source, report)
    return _File(config, apps, bool(reader.apps), len(reader.unknown))


def _choose(path: str | None, cwd: str, read: Callable[[str], bytes], report: Report) -> tuple[str, JsonObject | None]:
    """The file that counts and its content: the named one, or if it is missing the default one."""
    if path is not None:
        data = _bytes(path, cwd, read, report)
        if data is not None:
            return path, _content(path, data, report)
        if not report.refused:
            cure = f"Correct {path} or drop -c"
            report.error("", "the file does not exist and is left out", value="no file", cure=cure, source=path)
    data = _bytes(DEFAULT_PATH, cwd, read, report)
    if data is not None:
        return DEFAULT_PATH, _content(DEFAULT_PATH, data, report)
    if path is None and not report.refused:
        cure = "Write one, or name a file with -c, unless the environment says all there is to say"
        report.info("", f"there is no {DEFAULT_PATH}, so built-in values are used", value="no file", cure=cure)
    return "", None


def _bytes(path: str, cwd: str, read: Callable[[str], bytes], report: Report) -> bytes | None:
    try:
        return read(posixpath.join(cwd, path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        cure = "Let the server's user read it, or name another file with -c"
        report.refuse("", "the file cannot be read", value=path or '""', cause=reason, cure=cure, source=path)
    except ValueError:
        report.refuse("", "this is not a file name", value=quoted(path), cure="Name a file with -c", source=path)
    return None


def _content(path: str, data: bytes, report: Report) -> JsonObject | None:
    try:
        raw = parse(data)
    except NotJson as error:
        cure = "Correct it there: JSON has no comments, no trailing commas, and quotation marks around every name"
        value = f"{len(data)} bytes"
        report.refuse("", "the file is not a JSON configuration", value=value, cause=str(error), cure=cure, source=path)
        return None
    repeated, broken = problems(raw)
    for where in repeated:
        report.ignored(one_line(where), "is written more than once; the last one counts", source=path)
    for where in broken:
        report.refuse(
            one_line(where),
            "holds what is no text: half a character (an unpaired surrogate), or NUL",
            value="no text",
            source=path,
        )
    return None if broken else raw


def _tell_unknown(unknown: list[tuple[str, str | None]], source: str, report: Report) -> None:
    """One finding that names every unknown key."""
    if not unknown:
        return
    names = [path + (f" (did you mean {near}?)" if near else "") for path, near in unknown]
    one = len(unknown) == 1
    report.ignored(
        unknown[0][0] if one else "",
        f"{'this key is' if one else 'these keys are'} unknown and ignored: {', '.join(names)}",
        value="" if one else f"{len(unknown)} keys",
        cure="Remove it or correct its name" if one else "Remove them or correct their names",
        source=source,
    )


def _tell_unused(config: Config, sources: Mapping[str, str], report: Report) -> None:
    """One finding that names what somebody has set without effect: keys, or the whole object without effect."""
    unused = {
        key.unused
        for key in walk(Config)
        if key.unused
        and not report.told(key.path)
        and sources[key.path] != BUILT_IN
        and value_at(config, key.path) not in (key.default, key.partial)
    }
    if unused:
        message = f"accepted, but not used by this version: {', '.join(sorted(unused))}"
        count = f"{len(unused)} key{'' if len(unused) == 1 else 's'}"
        report.info("", message, value=count, cure="Nothing has to be done; a later version will use them")
