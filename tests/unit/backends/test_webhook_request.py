"""A webhook's request before it is sent."""

from __future__ import annotations

import pytest

from sockudo_tx.backends.webhooks.request import UnsendableError, post
from sockudo_tx.interfaces import WebhookJob
from sockudo_tx.protocol.app import App, Webhook

APP = App(id="app-id", key="app-key", secret="app-secret")
JOB = WebhookJob("0" * 32, "app-id", "", 1, ("{}",))


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("http://host", b"http://host"),
        ("http://host:1234?a=1", b"http://host:1234/?a=1"),
        ("HTTPS://Host:8443/A/b?x=1&y=%2f#part", b"https://host:8443/A/b?x=1&y=%2f"),
        ("http://b\u00fccher.example/\u00fc?\u00fc", b"http://xn--bcher-kva.example/%C3%BC?%C3%BC"),
        ("http://[::1]:3000/a;b=c", b"http://[::1]:3000/a;b=c"),
        ("http://me:secret@my_app:3000/", b"http://my_app:3000/"),
    ],
)
def test_addresses(url: str, uri: bytes) -> None:
    """An address goes out in ASCII, what is escaped stays as it was, user, password and fragment stay here."""
    assert post(JOB, APP, Webhook(url=url)).uri == uri


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hooks",
        "ftp://host/",
        "http:///path",
        "http://host:99999/",
        "http://ho st/",
        "http://host/\r\nX-A: b",
        "http://[::1/",
        "http://" + "a" * 64 + ".example/",
    ],
)
def test_illegal_addresses(url: str) -> None:
    """What is no http address is refused before anything is sent, without quoting it."""
    with pytest.raises(UnsendableError, match="the webhook's url") as caught:
        post(JOB, APP, Webhook(url=url))
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nX-C: d"),
        ("X-A", "b\nc"),
        ("X-A", "b\rc"),
        ("X-A", "b\0"),
        ("X A", "b"),
        ("X:A", "b"),
        ("X-\u00e4", "b"),
        ("", "b"),
    ],
)
def test_injection(name: str, value: str) -> None:
    """A header with a line break or an illegal name is refused at once, without quoting it."""
    with pytest.raises(UnsendableError, match="HTTP does not allow") as caught:
        post(JOB, APP, Webhook(url="http://host/", headers={name: value}))
    assert "X" not in str(caught.value)


def test_authorization_of_the_webhook_wins() -> None:
    """A configured Authorization header goes before user and password of the address."""
    request = post(JOB, APP, Webhook(url="http://me:secret@host/", headers={"authorization": "Bearer x"}))
    assert request.headers.getRawHeaders("Authorization") == ["Bearer x"]
