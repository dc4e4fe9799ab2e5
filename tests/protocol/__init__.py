"""The numbered conformance cases of the WebSocket protocol: docs/conformance.md."""
