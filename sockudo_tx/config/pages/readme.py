"""What is in the folder of configurations, `config/README.md`."""

from __future__ import annotations

import json

from .production import CHOICES

__all__ = ["readme"]

_TEXT = """\
# Configurations

<!-- Made by `python -m sockudo_tx.config.render`. -->

| file | what it is |
| --- | --- |
| `config.json` | every key with its built-in value, and the demo app; read when the server starts in the folder above |
| `production.json` | a start for a server behind a proxy; start it with `sockudo run -c config/production.json` |
| `example.env` | every variable that has an effect, commented out; copy it to `.env` for compose or systemd |
| `config.schema.json` | lets an editor complete and check the files |

A file replaces the built-in values key by key, a variable beats the file, and files are never merged: what
`production.json` does not say is built in, not taken from `config.json`. What every key means is in
[docs/configuration.md](../docs/configuration.md). `sockudo check-config -c FILE` tells everything there is to say about
a file without starting.

## Why `production.json` differs

It has no app: set `SOCKUDO_DEFAULT_APP_ID`, `SOCKUDO_DEFAULT_APP_KEY` and `SOCKUDO_DEFAULT_APP_SECRET`, or add yours
under `app_manager.array.apps`.

| key | value | why |
| --- | --- | --- |
"""


def readme() -> str:
    """The whole page."""
    rows = (f"| `{path}` | `{json.dumps(value)}` | {' '.join(why.split())} |\n" for path, value, why in CHOICES)
    return _TEXT + "".join(rows)
