"""Subscriptions that choose events by tags: filters as clients write them, and who gets an event."""

from .filters import Filter, FilterError, filter_in, parse_filter
from .index import FilterIndex

__all__ = ["Filter", "FilterError", "FilterIndex", "filter_in", "parse_filter"]
