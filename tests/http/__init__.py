# ruff: noqa: A005 (this package is only ever tests.http)
"""The HTTP conformance cases, one test each: `test_H17_...` is case 17 of the list in docs/conformance.md."""
