"""Events of which not every subscriber gets the same: tags, filters and deltas (delta-and-filters.md).

The path of an event, from `Engine.publish` on:

    publisher        with its tags or without; whose filter matches; plain or numbered
      segments       subscribers by filter, and who of them has which message of the stream
      numbered_event whole, or as a delta of what they have: once for all who have the same
    ../broadcast     finished texts to sinks, as for any other event

Where a subscriber stands is decided beside it, by `placement`: when it subscribes, asks for deltas, misses a frame or
leaves, and when the settings change. `pace` is where several nodes would agree on full messages.
"""
