"""Programs that we did not write: found and run; or the test skips, and says which Debian package has the program."""

import os
import shutil
import subprocess
from functools import cache

import pytest

PACKAGES = {
    "curl": "curl",
    "dig": "bind9-dnsutils",
    "dovecot": "dovecot-imapd and dovecot-pop3d",
    "fetchmail": "fetchmail",
    "host": "bind9-host",
    "mbsync": "isync",
    "msmtp": "msmtp",
    "openssl": "openssl",
    "spfquery": "spf-tools-perl",
    "tshark": "tshark",
    "swaks": "swaks, libnet-ssleay-perl and libdigest-hmac-perl",
}
PARTS = {  # what else a program needs: a command that works once it is there
    "dovecot": ["test", "-x", "/usr/lib/dovecot/imap", "-a", "-x", "/usr/lib/dovecot/pop3"],
    "swaks": ["perl", "-MNet::SSLeay", "-MDigest::HMAC_MD5", "-e1"],
}
PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
NOBODY = {**os.environ, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}  # so no program reads anybody's settings


def program(name: str) -> str:
    """Where it is."""
    found = where(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: {PACKAGES[name]})")
    return found


@cache
def where(name: str) -> str | None:
    """Windows has programs of these names that behave differently."""
    found = None if os.name == "nt" else shutil.which(name, path=PLACES)
    if found and name in PARTS and subprocess.run(PARTS[name], capture_output=True).returncode != 0:
        return None
    return found


def run(name: str, *arguments: object, said: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with this input: how it ended and what it said, lines ended by a newline alone."""
    return subprocess.run(
        [program(name), *map(str, arguments)],
        input=said,
        capture_output=True,
        encoding="latin-1",  # any octets are text in it
        timeout=120,
        env={**NOBODY, **environment},
    )


def must_run(name: str, *arguments: object, said: str = "", **environment: str) -> str:
    """The same; it must end well, and this is what it wrote."""
    done = run(name, *arguments, said=said, **environment)
    assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def openssl(port: int, host: str, ca: object, said: str, starttls: str = "") -> str:
    """Talk under TLS, the server's certificate and name verified: what the server answered."""
    options = ["-connect", f"127.0.0.1:{port}", "-CAfile", ca, "-verify_return_error", "-verify_hostname", host]
    if starttls:
        options += ["-starttls", starttls]
    return must_run("openssl", "s_client", "-quiet", *options, said=said)
