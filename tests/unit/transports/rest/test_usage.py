"""Memory figures: of the host, or of the container when it has a limit."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.rest.usage import memory
from tests.http.case import HttpCase

MEMINFO = "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB\nHugePages_Total:   0\n"
HOST = {"free": 614400, "used": 409600, "total": 1024000, "percent": 40.0}
SMALL = {"free": 75, "used": 25, "total": 100, "percent": 25.0}


class MemoryTests(SynchronousTestCase):
    """`memory`"""

    def machine(self, **files: str) -> Path:
        root = Path(self.mktemp())
        for name, text in {"proc_meminfo": MEMINFO, **files}.items():
            path = root / name.replace("_", "/").replace("-", "_")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def test_host(self) -> None:
        """Without a limit it is the host's memory; what could be given back counts as free."""
        self.assertEqual(memory(self.machine()), HOST)

    def test_container(self) -> None:
        """A limit of the container, or of our own group, counts; one above the host's memory does not."""
        root = {"sys_fs_cgroup_memory.max": "100\n", "sys_fs_cgroup_memory.current": "25\n"}
        own = {
            "proc_self_cgroup": "0::/x/y\n",
            "sys_fs_cgroup_x_y_memory.max": "100",
            "sys_fs_cgroup_x_y_memory.current": "25",
        }
        old = {"sys_fs_cgroup_memory_memory.limit-in-bytes": "100", "sys_fs_cgroup_memory_memory.usage-in-bytes": "25"}
        for files in (root, own, old):
            self.assertEqual(memory(self.machine(**files)), SMALL)
        for limit in ("max\n", "99999999999\n", "0"):
            self.assertEqual(memory(self.machine(**{**root, "sys_fs_cgroup_memory.max": limit})), HOST)

    def test_here(self) -> None:
        """On this machine the figures add up."""
        found = memory()
        self.assertEqual(found["free"] + found["used"], found["total"])
        self.assertGreater(found["used"], 0)

    def test_elsewhere(self) -> None:
        """Without /proc there are figures too."""
        self.assertGreater(memory(Path(self.mktemp()))["total"], 0)


class StatsTests(HttpCase):
    """`/stats`"""

    def test_stats(self) -> None:
        """Connections, users and occupancy of this node, in all and per app."""
        self.signed_in("u1")
        self.subscriber("c", "presence-p", user_id="1")
        self.subscriber("presence-p", user_id="1")
        stats = self.call("GET", "/stats").json
        occupancy = {
            "channels": 2,
            "subscriptions": 3,
            "presence_channels": 1,
            "presence_subscriptions": 2,
            "presence_members": 1,
        }
        figures = {"connections": 3, "authenticated_connections": 1, "users": 1, "occupancy": occupancy}
        self.assertEqual(set(stats), {"memory", "totals", "apps"})
        self.assertEqual(stats["totals"], {"apps": 1, **figures})
        self.assertEqual(stats["apps"], [{"app_id": "app-id", **figures}])
