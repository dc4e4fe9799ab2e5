"""The little web framework of the examples: JSON routes, static files, and pusher-js for the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import NoResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.static import File

HERE = Path(__file__).resolve().parent
# Where an `npm install` may have put pusher-js. Without one the page takes it from a CDN (shared/pusher.js).
NODE_MODULES = [HERE / "node_modules", HERE.parent / "node_modules", HERE.parent / "tests/conformance/node_modules"]

Answer = tuple[int, Any]
View = Callable[[Request], Coroutine[Any, Any, Answer]]


class JsonRoute(Resource):
    """One path: the view gets the request and returns a status and a value that becomes JSON."""

    isLeaf = True
    _log = Logger()

    def __init__(self, **views: View) -> None:
        """`views`: one per HTTP method."""
        super().__init__()
        self._views = views

    def render(self, request: Request) -> int:
        """See `Resource`."""
        view = self._views.get(request.method.decode())
        if view is None:
            self._finish((405, {"error": "method not allowed"}), request)
            return NOT_DONE_YET
        done = Deferred.fromCoroutine(view(request))
        done.addCallback(self._finish, request)
        done.addErrback(self._fail, request)
        request.notifyFinish().addErrback(lambda _: done.cancel())
        return NOT_DONE_YET

    def _finish(self, answer: Answer, request: Request) -> None:
        status, value = answer
        request.setResponseCode(status)
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"Cache-Control", b"no-store")
        request.write(json.dumps(value).encode())
        request.finish()

    def _fail(self, failure: Failure, request: Request) -> None:
        if request._disconnected:
            return
        self._log.failure("{uri} failed", failure, uri=request.uri)
        self._finish((502, {"error": f"{type(failure.value).__name__}: {failure.getErrorMessage()}"}), request)


def json_body(request: Request) -> dict[str, Any]:
    """The JSON object in the request; an empty one if there is none."""
    try:
        body = json.loads(request.content.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def form_field(request: Request, name: str) -> str:
    """A field of a posted form, as pusher-js sends it to an auth endpoint; empty if absent."""
    return request.args.get(name.encode(), [b""])[0].decode("utf-8", "replace")


def site_root(pages: Path) -> Resource:
    """The page's files at `/`, the files all examples share at `/shared`, pusher-js at `/vendor` if it is installed."""
    root = _Pages(pages)
    root.putChild(b"shared", _Pages(HERE / "shared"))
    found = [folder for modules in NODE_MODULES if (folder := modules / "pusher-js/dist/web").is_dir()]
    root.putChild(b"vendor", File(str(found[0])) if found else NoResource("pusher-js is not installed"))
    return root


class _Pages(File):
    """Static files that a browser asks for again each time: examples are there to be edited."""

    contentTypes = {**File.contentTypes, ".js": "text/javascript", ".html": "text/html; charset=utf-8"}

    def __init__(self, path: Path | str, *args: Any, **kwargs: Any) -> None:
        super().__init__(str(path), *args, **kwargs)

    def render_GET(self, request: Request) -> Any:
        """See `File`."""
        request.setHeader(b"Cache-Control", b"no-cache")
        return super().render_GET(request)
