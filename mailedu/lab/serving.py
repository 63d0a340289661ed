"""The lab open to real programs: which servers listen on which ports of 127.0.0.1."""

from __future__ import annotations

from pathlib import Path

from ..acts import LabError
from ..net.peers import serve_aiosmtpd
from ..net.sockets import Sockets
from ..net.tls import authority
from .history import History
from .stage import COMPANIES, PORTS

AIOSMTPD = "gamma.example"  # whose MX is the server that we did not write


class Net:
    """What `lab.serve()` gives.  `ports`: name -> a real port of 127.0.0.1; also "mx.gamma.example:25" and the like.

    Web servers have theirs too ("mta-sts.beta.example:443"), if they were there when it was opened.
    """

    host = "127.0.0.1"

    def __init__(self, history: History, keep: int | None, octets: int | None) -> None:
        history.finish()
        self.history = history
        self.sockets = history.sockets = Sockets(history.world)
        self.ports: dict[str, int] = {}
        self.kept = history.trace.keep, history.trace.octets
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        if keep is not None or octets is not None:
            history.trace.cap(keep, octets)

    def open(self) -> None:
        """A port for every server; the names of PORTS are those of the companies that they stand for."""
        for host, port in list(self.history.world.listeners):
            self.ports[f"{host}:{port}"] = self.listen(host, port, self.usual_client(host, port))
        for name, (host, port) in PORTS.items():
            self.ports[name] = self.ports[f"{host}:{port}"]
        for host in self.history.world.sites:
            self.ports[f"{host}:443"] = self.sockets.serve_web(host)
        self.ports["dns"] = self.sockets.serve_dns()

    def usual_client(self, host: str, port: int) -> str:
        """Where a program outside seems to call from: another company's server calls an MX, a person all others."""
        domain = host.partition(".")[2]
        if port == 25:
            return COMPANIES["alpha.example" if domain != "alpha.example" else "beta.example"].network + ".25"
        return next(iter(COMPANIES[domain].addresses.values()))

    def route(self, name: str, client: str) -> int:
        """One more port for a server ("mx.beta.example:25" or a port's name), whose callers come from `client`."""
        return self.listen(*self.history.stage.place(name), client)

    def listen(self, host: str, port: int, client: str) -> int:
        if (host, port) == (f"mx.{AIOSMTPD}", 25):
            return serve_aiosmtpd(self.sockets, self.history.stage.mx[AIOSMTPD], client)
        return self.sockets.route(host, port, client)

    def write_ca(self, path: str | Path) -> Path:
        """Write the certificate of the lab's authority there, as PEM: what `curl --cacert` and the like want.

        Who trusts it can verify every server of the lab, by its name or as 127.0.0.1.
        """
        authority().cert_pem.write_to_path(str(path))
        return Path(path)

    def settle(self) -> None:
        """Wait until the lab's own parts have nothing left to do."""
        self.sockets.settle()

    @property
    def closed(self) -> bool:
        return self.sockets.closed

    def close(self) -> None:
        """Close every port; twice does no harm.  The lab goes on in memory."""
        if self.closed:
            return
        self.history.finish()
        self.sockets.close()
        self.history.sockets = None
        self.history.trace.cap(*self.kept)

    def __enter__(self) -> Net:
        if self.closed:
            raise LabError("This is closed: call lab.serve() again.")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return "<closed>"
        return "127.0.0.1: " + ", ".join(f"{name} {port}" for name, port in self.ports.items() if ":" not in name)
