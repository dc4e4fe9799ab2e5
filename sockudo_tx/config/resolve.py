"""From a file's JSON to the typed tree: defaults filled in, every fault found before any is told."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, TypeVar

from .declare import Key, Section, keys_of, walk
from .findings import Report
from .grammar import Unacceptable, UnknownWord, described, from_json
from .later import LATER_KEYS, LATER_SECTIONS, MOVED

__all__ = ["APPS", "FileReader", "nearest", "refuse_word"]

APPS = "app_manager.array.apps"

S = TypeVar("S", bound=Section)


class FileReader:
    """Reads one file. Afterwards `apps` holds its app records, `sources` the keys it sets."""

    def __init__(self, source: str, report: Report) -> None:
        self._source = source
        self._report = report
        self._sections = {section.path: section for section in LATER_SECTIONS}
        self.apps: list[tuple[str, Any]] = []
        """Path and raw record of every app, in order."""
        self.sources: dict[str, str] = {}
        self.unknown: list[tuple[str, str | None]] = []
        """Paths that nobody knows, each with the key that may be meant."""
        self.later: list[str] = []
        """Paths this version accepts and does not use."""
        self.switched_on: set[str] = set()
        """Those of them that hold `"enabled": true`."""

    def read(self, schema: type[S], raw: dict[str, Any]) -> S:
        """The tree the file describes; what is wrong with it is in the report."""
        raw = self._moved(raw)
        if "apps" in raw and "apps" not in {key.name for key in keys_of(schema)}:
            self._apps("apps", raw.pop("apps"))
        tree = self._section(schema, raw, "", schema)
        self.apps.sort(key=lambda item: item[0].startswith("apps["))  # those of `apps` come last
        return tree

    def _section(self, section: type[S], raw: dict[str, Any], prefix: str, root: type[Section]) -> S:
        keys = {key.name: key for key in keys_of(section, prefix)}
        values: dict[str, Any] = {}
        for name, value in raw.items():
            key = keys.get(name)
            if key is None:
                self._other(prefix + name, value, tuple(keys), root)
            elif key.path == APPS:
                self._apps(APPS, value)
            elif key.section is None:
                self._leaf(key, value, values)
            elif isinstance(value, dict):
                values[name] = self._section(key.section, value, key.path + ".", root)
            elif value is None and key.nullable:
                values[name] = None
            else:
                self._report.refuse(key.path, "must be an object, `{ ... }`", source=self._source)
        return section(**values)

    def _leaf(self, key: Key, value: Any, values: dict[str, Any]) -> None:
        try:
            values[key.name] = from_json(key, value)
        except UnknownWord as error:
            refuse_word(key, str(error), self._source, self._report)
        except Unacceptable as error:
            digits = isinstance(value, str) and value.isdigit() and int in key.bases
            words = isinstance(value, str) and value.lower() in ("true", "false") and bool in key.bases
            cure = "Write it without quotation marks" if digits or words else ""
            self._report.refuse(key.path, f"must be {key.expected}", cause=str(error), cure=cure, source=self._source)
        else:
            self.sources[key.path] = self._source

    def _apps(self, path: str, value: Any) -> None:
        if not isinstance(value, list):
            self._report.refuse(path, "must be a list of apps, `[ ... ]`", source=self._source)
            return
        self.apps += [(f"{path}[{index}]", record) for index, record in enumerate(value)]
        self.sources[APPS] = self._source

    def _other(self, path: str, value: Any, siblings: tuple[str, ...], root: type[Section]) -> None:
        """A key that is not declared: one of a later version, or unknown."""
        if path == "$schema":  # for editors
            return
        if path in LATER_KEYS:
            self.later.append(path)
        elif path not in self._sections:
            self.unknown.append((path, nearest(path, (*siblings, *_later_siblings(path)), root)))
        elif not isinstance(value, dict):
            self._report.refuse(path, "must be an object, `{ ... }`", source=self._source)
        else:
            self.later.append(path)
            self._later(path, value)

    def _later(self, path: str, value: dict[str, Any]) -> None:
        section = self._sections[path]
        driver = value.get("driver", section.drivers[0] if section.drivers else "")
        if section.drivers and (not isinstance(driver, str) or driver.lower() not in section.drivers):
            words = ", ".join(section.drivers)
            cause = f"found {described(driver)}"
            self._report.refuse(f"{path}.driver", f"must be one of {words}", cause=cause, source=self._source)
        if value.get("enabled") is True:
            self.switched_on.add(path)

    def _moved(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The same, with keys that other tools write elsewhere in their own place."""
        raw = dict(raw)
        for found, belongs in MOVED:
            section, name = found.split(".")
            inner = raw.get(section)
            if isinstance(inner, dict) and name in inner:
                raw[section] = {key: value for key, value in inner.items() if key != name}
                raw.setdefault(belongs, inner[name])
        return raw


def _later_siblings(path: str) -> Iterator[str]:
    """Names that later versions know beside this path."""
    where = path.rpartition(".")[0]
    for known in (*LATER_KEYS, *(section.path for section in LATER_SECTIONS)):
        parent, _, name = known.rpartition(".")
        if parent == where:
            yield name


def refuse_word(key: Key, cause: str, source: str, report: Report) -> None:
    """Tell that a key's word is not one it knows: refused, unless the key says what to take instead."""
    fallback = key.words.fallback if key.words else None
    if fallback is not None:
        report.ignored(key.path, f"must be {key.expected}; {fallback} is used", cause=cause, source=source)
    else:
        report.refuse(key.path, f"must be {key.expected}", cause=cause, source=source)


def nearest(path: str, siblings: tuple[str, ...], root: type[Section] | None = None) -> str | None:
    """The known key that was probably meant by `path`, as a path; None when nothing is like it."""
    *where, name = path.split(".")
    close = get_close_matches(name.lower(), siblings, n=1, cutoff=0.7)
    if close:
        return ".".join([*where, close[0]])
    if root is None:
        return None
    everywhere = {key.path.rsplit(".", 1)[-1]: key.path for key in walk(root)}
    close = get_close_matches(name.lower(), everywhere, n=1, cutoff=0.85)
    return everywhere[close[0]] if close else None
