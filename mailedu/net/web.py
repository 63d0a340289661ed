"""HTTPS on 127.0.0.1 by the standard library: a small web server for each of the lab's web hosts, and a client."""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping

from ..acts import LabError, TlsFailed, Unreachable
from .drive import File, Site
from .tls import reason

HERE = "127.0.0.1"
PATIENCE = 10.0  # seconds
MOST = 100_000  # octets of a page that are read


class Server(http.server.ThreadingHTTPServer):
    """One host's.  What it has, and which certificate it shows, is looked up at each call."""

    daemon_threads = True

    def __init__(self, sites: Mapping[str, Site], host: str) -> None:
        self.sites, self.host = sites, host
        super().__init__((HERE, 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A handshake that failed, or a caller who left, is the caller's affair; all else is a bug."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(http.server.BaseHTTPRequestHandler):
    """One call: TLS, then a GET."""

    server: Server
    timeout = PATIENCE

    def setup(self) -> None:
        context = self.server.sites[self.server.host].context
        self.request.settimeout(PATIENCE)
        if context:
            self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_GET(self) -> None:
        file = self.server.sites[self.server.host].get(self.path)
        self.send_response(file.status)
        self.send_header("Content-Type", file.type)
        self.send_header("Content-Length", str(len(file.body)))
        self.end_headers()
        self.wfile.write(file.body)

    def log_message(self, format: str, *args: object) -> None:
        """It keeps no log: the trace tells."""


def serve(sites: Mapping[str, Site], host: str) -> tuple[int, Callable[[], None]]:
    """Open a port for this host's web server; the port, and what closes it."""
    try:
        server = Server(sites, host)
    except OSError as why:
        raise LabError(f"No socket can be had on {HERE} ({why}), so the lab works in memory only.") from why
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="mailedu web", daemon=True
    ).start()

    def close() -> None:
        server.shutdown()
        server.server_close()

    return int(server.server_address[1]), close


class Connection(http.client.HTTPSConnection):
    """A call to a port of this machine that stands for a host of the lab: the certificate must be that host's."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=PATIENCE)
        self.tls = context

    def connect(self) -> None:
        call = socket.create_connection((HERE, self.port), PATIENCE)
        try:
            self.sock = self.tls.wrap_socket(call, server_hostname=self.host) if self.tls else call
        except BaseException:
            call.close()
            raise


def get(port: int, host: str, path: str, context: ssl.SSLContext | None) -> File:
    """One GET, in the clear in a lab without TLS; redirects are not followed.  TlsFailed, Unreachable."""
    call = Connection(host, port, context)
    try:
        call.request("GET", path)
        answer = call.getresponse()
        return File(answer.read(MOST), answer.status, answer.getheader("Content-Type", ""))
    except ssl.SSLError as error:
        raise TlsFailed(reason(error)) from None
    except (OSError, http.client.HTTPException) as why:
        raise Unreachable(str(why) or type(why).__name__) from None
    finally:
        call.close()
