"""What the engine is asked: about channels and users of all nodes, and about what is here."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..interfaces import Answer, ChannelCounts, IAuthority, Snapshot
from .cached_events import CachedEvent, CachedEvents
from .cluster.cluster import Cluster
from .cluster.tally import ClusterTally
from .connections import Connections
from .node import Node
from .registry import Registry
from .stats import Stats, stats_of
from .tables import Socket
from .tailored.placement import Placement

__all__ = ["Questions"]


class Questions:
    """The half of the engine that changes nothing."""

    registry: Registry
    _authority: IAuthority
    _cached: CachedEvents
    _connections: Connections
    _cluster: Cluster | None
    _placement: Placement
    node: Node

    def counts(self, app_id: str, channel: str) -> Answer[ChannelCounts]:
        """Cluster-wide counts of one channel."""
        answer: Answer[ChannelCounts] = self._authority.counts(app_id, channel)
        return answer

    def channels(self, app_id: str, prefix: str) -> Answer[dict[str, ChannelCounts]]:
        """Occupied channels by name."""
        answer: Answer[dict[str, ChannelCounts]] = self._authority.channels(app_id, prefix)
        return answer

    def members(self, app_id: str, channel: str) -> Answer[list[str]]:
        """Distinct user ids of a presence channel."""
        answer: Answer[Snapshot] = self._authority.snapshot(app_id, channel)
        if isinstance(answer, Deferred):
            return answer.addCallback(lambda snapshot: list(snapshot.members))
        return list(answer.members)

    def user_connections(self, app_id: str, user_id: str) -> Answer[int]:
        """How many sockets are signed in as the user."""
        answer: Answer[int] = self._authority.user_connections(app_id, user_id)
        return answer

    def cached_event(self, app_id: str, channel: str) -> Answer[CachedEvent | None]:
        """The last event of a cache channel. Fails with `BackendError`."""
        return self._cached.read(app_id, channel)

    def handed_on(self) -> Deferred[None] | None:
        """Fires when whoever publishes at another node now comes behind what was published here; soon in any case."""
        return self._cluster.handed_on() if self._cluster is not None else None

    def sockets(self) -> list[Socket]:
        """Every connection whose transport has not gone yet, refused ones included."""
        return list(self._connections.open)

    @property
    def leaving(self) -> int:
        """Connections that have ended and wait to be taken out of the tables."""
        return len(self._connections.leaving)

    def stats(self) -> Stats:
        """This node's totals, per app."""
        return stats_of(self.registry)

    def tables(self) -> dict[str, int]:
        """Entries in each table of the engine: all zero when nobody is connected."""
        return {
            "apps": len(self.registry.apps),
            "connections": len(self._connections.open),
            "deadlines": len(self._connections.deadlines),
            "followed channels": len(self._placement),
            "leaving": self.leaving,
        }

    @property
    def node_id(self) -> str:
        """Who this process is to the others, where there are any."""
        return self.node.id

    @property
    def refusing(self) -> bool:
        """What is published now does not reach the other nodes, and its publisher has to be told (scaling.md 4.8)."""
        return self._cluster is not None and self._cluster.refusing

    @property
    def cluster_tally(self) -> ClusterTally | None:
        """What was seen of the bus; None where there is none."""
        return self._cluster.tally if self._cluster is not None else None

    @property
    def admitting(self) -> bool:
        """New connections are welcome."""
        return not self._connections.draining
