"""Which webhook a dead letter goes to when it is made due again."""

from __future__ import annotations

from msgspec.structs import replace

from sockudo_tx.backends.sqlite.database import Grave
from sockudo_tx.protocol.app import App, Webhook
from sockudo_tx.readdressing import Readdressing

NEW = "https://new.example/hooks?tenant=1"
APP = App(
    id="1",
    key="key",
    secret="secret",
    webhooks=(Webhook(url="https://old.example/"), Webhook(url="https://me:word@new.example/hooks?tenant=1")),
)
HOME = Grave("a", "1", "https://old.example/")
HOMELESS = Grave("b", "1", "https://gone.example/")
STRANGER = Grave("c", "2", "https://old.example/")
KNOWN = Readdressing([APP])


def test_without_address() -> None:
    """What has its webhook goes there, the others are kept, and it is told whether webhook or app is missing."""
    found = KNOWN.sort_out([HOME, HOMELESS, STRANGER], None, only_homeless=False)
    assert found.ready == [HOME]
    assert [(grave.id, why.split()[1]) for grave, why in found.kept] == [("b", "configured"), ("c", "app")]


def test_to_address() -> None:
    """User and password of the address may be left out; every one that was named goes there, of its own app only."""
    found = KNOWN.sort_out([HOME, HOMELESS, STRANGER], NEW, only_homeless=False)
    assert [(grave.id, grave.hook) for grave in found.ready] == [(name, APP.webhooks[1].url) for name in "ab"]
    assert [grave for grave, _ in found.kept] == [STRANGER]
    assert not KNOWN.sort_out([HOMELESS], "https://new.example/other", only_homeless=False).ready


def test_one_of_several() -> None:
    """A whole address names its own webhook, though another has it without a password, which may have an at sign."""
    urls = ("https://me:w@rd@new.example/", "https://new.example/")
    known = Readdressing([replace(APP, webhooks=tuple(Webhook(url=url) for url in urls))])
    for to, wanted in ((urls[0], urls[0]), (urls[1], urls[1])):
        assert known.sort_out([HOMELESS], to, only_homeless=False).ready[0].hook == wanted
    known = Readdressing([replace(APP, webhooks=(Webhook(url=urls[0]),))])
    assert known.sort_out([HOMELESS], urls[1], only_homeless=False).ready[0].hook == urls[0]


def test_only_homeless() -> None:
    """Of all, those that have their webhook still go to it."""
    found = KNOWN.sort_out([HOME, HOMELESS], NEW, only_homeless=True)
    assert [(grave.id, grave.hook) for grave in found.ready] == [("a", HOME.hook), ("b", APP.webhooks[1].url)]
