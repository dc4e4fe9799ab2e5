"""Tests of `sockudo_tx.engine.inbox`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.inbox import MESSAGE_LIMIT, SIZE_LIMIT, Inbox


class InboxTests(SynchronousTestCase):
    def test_order(self) -> None:
        """Messages come out as they went in."""
        inbox = Inbox()
        self.assertTrue(all(inbox.put(payload, binary) for payload, binary in ((b"1", False), (b"2", True))))
        self.assertEqual((inbox.take(), inbox.take(), len(inbox)), ((b"1", False), (b"2", True), 0))

    def test_messages(self) -> None:
        """Only so many messages wait."""
        inbox = Inbox()
        self.assertEqual(sum(inbox.put(b"", False) for _ in range(MESSAGE_LIMIT + 5)), MESSAGE_LIMIT)
        inbox.take()
        self.assertTrue(inbox.put(b"", False))

    def test_bytes(self) -> None:
        """Only so many bytes wait, however few messages they are; a first message of any size is taken."""
        inbox = Inbox()
        self.assertTrue(inbox.put(bytes(SIZE_LIMIT), False))
        self.assertFalse(inbox.put(b"1", False))
        inbox.take()
        self.assertTrue(inbox.put(b"1", False))
        self.assertFalse(inbox.put(bytes(SIZE_LIMIT), False))
