"""Tells twistd that there is a `sockudo` command. No __init__.py here: Twisted's plugin folder is shared by all."""

from twisted.application.service import ServiceMaker

sockudo = ServiceMaker("sockudo_tx", "sockudo_tx.tap", "A Pusher-compatible WebSocket server", "sockudo")
