"""The server against a model of it: any sequence of legal and illegal commands by several sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.testing import MemoryClient, MemoryServer, channel_auth, fixture_app, user_auth

from .session_model import MEMBER_LIMIT, Model, ModelSocket, alternates

CHANNELS = (
    "news",
    "cache-c",
    "private-a",
    "private-cache-a",
    "presence-r",
    "presence-s",
    "presence-cache-r",
    "#server-to-user-u1",
    "#server-to-user-u2",
)
USERS = ("u1", "u2", "u3")
GARBAGE = (
    "",
    "[]",
    "{",
    '{"event":5}',
    '{"event":"pusher:subscribe"}',
    '{"event":"pusher:subscribe","data":{"channel":"a b"}}',
    '{"event":"pusher:unsubscribe","data":{}}',
    '{"event":"pusher:signin","data":7}',
    '{"event":"client-x"}',
    '{"event":"pusher:subscribe","data":{"channel":"\\ud800"}}',
)
IGNORED = ('{"event":"my-event"}', '{"event":"pusher:pong"}', '{"event":"pusher:error","data":{}}')

sockets = st.integers(0, 5)
channels = st.sampled_from(CHANNELS)
mine = st.integers(0, 9)
users = st.sampled_from(USERS)
data = st.sampled_from((None, "null", "1.50", '"text"', '{"channel":"x","é":[1]}', '"{\\"a\\":1}"'))


class ServerMachine(RuleBasedStateMachine):
    """Each rule does one thing to the server and to the model; then everybody received exactly what was due."""

    @initialize(counts=st.booleans(), late=st.booleans())
    def start(self, counts: bool, late: bool) -> None:
        app = fixture_app(
            max_client_events_per_second=0,
            max_presence_members_per_channel=MEMBER_LIMIT,
            enable_subscription_count_events=counts,
        )
        patient = EngineSettings(activity_timeout=10**6, user_authentication_timeout=10**6, auto_ping=False)
        self.server = MemoryServer(apps=[app], settings=patient, late=late)
        self.model = Model(counts)
        self.app, self.late = app, late
        self.pairs: list[tuple[MemoryClient, ModelSocket]] = []
        self.numbers = 0
        self.seen: list[Any] = []

    @staticmethod
    def choose(socket: ModelSocket, mine: int, channel: str) -> str:
        """Mostly a channel the socket is in, else this one."""
        inside = list(socket.channels)
        return inside[mine % len(inside)] if inside and mine < 8 else channel

    def pair(self, index: int) -> tuple[MemoryClient, ModelSocket]:
        return self.pairs[index % len(self.pairs)]

    @precondition(lambda self: len(self.pairs) < 6)
    @rule()
    def connect(self) -> None:
        client = self.server.client()
        socket = ModelSocket(client.established)
        self.model.sockets.append(socket)
        self.pairs.append((client, socket))

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, channel=channels, signed=st.integers(0, 5), user=users)
    def subscribe(self, index: int, channel: str, signed: int, user: str) -> None:
        client, socket = self.pair(index)
        self.numbers += 1
        info = {"n": self.numbers}
        channel_data = json.dumps({"user_id": user, "user_info": info})
        presence = channel.startswith("presence-")
        auth = channel_auth(self.app, socket.id, channel, channel_data if presence else None) if signed else "key:bad"
        message = {"channel": channel, "auth": auth, "channel_data": channel_data}
        client.send({"event": "pusher:subscribe", "data": message})
        self.model.subscribe(socket, channel, bool(signed), user, info)

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, mine=st.integers(0, 7), user=users)
    def subscribe_again(self, index: int, mine: int, user: str) -> None:
        channel = self.choose(self.pair(index)[1], mine, "presence-r")
        self.subscribe(index, channel, 1, user)

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, channel=channels, mine=mine)
    def unsubscribe(self, index: int, channel: str, mine: int) -> None:
        client, socket = self.pair(index)
        channel = self.choose(socket, mine, channel)
        client.send({"event": "pusher:unsubscribe", "data": {"channel": channel}})
        self.model.unsubscribe(socket, channel)

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, user=users, signed=st.integers(0, 5), watched=st.lists(users, unique=True))
    def signin(self, index: int, user: str, signed: int, watched: list[str]) -> None:
        client, socket = self.pair(index)
        user_data = json.dumps({"id": user, "watchlist": watched})
        auth = user_auth(self.app, socket.id, user_data) if signed else "key:bad"
        client.send({"event": "pusher:signin", "data": {"user_data": user_data, "auth": auth}})
        self.model.signin(socket, user, bool(signed), watched, user_data)

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, channel=channels, mine=mine, value=data)
    def client_event(self, index: int, channel: str, mine: int, value: str | None) -> None:
        client, socket = self.pair(index)
        channel = self.choose(socket, mine, channel)
        members = "" if value is None else f',"data":{value}'
        client.send(f'{{"event":"client-x","channel":"{channel}"{members},"user_id":"mallory"}}')
        self.model.client_event(socket, channel, value)

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, text=st.sampled_from(GARBAGE))
    def garbage(self, index: int, text: str) -> None:
        client, _ = self.pair(index)
        (answer,) = client.send(text).json()
        assert answer["event"] == "pusher:error", answer
        assert answer["data"]["code"] in (4000, 4300, 4301), answer

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, text=st.sampled_from(IGNORED))
    def ignored(self, index: int, text: str) -> None:
        self.pair(index)[0].send(text)

    @rule(
        names=st.lists(channels, min_size=1, max_size=3, unique=True), value=users, index=sockets, exclude=st.booleans()
    )
    def publish(self, names: list[str], value: str, index: int, exclude: bool) -> None:
        excluded = self.pair(index)[1].id if exclude and self.pairs else None
        members = {} if excluded is None else {"socket_id": excluded}
        self.server.publish(names, "e", value, **members)
        self.model.publish(names, "e", value, excluded)

    @rule(user=users)
    def terminate(self, user: str) -> None:
        self.server.terminate(user)
        self.model.terminate(user)

    @precondition(lambda self: self.pairs)
    @rule(index=sockets, how=st.sampled_from(("close", "cut", "end of file")))
    def disconnect(self, index: int, how: str) -> None:
        client, socket = self.pair(index)
        if how == "close":
            client.close()
        else:
            client.cut(clean=how != "cut")
        self.model.leave(socket)

    @rule(seconds=st.sampled_from((0.2, 1.0, 3.5)))
    def advance(self, seconds: float) -> None:
        self.server.advance(seconds)
        self.model.settle()

    @invariant()
    def everybody_received_what_was_due(self) -> None:
        for client, socket in self.pairs if hasattr(self, "pairs") else ():
            due, socket.due = socket.due, []
            frames = client.take()
            if self.late and socket.closed:  # how much it still heard of its fellows depends on the answers
                frames, due = frames[-1:], due[-1:]
            assert frames == due, (socket.id, frames, due)
            assert (client.closed is not None) == socket.closed, client.closed
        if hasattr(self, "pairs"):
            self.pairs = [pair for pair in self.pairs if not pair[1].closed]

    @invariant()
    def tables_equal_the_model(self) -> None:
        if not hasattr(self, "pairs"):
            return
        counted = self.server.get("/channels", info="subscription_count")["channels"]
        occupied = self.model.occupied()
        assert counted == {name: {"subscription_count": len(self.model.inside(name))} for name in occupied}
        for channel in occupied:
            if channel.startswith("presence-"):
                assert self.server.members(channel) == sorted(self.model.members.get(channel, {})), channel
        self.seen += self.server.facts.take()
        assert alternates(self.seen) == []

    def teardown(self) -> None:
        if not hasattr(self, "pairs"):
            return
        for client, socket in self.pairs:
            client.cut()
            if not socket.closed:
                self.model.leave(socket)
        self.server.advance(10)
        assert self.server.tables() == {}
        self.seen += self.server.facts.take()
        assert alternates(self.seen) == []
        for beginning, end in (("channel_occupied", "channel_vacated"), ("member_added", "member_removed")):
            begun = sum(fact.name == beginning for fact in self.seen)
            ended = sum(fact.name == end for fact in self.seen)
            assert begun == ended, (beginning, begun, ended)


class ServerModelTests(ServerMachine.TestCase):  # type: ignore[name-defined,misc]
    """The server does what the model does, and nothing else."""

    settings = settings(max_examples=60, stateful_step_count=50, deadline=None)


@pytest.mark.long
@pytest.mark.timeout(900)
class LongServerModelTests(ServerMachine.TestCase):  # type: ignore[name-defined,misc]
    """The same, at length."""

    settings = settings(max_examples=1000, stateful_step_count=100, deadline=None)
