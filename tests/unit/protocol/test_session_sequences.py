"""The session under any sequence of commands."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.effects import Asked, Effect, Join, Leave, Relay, Replay, Send
from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.protocol.messages import (
    ClientEvent,
    Command,
    EnableDelta,
    Ignored,
    Ping,
    Pong,
    Signin,
    Subscribe,
    SyncError,
    Unsubscribe,
)
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.protocol.session import Session

from .session_case import APP, SOCKET_ID, changed, signed, signin, state

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
channels = st.one_of(
    st.sampled_from(["news", "cache-c", "private-a", "private-cache-a", "presence-r", "presence-s", "#server-to-user-u1", "a b", ""]),
    texts,
)  # fmt: skip
datas = st.one_of(st.none(), st.sampled_from(['{"user_id":"u1"}', '{"user_id":2}', "{", "[]"]), texts)
user_datas = st.one_of(
    st.sampled_from(['{"id":"u1"}', '{"id":"u2","watchlist":["a"]}', '{"id":"u1","user_info":[1]}', "{", "{}"]), texts
)
commands = st.one_of(
    st.builds(signed, channels, datas),
    st.builds(Subscribe, channels, st.one_of(st.none(), texts), datas, st.sampled_from([None, Asked(None, True)])),
    st.builds(Unsubscribe, channels),
    st.builds(signin, user_datas),
    st.builds(Signin, st.one_of(st.none(), texts), st.one_of(st.none(), user_datas)),
    st.builds(ClientEvent, texts.map("client-".__add__), st.one_of(st.none(), channels), st.one_of(st.none(), st.text().map(json.dumps))),
    st.builds(SyncError, st.one_of(st.none(), channels)),
    st.sampled_from([Ping(), Pong(), EnableDelta(), Ignored()]),
)  # fmt: skip
apps = st.sampled_from(
    [
        APP,
        changed(enabled=False),
        changed(enable_client_messages=False),
        changed(enable_user_authentication=False),
        changed(max_client_events_per_second=1, max_channel_name_length=9),
        changed(max_presence_member_size_in_kb=0, max_event_payload_in_kb=0),
        App(id="app", key="key", secret="secret"),
    ]
)


class SessionMachine(RuleBasedStateMachine):
    """Any commands in any order, each join answered as a server may answer it: taking effect or not."""

    @initialize()
    def start(self) -> None:
        self.session = Session(SOCKET_ID)
        self.now = 0.0

    @rule(command=commands, app=apps, seconds=st.sampled_from([0.0, 0.4, 1.5]), admitted=st.booleans())
    def receive(self, command: Command, app: App, seconds: float, admitted: bool) -> None:
        self.now += seconds
        before = state(self.session)
        refused: PeerError | None = None
        effects: list[Effect] = []
        try:
            effects = list(self.session.receive(command, app, self.now))
        except PeerError as fault:
            refused = fault
        if refused is not None:
            assert state(self.session) == before, command
            assert refused.closing == (refused.code == 4003)
        for effect in effects:
            if isinstance(effect, Join):
                assert state(self.session) == before
                assert (effect.member is not None) == effect.channel.presence
                if admitted:
                    told = list(self.session.joined(effect.channel, effect.member))
                    assert isinstance(told[0], Send)
                    assert [type(e) for e in told[1:]] == [Replay] * effect.channel.cache
                    assert self.session.channels[effect.channel.text] == effect.member
            elif isinstance(effect, Leave):
                assert effect.channel not in self.session.channels
            elif isinstance(effect, Relay):
                assert effect.channel in self.session.channels

    @invariant()
    def authorized_means_something(self) -> None:
        if hasattr(self, "session") and not self.session.authorized:
            assert self.session.user is None
            assert not any(ChannelName.of(name).private for name in self.session.channels)


SessionMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


class AnySequenceTests(SessionMachine.TestCase):  # type: ignore[valid-type,misc]
    """No sequence of commands raises anything but `PeerError`, and a refused command changes nothing."""
