"""What the DKIM tests share: keys, a signed letter, a DNS that holds the keys, and dkimpy's debug log."""

from __future__ import annotations

import ast
import functools
import logging
import pathlib
import re
import subprocess
import sys
import tarfile

import dkim
import pytest
from ask import Answers, perform
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailedu.acts import Rule
from mailedu.auth.dkim import Signature, public_record, sign, verify

NOW = 1795424400  # Mon, 23 Nov 2026 09:00:00 UTC
DOMAIN = "alpha.example"
LETTER = (
    b"Received: from laptop.alpha.example by mail.alpha.example\r\n"
    b"From: Alice <alice@alpha.example>\r\n"
    b"To: bob@beta.example\r\n"
    b"Subject:  Lunch  at\r\n\tnoon? \r\n"
    b"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b"Message-ID: <1@alpha.example>\r\n"
    b"\r\n"
    b"Hello Bob, \r\n\r\n\tsee  you \t soon.\r\n.\r\n\r\n\r\n"
)


def key(name: str = "rsa"):
    """The keys "rsa" and "other" have 2048 bits, "short" has 1024; "ed25519" is always the same."""
    return made_key(name)


@functools.cache
def made_key(name: str):
    if name == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return rsa.generate_private_key(65537, {"rsa": 2048, "short": 1024, "other": 2048}[name])


def pem(name: str = "rsa") -> bytes:
    return key(name).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def weak_record(bits: int = 768) -> str:
    """The record of an RSA key that is too short; nobody needs its private half."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import PublicFormat

    public = rsa.RSAPublicNumbers(65537, (2 ** (bits - 1)) | 12345).public_key()
    return f"p={b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()}"


def dns(record: object = None, **records: object) -> Answers:
    """The keys of alpha.example: the right ones, or under lab this record (a text, several texts, a trouble)."""
    named = {"lab": public_record(key()), "ed": public_record(key("ed25519"))}
    named |= records | ({} if record is None else {"lab": record})
    return Answers(
        {
            (f"{selector}._domainkey.{DOMAIN}", "TXT"): (found,) if isinstance(found, str) else found
            for selector, found in named.items()
        }
    )


def signed(message: bytes = LETTER, name: str = "rsa", **options) -> bytes:
    selector = options.pop("selector", {"ed25519": "ed"}.get(name, "lab"))
    return perform(sign(message, DOMAIN, selector, key(name), options.pop("now", NOW), **options), dns())[0]


def verified(message: bytes, where=None, now: int | None = NOW) -> tuple[tuple[Signature, ...], list[Rule]]:
    """The signatures, and the rules that were applied."""
    signatures, acts = perform(verify(message, now), where if where is not None else dns())
    return signatures, [act for act in acts if isinstance(act, Rule)]


def one(message: bytes, where=None, now: int | None = NOW) -> Signature:
    """The only signature."""
    [signature], _ = verified(message, where, now)
    return signature


def because(rules: list[Rule], name: str) -> dict[str, str]:
    """The reasons of the first rule of this name."""
    return dict(next(rule for rule in rules if rule.name == name).because)


def retag(message: bytes, **tags: str | None) -> bytes:
    """The first signature with other tags; None takes one away.  Its hashes do not fit any more."""
    field, rest = re.match(rb"(DKIM-Signature:.*?\r\n)(?![ \t])(.*)", message, re.DOTALL).groups()
    for name, value in tags.items():
        pattern = rb"(?<=[ \t;\n])%s=[^;\r]*(?:\r\n[ \t][^;\r]*)*(?:;|(?=\r\n\Z))" % name.encode()
        new = b"" if value is None else f"{name}={value};".encode()
        field, count = re.subn(pattern, lambda _, new=new: new, field, count=1)
        if not count and new:
            field = field.replace(b"DKIM-Signature:", b"DKIM-Signature: " + new, 1)
    return field + rest


def asked(where: Answers):
    """Our DNS as dkimpy asks it."""
    return lambda name, timeout=5: where(name.decode().rstrip("."), "TXT")[0].encode("latin-1")


def dkimpy_says(message: bytes, index: int = 0, where: Answers | None = None) -> bool:
    return dkim.DKIM(message).verify(index, dnsfunc=asked(where or dns()))


def dkimpys_inputs(message: bytes, index: int = 0, where: Answers | None = None) -> tuple[bytes, bytes]:
    """What dkimpy hashed, by its own debug log: (body, fields)."""
    logger, said = logging.Logger("dkimpy's debug log", logging.DEBUG), []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger.addHandler(handler)
    dkim.DKIM(message, logger=logger, debug_content=True).verify(index, dnsfunc=asked(where or dns()))
    found = {}
    for line in said:
        for start in ("body hashed: ", "signed for "):
            if line.startswith(start):
                found[start] = ast.literal_eval(line[line.index(": b") + 2 :])
    return found["body hashed: "], found["signed for "]


# -- the vectors -------------------------------------------------------------------------------------------------------

DKIMPY = "dkimpy==1.1.8"


def dkimpys_files(config) -> dict[str, bytes]:
    """The files of dkimpy's tests, from its source distribution: fetched once, and kept in pytest's cache."""
    folder = pathlib.Path(config.cache.mkdir("dkim-vectors"))
    if not list(folder.glob("dkimpy-*.tar.gz")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        got = subprocess.run([*command, "--dest", str(folder), DKIMPY], capture_output=True, text=True, timeout=120)
        if not list(folder.glob("dkimpy-*.tar.gz")):
            pytest.skip(f"the vectors could not be fetched with `pip download {DKIMPY}`: {got.stderr[-300:]}")
    [archive] = folder.glob("dkimpy-*.tar.gz")
    with tarfile.open(archive) as files:
        members = [member for member in files.getmembers() if "/tests/" in member.name and member.isfile()]
        return {pathlib.PurePosixPath(member.name).name: files.extractfile(member).read() for member in members}
