"""Looking at the world a configuration names, before anything is started: files, addresses, ports, sockets.

Nothing here writes, or sends a byte or a credential; whatever is opened is closed at once.
"""

from .cpus import usable_cpus, worker_count
from .machine import certificate_findings, file_limit_findings, queue_file_findings, worker_findings
from .world import world_findings

__all__ = [
    "certificate_findings",
    "file_limit_findings",
    "queue_file_findings",
    "usable_cpus",
    "worker_count",
    "worker_findings",
    "world_findings",
]
