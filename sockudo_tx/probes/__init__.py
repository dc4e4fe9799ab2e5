"""Looking at the world a configuration names, before anything is started: files, addresses, ports, sockets.

Nothing here writes, or sends a byte or a credential; whatever is opened is closed at once.
"""

from .machine import certificate_findings, file_limit_findings, queue_file_findings
from .world import world_findings

__all__ = ["certificate_findings", "file_limit_findings", "queue_file_findings", "world_findings"]
