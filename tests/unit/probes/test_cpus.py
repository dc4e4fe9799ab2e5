"""How many CPUs a process may use, by files as kernels and containers show them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.schema import Config
from sockudo_tx.config.sections.cluster import InstanceConfig
from sockudo_tx.probes.cpus import usable_cpus, worker_count


class CpusTests(SynchronousTestCase):
    """`usable_cpus`"""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.may_run_on(8)

    def may_run_on(self, cpus: int) -> None:
        self.patch(os, "sched_getaffinity", lambda pid: set(range(cpus)))

    def file(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self, cpus: int) -> None:
        self.assertEqual(usable_cpus(self.root), cpus)

    def test_affinity(self) -> None:
        """Without quotas: those it may run on, where that is asked for, else all."""
        self.found(8)
        self.may_run_on(3)
        self.found(3)
        self.patch(os, "cpu_count", lambda: 5)
        self.addCleanup(setattr, os, "sched_getaffinity", os.sched_getaffinity)
        del os.sched_getaffinity
        self.found(5)

    def test_version_2(self) -> None:
        """`cpu.max`, rounded down; never less than one, never more than there are."""
        self.file("proc/self/cgroup", "0::/\n")
        for text, cpus in (
            ("max 100000\n", 8),
            ("200000 100000\n", 2),
            ("399999 100000\n", 3),
            ("50000 100000\n", 1),
            ("9900000 100000\n", 8),
            ("100000 50000\n", 2),
        ):
            self.file("sys/fs/cgroup/cpu.max", text)
            self.found(cpus)

    def test_groups_above(self) -> None:
        """The tightest quota counts, of whichever group above ours it is."""
        self.file("proc/self/cgroup", "0::/system.slice/sockudo.service\n")
        self.file("sys/fs/cgroup/system.slice/sockudo.service/cpu.max", "600000 100000\n")
        self.found(6)
        self.file("sys/fs/cgroup/system.slice/cpu.max", "300000 100000\n")
        self.found(3)
        self.file("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n")
        self.found(6)

    def test_path_of_the_host(self) -> None:
        """In a container that sees paths of its host: what is mounted there is its own group."""
        for path in ("/docker/0123", "/../../kubepods/pod1", "/.."):
            self.file("proc/self/cgroup", f"0::{path}\n")
            self.file("sys/fs/cgroup/cpu.max", "200000 100000\n")
            self.found(2)

    def test_version_1(self) -> None:
        """`cpu.cfs_quota_us` over `cpu.cfs_period_us`, wherever the controller is mounted."""
        self.file("proc/self/cgroup", "5:memory:/a\n3:cpu,cpuacct:/docker/1\n0::/\n")
        self.file("sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "-1\n")
        self.file("sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n")
        self.found(8)
        self.file("sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "250000\n")
        self.found(2)
        self.file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n")
        self.file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
        self.found(1)

    def test_strange_files(self) -> None:
        """What cannot be read limits nothing."""
        self.file("proc/self/cgroup", "rubbish\n0::/x\n::\n")
        for text in ("", "x y\n", "0 0\n", "100000 0\n", "1 2 3\n", "0 100000\n"):
            self.file("sys/fs/cgroup/cpu.max", text)
            self.found(8)
        (self.root / "sys/fs/cgroup/cpu.max").write_bytes(b"\xff\xfe")
        self.found(8)

    def test_workers(self) -> None:
        """A number is that many, `auto` one for each CPU, and one is built in."""
        self.file("proc/self/cgroup", "0::/\n")
        self.file("sys/fs/cgroup/cpu.max", "400000 100000\n")
        self.assertEqual(worker_count(Config(), self.root), 1)
        cases: list[tuple[int | Literal["auto"], int]] = [(3, 3), ("auto", 4)]
        for workers, count in cases:
            self.assertEqual(worker_count(Config(instance=InstanceConfig(workers=workers)), self.root), count)
