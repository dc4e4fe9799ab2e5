"""What to do about refusals."""

from __future__ import annotations

import pytest

from sockudo_tx.bench.cures import cured
from sockudo_tx.bench.rest import refusal


@pytest.mark.parametrize(
    ("reason", "cure"),
    [
        ("4001 Application does not exist", "--app-key"),
        ("closed with 4004 Application is over connection quota", "--connections"),
        ("4301 Client events are not enabled for this app", "client events enabled"),
        ("401 Invalid signature", "--app-secret"),
        ("404 There is no app", "--app-id"),
        ("HTTP/1.1 404 Not Found", "--path-prefix"),
        ("400 The batch has 50 events; at most 10 are allowed", "--batch"),
        ("Connection refused", "running"),
    ],
)
def test_known(reason: str, cure: str) -> None:
    """The usual refusals are told with their cure."""
    assert cured(reason).startswith(reason)
    assert cure in cured(reason)


def test_unknown() -> None:
    """What nobody knows a cure for is told as it is."""
    assert cured("503 on fire") == "503 on fire"


def test_refusal() -> None:
    """Of an error in JSON only its text is told, of anything else the beginning."""
    assert refusal(401, b'{"error":"no","code":"x"}') == "401 no"
    assert refusal(500, b"<html>\n<h1>Error</h1>") == "500 and a page of HTML"
    assert refusal(503, b"busy\nnow") == "503 busy now"
    assert refusal(502, b"") == "502"
    assert refusal(400, b'{"error":{"a":1}}') == '400 {"error":{"a":1}}'
    assert len(refusal(400, b"\xff" * 10_000)) < 400
