"""A cluster and its clients, to which steps happen; what is true is known all along, and compared at quiet points."""

from __future__ import annotations

import json

from sockudo_tx.protocol.bus_frames import Decoded, Event, Presence, UserChange, UserEvent
from sockudo_tx.testing import fixture_app

from .client import Broken, Client
from .facts import Transitions
from .looking import look, rest
from .node import Node
from .pairs import Pair
from .steps import Step

__all__ = ["ROOMS", "World"]

ROOMS = ("presence-1", "presence-2")
HALLS = ("hall", "private-p", "other")
CHANNELS = ROOMS + HALLS
MEMBERS = [f"m{n}" for n in range(6)]
USERS = [f"u{n}" for n in range(4)]
QUOTA = 14
LIMIT = 4

APP = fixture_app(
    max_connections=QUOTA,
    max_presence_members_per_channel=LIMIT,
    max_client_events_per_second=0,
    enable_subscription_count_events=True,
)


class World:
    """`act` does a step; `end` lets everybody leave, and then nothing may be left of them anywhere."""

    ROOMS, HALLS, USERS = ROOMS, HALLS, USERS
    QUOTA = QUOTA
    """Connections of the app."""
    LIMIT = LIMIT
    """Members of a presence channel."""

    def __init__(self, pair: Pair, nodes: int = 3) -> None:
        self.pair = pair
        self.facts = Transitions()
        self.nodes: list[Node] = []
        self.clients: list[Client] = []
        self.owed: dict[Client, set[tuple[str, int]]] = {}
        """Channel and number of the events each is to get."""
        self.unwanted: dict[Client, set[tuple[str, int]]] = {}
        """Those its filters keep away."""
        self.denied: dict[Client, set[tuple[str, int]]] = {}
        """Those it must not get."""
        self.excused: set[tuple[str, int]] = set()
        """Events that may have been lost on their way to other nodes."""
        self.counts_lost = False
        """Somebody may have missed how many there are; nothing tells it again before the next change."""
        self.forgotten = False
        """The authority has lost its state, and not everybody has told it again what is."""
        self.buried: set[Node] = set()
        """Nodes that were taken for dead, and perhaps do not know it yet: it concerns those who come until then, too."""
        self.unrepaired = False
        """Something was lost that only an audit notices."""
        self.over = False
        """More may be there than allowed: for a while the authority did not know of all."""
        self._born = 0
        self._serial = 0
        for _ in range(nodes):
            self.boot()

    # Nodes

    def boot(self) -> Node:
        self._born += 1
        pair = self.pair
        node = Node(f"{self._born:016x}", APP, pair.clock, pair.connect, pair.around, pair.cache, self.facts)
        self.nodes.append(node)
        return node

    def crash(self, node: Node) -> None:
        node.crash()
        self.excused |= node.published  # perhaps on their way out
        self.nodes.remove(node)
        for client in self.clients_of(node):
            client.ended = True
            self.forget_client(client)
        self.pair.gone(node.name, node.engine.node_id)

    def clients_of(self, node: Node) -> list[Client]:
        return [client for client in self.clients if client.node is node]

    def changes(self, client: Client, channel: str) -> None:
        """It asks for something else there: what is on its way to it may come or not."""
        for events in (self.owed, self.unwanted):
            events[client] = {each for each in events[client] if each[0] != channel}

    def leave(self, *clients: Client) -> None:
        """These lose their connections at once."""
        for client in clients:
            client.listen()
            if not client.ended:
                client.vanish()
        self.listen()

    def forget_client(self, client: Client) -> None:
        self.clients.remove(client)
        for events in (self.owed, self.unwanted, self.denied):
            del events[client]

    @property
    def acting(self) -> list[Node]:
        return [node for node in self.nodes if node.acting]

    @property
    def talkers(self) -> list[Client]:
        """Clients that can say something now."""
        return [client for client in self.clients if client.id and client.node.acting]

    def connect(self, node: Node) -> Client:
        client = Client(node, f"c{self._number()}")
        client.own_told = self.forgotten or node in self.buried
        self.clients.append(client)
        for events in (self.owed, self.unwanted, self.denied):
            events[client] = set()
        return client

    # Steps

    async def act(self, step: Step) -> None:
        done = getattr(self, f"_{step.what}")(*step.numbers)
        if done is not None:
            await done
        self.listen()

    def listen(self) -> None:
        """Everybody takes in what has come."""
        for client in list(self.clients):
            client.listen()
            if client.ended:
                self.forget_client(client)
        established = sum(1 for client in self.clients if client.id)
        if established > QUOTA and not self.over:
            raise Broken(f"{established} connections where {QUOTA} are allowed")
        for client in self.clients:
            for channel, place in client.places.items():
                if len(place.members) > LIMIT and not self.over:
                    raise Broken(f"{client!r}: {channel} has {sorted(place.members)}, {LIMIT} are allowed")

    def _connect(self, a: int, *_: int) -> None:
        if self.acting:
            self.connect(self.acting[a % len(self.acting)])

    def _lose(self, a: int, *_: int) -> None:
        if self.talkers:
            self.leave(self.talkers[a % len(self.talkers)])

    def _subscribe(self, a: int, b: int, c: int, d: int) -> None:
        if self.talkers:
            client, channel = self.talkers[a % len(self.talkers)], CHANNELS[b % len(CHANNELS)]
            if channel in ROOMS and channel in client.places and d % 8:
                self._again(a, b)
            else:
                self.changes(client, channel)
                client.subscribe(channel, MEMBERS[c % len(MEMBERS)] if channel in ROOMS else None, d % 3 == 0)

    def _again(self, a: int, b: int, *_: int) -> None:
        """A repeated subscription."""
        if self.talkers:
            client = self.talkers[a % len(self.talkers)]
            channels = [channel for channel in client.places if client.is_in(channel)]
            if channels:
                channel = channels[b % len(channels)]
                client.subscribe(channel, client.places[channel].user_id, client.places[channel].filtered)

    def _unsubscribe(self, a: int, b: int, *_: int) -> None:
        if self.talkers:
            client = self.talkers[a % len(self.talkers)]
            channels = [*client.places, *(asked.channel for asked in client.asked if asked.what == "subscribe")]
            if channels:
                self.changes(client, channels[b % len(channels)])
                client.unsubscribe(channels[b % len(channels)])

    def _publish(self, a: int, b: int, c: int, d: int) -> None:
        if self.acting:
            node = self.acting[a % len(self.acting)]
            excluded = self.talkers[c % len(self.talkers)] if self.talkers and c % 4 == 0 else None
            tags = ({"side": "buy"}, {"side": "sell"}, None)[d % 3]
            channels = [CHANNELS[b % len(CHANNELS)]]
            if d % 5 == 0:
                channels.append(CHANNELS[(b + 1) % len(CHANNELS)])
            self.publish(node, channels, excluded, tags)

    def _batch(self, a: int, b: int, c: int, d: int) -> None:
        for n in range(4):
            self._publish(a, b + n % 2, 1, d)

    def publish(
        self, node: Node, channels: list[str], excluded: Client | None = None, tags: dict[str, str] | None = None
    ) -> int:
        """An event for these channels, and who is to get it; its number."""
        number = self._number()
        for channel in channels:
            for client in self.clients:
                if client is excluded:
                    self.denied[client].add((channel, number))
                elif client.is_in(channel) and client.places[channel].filtered and tags != {"side": "buy"}:
                    self.unwanted[client].add((channel, number))
                elif client.is_in(channel):
                    self._owe(client, node, channel, number)
        data = json.dumps({"n": number, "p": node.name})
        node.publish(*channels, data=data, excluded=excluded.id if excluded is not None else None, tags=tags)
        return number

    def _client_event(self, a: int, *_: int) -> None:
        inside = [client for client in self.talkers if client.is_in("private-p")]
        if inside:
            sender = inside[a % len(inside)]
            number = self._number()
            for client in self.clients if sender.is_settled else ():
                if client is not sender and client.is_in("private-p"):
                    self._owe(client, sender.node, "private-p", number)
            sender.say("client-e", {"n": number, "p": sender.name}, channel="private-p")

    def _sign_in(self, a: int, b: int, c: int, d: int) -> None:
        if self.talkers:
            client = self.talkers[a % len(self.talkers)]
            user_id = client.user_id or USERS[b % len(USERS)]
            if not any(asked.what == "signin" for asked in client.asked):
                client.sign_in(user_id, tuple(sorted({USERS[c % len(USERS)], USERS[d % len(USERS)]})))

    def _to_user(self, a: int, b: int, *_: int) -> None:
        if self.acting:
            node, user_id = self.acting[a % len(self.acting)], USERS[b % len(USERS)]
            number, channel = self._number(), f"#server-to-user-{user_id}"
            for client in self.clients:
                if client.user_id == user_id and client.is_settled:
                    self._owe(client, node, channel, number)
            node.publish(channel, data=json.dumps({"n": number, "p": node.name}))

    def _terminate(self, a: int, b: int, *_: int) -> None:
        if self.acting:
            self.acting[a % len(self.acting)].engine.terminate_user(APP.id, USERS[b % len(USERS)])

    def _owe(self, client: Client, node: Node, channel: str, number: int) -> None:
        if client.node is not node:
            node.published.add((channel, number))
            if not node.bus.up:
                self.excused.add((channel, number))
            if client.node.bus.is_cut:
                return
        self.owed[client].add((channel, number))

    async def _turn(self, a: int, *_: int) -> None:
        """Hardly any time."""
        await self.pair.advance((0, 0, 0.001, 0.02)[a % 4])

    async def _wait(self, a: int, *_: int) -> None:
        await self.pair.advance((0.1, 0.6, 1.5, 4.0, 12.0)[a % 5])

    async def _look(self, *_: int) -> None:
        await look(self)

    async def _rest(self, *_: int) -> None:
        await rest(self)

    # Faults

    def _boot(self, *_: int) -> None:
        if len(self.nodes) < 4:
            self.boot()

    async def _crash(self, a: int, *_: int) -> None:
        """While nothing is under way."""
        if len(self.nodes) > 1 and all(node.acting for node in self.nodes):
            await self.pair.settle()
            self.listen()
            self.crash(self.nodes[a % len(self.nodes)])

    def _crash_busy(self, a: int, *_: int) -> None:
        """In the middle of whatever it does."""
        if len(self.nodes) > 1:
            node = self.nodes[a % len(self.nodes)]
            # What it was told to tell, and has not told, is lost with it.
            self.facts.unsure = self.counts_lost = True
            self.crash(node)

    def _freeze(self, a: int, *_: int) -> None:
        if len(self.acting) > 1:
            self.acting[a % len(self.acting)].freeze()

    def _thaw(self, a: int, *_: int) -> None:
        frozen = [node for node in self.nodes if node.life.frozen]
        if frozen:
            frozen[a % len(frozen)].thaw()

    def _drop(self, a: int, b: int, *_: int) -> None:
        """The next frames on their way to a node are lost, but for those that bring no state of theirs."""
        node, left = self.nodes[a % len(self.nodes)], [1 + b % 3]

        def dropping(frame: object) -> bool:
            if left[0] and isinstance(frame, Decoded) and isinstance(frame.header, Event | Presence | UserEvent):
                left[0] -= 1
                return True
            return False

        node.bus.dropping = dropping
        self.unrepaired = self.counts_lost = True

    def _twice(self, a: int, *_: int) -> None:
        """Every frame that has a number comes twice from now on."""
        self.nodes[a % len(self.nodes)].bus.doubling = lambda frame: (
            isinstance(frame, Decoded) and not isinstance(frame.header, UserChange)
        )

    def _lag(self, a: int, *_: int) -> None:
        """Frames wait, answers do not: totals told by several nodes may come in another order."""
        self.counts_lost = True
        self.nodes[a % len(self.nodes)].bus.lag()

    def _cut(self, a: int, *_: int) -> None:
        self.unrepaired = self.counts_lost = True
        self.nodes[a % len(self.nodes)].bus.cut()

    def _heal(self, a: int, *_: int) -> None:
        away = [node for node in self.nodes if node.bus.is_cut or node.bus.is_late]
        if away:
            self._repair(away[a % len(away)])

    def recover(self) -> None:
        """Every fault is over."""
        for node in self.nodes:
            node.bus.dropping = node.bus.doubling = None
            self._repair(node)
            if node.life.frozen:
                node.thaw()

    def _repair(self, node: Node) -> None:
        node.bus.come_late()
        if node.bus.is_cut:
            node.bus.heal()

    async def _bury(self, a: int, *_: int) -> None:
        """One that lives is taken for dead: the others believe it until it has said otherwise."""
        if all(node.acting for node in self.nodes):
            await self.pair.settle()
            self._bury_busy(a)
            await self.pair.settle()

    def _bury_busy(self, a: int, *_: int) -> None:
        """In the middle of whatever it does."""
        if self.pair.buries:
            node = self.nodes[a % len(self.nodes)]
            self.over = self.unrepaired = True
            self.buried.add(node)
            for client in self.clients_of(node):
                client.own_told = True
            self.pair.bury(node.engine.node_id)

    def _forget(self, *_: int) -> None:
        if self.pair.forgets:
            self.facts.unsure = self.over = self.unrepaired = self.counts_lost = self.forgotten = True
            for client in self.clients:
                client.own_told = True
            self.pair.forget()

    async def end(self) -> None:
        await rest(self)
        self.leave(*self.clients)
        await self.pair.advance(200)  # graces, lingering topics, positions in them
        await rest(self)
        self.boot()
        for node in self.nodes:  # positions in topics go when another one is taken down
            node.engine.terminate_user(APP.id, "nobody")
        await self.pair.settle()
        for node in self.nodes:
            if left := node.left():
                raise Broken(f"{node.name} keeps {left}")
        if left := self.pair.left():
            raise Broken(f"the authority or the bus keeps {left}")

    def _number(self) -> int:
        self._serial += 1
        return self._serial
