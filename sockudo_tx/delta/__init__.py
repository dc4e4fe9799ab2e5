"""Delta compression (delta-and-filters.md 1 to 14): what of a message need not be sent again.

Pure, like `protocol`: no Twisted, no clock, no I/O.
"""
