"""Documentation, JSON Schema and example files, made from the declarations.

    python -m sockudo_tx.config.render [--check] [DIRECTORY]

writes them below the directory (the working directory by default), or tells whether they are up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .pages.document import markdown
from .pages.envfile import env_file
from .pages.example import example
from .pages.jsonschema import json_schema
from .pages.production import production
from .pages.readme import readme

__all__ = ["files", "main", "stale"]


def files() -> dict[str, str]:
    """What belongs into each file, by path below the repository."""
    return {
        "config/README.md": readme(),
        "config/config.json": _json(example()),
        "config/config.schema.json": _json(json_schema()),
        "config/example.env": env_file(),
        "config/production.json": _json(production()),
        "docs/configuration.md": markdown(),
    }


def stale(root: Path) -> list[str]:
    """Paths of the files below `root` that are missing or do not say what the declarations say."""
    return [
        path
        for path, text in files().items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str]) -> int:
    """The command; its exit status."""
    check = "--check" in arguments
    root = Path(next((each for each in arguments if not each.startswith("-")), "."))
    old = stale(root)
    for path in old:
        if not check:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files()[path], encoding="utf-8")
        print(f"{path} {'is not up to date: run python -m sockudo_tx.config.render' if check else 'written'}")
    return 1 if check and old else 0


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
