"""Whether the server of this container is well: exit status 0 or 1. The standard library only: there is no curl.

    python healthcheck.py [PATH]      PATH: HEALTHCHECK_PATH, else `up`

It goes where the server's own variables say it listens (HOST, PORT, UNIX_SOCKET_*), tries TLS too, whoever the
certificate is for, and sends the PROXY header where the port wants one.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import sys

TIMEOUT = 4.0  # seconds; two tries stay below the ten that the container engine gives
TRUE = ("1", "true", "yes", "on")
WRONG_SCHEME = (308, 400)
EVERY_ADDRESS = ("", "0.0.0.0", "::", "[::]")


def on(variable: str) -> bool:
    """Whether a switch is on, in the server's own words."""
    return os.environ.get(variable, "").lower() in TRUE


def dial() -> socket.socket:
    """A connection to the server."""
    if on("UNIX_SOCKET_ENABLED"):
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(TIMEOUT)
        found.connect(os.environ.get("UNIX_SOCKET_PATH") or "/var/run/sockudo/sockudo.sock")
    else:
        host = os.environ.get("HOST", "")
        host = "127.0.0.1" if host in EVERY_ADDRESS else host.strip("[]")
        found = socket.create_connection((host, int(os.environ.get("PORT") or 6001)), TIMEOUT)
    if on("LISTENER_PROXY_PROTOCOL"):
        found.sendall(b"PROXY UNKNOWN\r\n")
    return found


def status(path: str, tls: bool) -> int:
    """Status of one GET."""
    connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT)
    connection.sock = dial()
    if tls:
        anybody = ssl.create_default_context()
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        connection.sock = anybody.wrap_socket(connection.sock)
    connection.request("GET", f"/{path.lstrip('/')}")
    return connection.getresponse().status


def main() -> int:
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HEALTHCHECK_PATH") or "up"
    found: object = None
    for tls in (True, False) if on("SSL_ENABLED") else (False, True):
        try:
            answer: object = status(path, tls)
        except (OSError, http.client.HTTPException) as error:
            answer = error
        if answer == 200:
            return 0
        # What a port with TLS says to plain HTTP is no answer to our question.
        if found is None or (isinstance(answer, int) and answer not in WRONG_SCHEME):
            found = answer
    print(f"/{path.lstrip('/')}: {found}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
