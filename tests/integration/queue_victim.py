"""Puts, delivers and settles webhook jobs of a file until somebody kills it; says on standard output what it did.

`accepted ID` when the queue has promised to keep a job, `sent ID` just before it settles it as delivered.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from uuid import uuid4

from sockudo_tx.backends.sqlite.webhook_queue import SqliteWebhookQueue
from sockudo_tx.interfaces import WebhookJob


def main(path: str) -> None:
    from twisted.internet import reactor

    queue = SqliteWebhookQueue(path, reactor, reactor)

    def say(word: str, jobs: list[WebhookJob]) -> None:
        os.write(1, "".join(f"{word} {job.id}\n" for job in jobs).encode())

    def put() -> None:
        jobs = [WebhookJob(uuid4().hex, "app", f"hook {number}", 1, ("{}" * 200,)) for number in range(5)]
        queue.put(jobs).addCallback(lambda _: say("accepted", jobs))  # type: ignore[unused-awaitable]  # nobody waits
        reactor.callLater(0.001, put)

    def deliver() -> None:
        for number, job in enumerate(queue.take(4, {"hook 0"})):
            if number == 1:
                queue.retry(job._replace(attempt=job.attempt + 1, first_ms=1), 0.01)
            elif number == 2:
                queue.bury(job, "why")
            else:
                say("sent", [job])
                queue.done(job)
        reactor.callLater(0.002, deliver)

    started: Any = reactor.callWhenRunning
    queue.listen(lambda: None, lambda job: None)
    started(put)
    started(deliver)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1])
