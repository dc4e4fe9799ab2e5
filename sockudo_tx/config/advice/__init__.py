"""Conflicts between keys, each with its cause and its cure. Pure: what needs the machine is in `sockudo_tx.probes`.

A new rule is a generator in the module of its theme, and a name in that module's `RULES`.
"""

from .advice import Advice, Written, loopback
from .advise import advise

__all__ = ["Advice", "Written", "advise", "loopback"]
