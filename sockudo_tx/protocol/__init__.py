"""Pure protocol code: no Twisted, no clock, no I/O. Every rule of the Pusher protocol has its home here."""
