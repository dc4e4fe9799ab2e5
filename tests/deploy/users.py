"""Programs as other users, where we may choose who we are."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from typing import NamedTuple


class User(NamedTuple):
    """Ids, in no group but one; the account need not exist."""

    uid: int
    gid: int


SERVER = User(1000, 1000)
"""Who the container image and the chart run as."""
NGINX_IN_GROUP = User(101, SERVER.gid)
"""nginx's user in its container image, in the server's group."""
NGINX = User(101, 101)

# Some machines keep Python in root's home. This lets a user read all, and write no more than before.
READ_ALL = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


def can_be(user: User) -> bool:
    """Whether this user can run our Python; only root may choose."""
    return _words(user) is not None


def as_user(user: User, *command: str) -> list[str]:
    """The command as this user if we can, otherwise as ourselves."""
    return [*(_words(user) or ()), *command]


@cache
def _words(user: User) -> tuple[str, ...] | None:
    if os.geteuid() != 0:
        return None
    plain = ("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups")
    for words in (plain, (*plain, *READ_ALL)):
        # By way of `env`: the program that setpriv itself starts is found with the rights of root.
        tried = subprocess.run([*words, "env", sys.executable, "-c", ""], check=False, capture_output=True)
        if tried.returncode == 0:
            return words
    return None
