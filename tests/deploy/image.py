"""Runs a Dockerfile's steps without a container engine: each stage is a folder with a virtual environment in it.

What is the same: the instructions as the file has them, the build context as .dockerignore leaves it, a clean Python
in each stage. What is not: the system below is this machine's, and users are not created (`useradd` and its like only
leave a line in `accounts.log`).
"""

from __future__ import annotations

import fnmatch
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

ACCOUNTS = ("groupadd", "useradd", "chown")
# Folders of the image a command may name; all other paths are this machine's.
OURS = re.compile(r"(?<![\w./])/(src|wheels|app|run)\b")


@dataclass
class Stage:
    """One `FROM`: its folder stands for `/`."""

    root: Path
    name: str
    env: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    """Instructions that only describe the image: USER, CMD, HEALTHCHECK, ..."""
    workdir: str = "/"

    @property
    def python(self) -> Path:
        """Where this stage's programs are."""
        return self.root / "usr"

    def create(self) -> None:
        """What the base image brings."""
        subprocess.run([sys.executable, "-m", "venv", str(self.python)], check=True)
        for name in ACCOUNTS:
            shim = self.python / "bin" / name
            shim.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.root}/accounts.log\n')
            shim.chmod(0o755)

    def variables(self) -> dict[str, str]:
        """The environment of a process in this stage."""
        path = f"{self.python}/bin:/usr/bin:/bin"
        return {**self.env, "PATH": path, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}

    def inside(self, text: str, mounts: dict[str, Path] | None = None) -> str:
        """A command with the image's paths turned into this machine's."""

        def mapped(found: re.Match[str]) -> str:
            return str((mounts or {}).get(found[0], self.root / found[1]))

        return OURS.sub(mapped, text)

    def command(self, instruction: str) -> list[str]:
        """The words of a CMD in its JSON form."""
        words: list[str] = json.loads(self.told[instruction].partition("CMD")[2] or self.told[instruction])
        return [self.inside(word) for word in words]


class Image:
    """What a Dockerfile makes; `last` is the stage that runs."""

    def __init__(self, dockerfile: Path, folder: Path) -> None:
        self._context = dockerfile.parent
        self._folder = folder
        self.stages: list[Stage] = []
        parser = DockerfileParser(fileobj=io.BytesIO(dockerfile.read_bytes()))
        for row in parser.structure:
            if row["instruction"] != "COMMENT":
                self._perform(row["instruction"], row["value"])

    @property
    def last(self) -> Stage:
        """The stage that runs."""
        return self.stages[-1]

    def _perform(self, instruction: str, value: str) -> None:
        if instruction == "FROM":
            stage = Stage(self._folder / f"stage{len(self.stages)}", value.rpartition(" AS ")[2])
            stage.create()
            self.stages.append(stage)
        elif not self.stages:
            assert instruction == "ARG", instruction  # only ARG may stand before the first FROM
        elif instruction == "ARG":
            name, _, default = value.partition("=")
            self.last.args[name] = default
        elif instruction == "ENV":
            self.last.env.update(word.split("=", 1) for word in shlex.split(value))
        elif instruction == "WORKDIR":
            self.last.workdir = value
            Path(self.last.inside(value)).mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            self._copy(*shlex.split(value))
        elif instruction == "RUN":
            self._run(value)
        else:
            self.last.told[instruction] = value

    def _copy(self, *words: str) -> None:
        *sources, target = words
        into = Path(self.last.inside(os.path.join(self.last.workdir, target)))  # `./` stays
        for source in sources:
            found = list(kept(self._context, source))
            assert found, f"COPY {source}: .dockerignore leaves nothing of it in the build context"
            for path in found:
                inner = path.relative_to(self._context / source)
                end = into / path.name if target.endswith("/") and inner == Path() else into / inner
                end.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, end)

    def _run(self, value: str) -> None:
        mounts: dict[str, Path] = {}
        while value.startswith("--"):
            flag, _, value = value.partition(" ")
            value = value.lstrip()
            options = dict(word.split("=", 1) for word in flag.removeprefix("--mount=").split(","))
            if options["type"] == "bind":
                (source,) = (stage for stage in self.stages if stage.name == options["from"])
                mounts[options["target"]] = Path(source.inside(options["source"]))
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", self.last.inside(value, mounts)],
            cwd=self.last.inside(self.last.workdir),
            env={**self.last.variables(), **self.last.args, **_PIP},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"RUN {value}\n{done.stdout}{done.stderr}"


# What this machine needs to reach its package index.
_PIP = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower().endswith("_proxy")}


def kept(context: Path, source: str) -> Iterator[Path]:
    """The files below a path that .dockerignore leaves in the build context: the last pattern that fits decides."""
    lines = (context / ".dockerignore").read_text().splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    start = context / source
    for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
        ignored = False
        for pattern in patterns:
            if _fits(path.relative_to(context), pattern.removeprefix("!")):
                ignored = not pattern.startswith("!")
        if path.is_file() and not ignored:
            yield path


def _fits(path: Path, pattern: str) -> bool:
    names = [str(path), *(str(parent) for parent in path.parents if parent != Path())]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(Path(name).name, pattern[3:]) for name in names)
    return any(name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern) for name in names)
