"""Liveness: who is pinged when, and who is given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.liveness import Liveness, Pulse, Step

DEFAULT = Liveness.of(120, 30, True, 30, 120)
QUIET = Liveness.of(120, 30, False, 30, 0)
"""Only the protocol's own ping."""

ENDINGS = (Step.GIVE_UP, Step.UNAUTHORIZED, Step.IDLE)


def life(liveness: Liveness, authorize_by: float | None, heard: list[float], until: float) -> list[tuple[float, Step]]:
    """What a connection that opened at 0 and is heard at these times goes through, looked at only when `next_at` says."""
    pulse = Pulse(0.0, authorize_by)
    steps: list[tuple[float, Step]] = []
    heard = sorted(heard)
    now = 0.0
    while now <= until:
        while heard and heard[0] <= now:
            pulse.heard_at, pulse.pinged_at = heard.pop(0), None
        step = liveness.step(pulse, now)
        if step is not Step.WAIT:
            steps.append((now, step))
        if step in ENDINGS:
            break
        if step is Step.PING:
            pulse.pinged_at = now
        elif step is Step.NATIVE_PING:
            pulse.native_pinged_at = now
        now = max(liveness.next_at(pulse, now), now + 0.25)
    return steps


class SettingsTests(SynchronousTestCase):
    """`Liveness.of`"""

    def test_defaults(self) -> None:
        """Native pings keep behind the protocol's own, and the hard limit behind ping and pong."""
        self.assertEqual(DEFAULT, Liveness(120, 30, 60, 155))

    def test_floor(self) -> None:
        """A native ping is never sent more often than its interval, half the activity timeout, and 5 s."""
        self.assertEqual(Liveness.of(120, 30, True, 90, 0).native_ping_interval, 90)
        self.assertEqual(Liveness.of(1, 30, True, 1, 0).native_ping_interval, 5)

    def test_off(self) -> None:
        """`auto_ping` false sends none; `idle_timeout` 0 is no limit."""
        self.assertEqual(QUIET, Liveness(120, 30, 0, 0))

    def test_idle(self) -> None:
        """A longer idle timeout counts, a shorter one cannot come before the protocol's own ping has failed."""
        self.assertEqual(Liveness.of(120, 30, True, 30, 400).idle_timeout, 400)
        self.assertEqual(Liveness.of(10, 30, True, 30, 1).idle_timeout, 45)


class StepTests(SynchronousTestCase):
    """`step`, `next_at`"""

    def test_silence(self) -> None:
        """A silent client is pinged at 120 s and closed at 150 s."""
        self.assertEqual(life(QUIET, None, [], 1000), [(120, Step.PING), (150, Step.GIVE_UP)])

    def test_defaults(self) -> None:
        """With native pings in between, and the hard limit never reached."""
        self.assertEqual(
            life(DEFAULT, None, [], 1000),
            [(60, Step.NATIVE_PING), (120, Step.PING), (150, Step.GIVE_UP)],
        )

    def test_answer(self) -> None:
        """After an answer the next ping comes one whole activity timeout later."""
        self.assertEqual(life(QUIET, None, [121], 270), [(120, Step.PING), (241, Step.PING)])
        self.assertEqual(life(QUIET, None, [149.9], 260), [(120, Step.PING)])

    def test_answer_to_the_impatient(self) -> None:
        """Also when an activity timeout is shorter than the wait for an answer."""
        steps = life(Liveness.of(2, 30, False, 30, 0), None, [2.5, 5.0], 8)
        self.assertEqual(steps, [(at, Step.PING) for at in (2, 4.5, 7)])

    def test_late_answer(self) -> None:
        """An answer after the deadline is too late."""
        self.assertEqual(life(QUIET, None, [150.1], 1000)[-1], (150, Step.GIVE_UP))

    def test_activity(self) -> None:
        """Whoever is heard in time is never pinged."""
        self.assertEqual(life(QUIET, None, [100.0 * n for n in range(1, 20)], 2000), [])

    def test_pongs(self) -> None:
        """The answer to a native Ping of ours counts only when `pusher:ping` is out."""
        pulse = Pulse(0.0, None)
        pulse.hear_answer(10)
        self.assertEqual(pulse.heard_at, 0)
        pulse.pinged_at = 120.0
        pulse.hear_answer(121)
        self.assertEqual((pulse.heard_at, pulse.pinged_at), (121, None))

    def test_authorization(self) -> None:
        """The user-authentication deadline ends a connection however lively it is."""
        self.assertEqual(life(QUIET, 50, [40, 49], 1000), [(50, Step.UNAUTHORIZED)])

    def test_gravest(self) -> None:
        """Of several things due the gravest counts."""
        pulse = Pulse(0, 10)
        pulse.pinged_at = 0
        self.assertIs(DEFAULT.step(pulse, 1000), Step.UNAUTHORIZED)
        pulse.authorize_by = None
        self.assertIs(DEFAULT.step(pulse, 1000), Step.GIVE_UP)
        pulse.pinged_at = 999
        self.assertIs(DEFAULT.step(pulse, 1000), Step.IDLE)

    def test_idle(self) -> None:
        """The hard limit ends a connection whose ping was never sent."""
        pulse = Pulse(0, None)
        pulse.pinged_at = 150
        self.assertIs(DEFAULT.step(pulse, 154.9), Step.WAIT)
        self.assertIs(DEFAULT.step(pulse, 155), Step.IDLE)

    @given(
        st.lists(st.floats(0, 600), max_size=8),
        st.one_of(st.none(), st.floats(1, 600)),
        st.sampled_from([DEFAULT, QUIET, Liveness.of(5, 2, True, 1, 1)]),
    )
    def test_next_at_is_enough(self, heard: list[float], authorize_by: float | None, liveness: Liveness) -> None:
        """Looking only when `next_at` says finds every end no later than looking all the time, within a quarter second."""
        ended = life(liveness, authorize_by, heard, 2000)[-1]
        silent_since = max([t for t in heard if t <= ended[0]], default=0.0)
        if ended[1] is Step.UNAUTHORIZED:
            assert authorize_by is not None
            self.assertLessEqual(ended[0] - authorize_by, 0.25)
        else:
            due = silent_since + liveness.activity_timeout + liveness.pong_timeout
            self.assertLessEqual(abs(ended[0] - due), 0.5)
