"""SASL (RFC 4422): ways to say who one is, the same for SMTP, POP3 and IMAP.  Each protocol has its own lines for it.

PLAIN (RFC 4616), LOGIN (never a standard), CRAM-MD5 (RFC 2195), SCRAM-SHA-256 (RFC 5802, RFC 7677).

A mechanism is a generator.  The server's (`SERVER`) yields challenges and is sent responses; it returns the user's
name, or "" where the password does not fit; ValueError says what is wrong with a response.  The client's (`CLIENT`)
yields responses and is sent challenges; ValueError says why it does not go on.  Both speak plain octets: base64 is the
protocol's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import stringprep
import unicodedata
from collections.abc import Callable, Generator, Mapping

from .clock import Clock

Users = Mapping[str, tuple[str, str]]  # name -> (password, address)
Server = Generator[bytes, bytes, str]
Client = Generator[bytes, bytes, None]

PLAINTEXT = ("PLAIN", "LOGIN")  # the password itself goes over the wire
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
NOT_BASE64 = "that is not base64 of UTF-8 text"
ITERATIONS = 4096  # RFC 7677 §4: at least


def write_plain(user: str, password: str) -> bytes:
    """("bob", "pw") -> b"AGJvYgBwdw==": nothing, NUL, name, NUL, password (RFC 4616 §2)."""
    return base64.b64encode(f"\0{user}\0{password}".encode())


def read_plain(response: bytes) -> tuple[str, str]:
    """What `write_plain` wrote, read back; ValueError says what is wrong with it."""
    return split_plain(decoded(response))


def split_plain(message: bytes) -> tuple[str, str]:
    """``[authzid] NUL authcid NUL passwd`` -> (name, password)."""
    as_whom, nul, rest = text(message).partition("\0")
    user, second, password = rest.partition("\0")
    if not (nul and second and user and password) or "\0" in password:
        raise ValueError("PLAIN is: whom to act for or nothing, NUL, name, NUL, password")
    if as_whom not in ("", user):
        raise ValueError("nobody acts for somebody else here")
    return user, password


def decoded(response: bytes) -> bytes:
    """Base64, and nothing that is not (RFC 4954 §4)."""
    if not BASE64.fullmatch(response):
        raise ValueError(NOT_BASE64)
    return base64.b64decode(response)


def text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(NOT_BASE64) from None


# -- the server's side


def plain(users: Users, host: str, clock: Clock | None) -> Server:
    user, password = split_plain((yield b""))
    return fits(users, user, password)


def login(users: Users, host: str, clock: Clock | None) -> Server:
    user = text((yield b"Username:"))
    password = text((yield b"Password:"))
    return fits(users, user, password)


def fits(users: Users, user: str, password: str) -> str:
    """The user's name, if the password is theirs."""
    known = known_password(users, prepared(user))
    return prepared(user) if known and same(known.encode(), prepared(password).encode()) else ""


def cram_md5(users: Users, host: str, clock: Clock | None) -> Server:
    """RFC 2195 §2: the password is a key, and never on the wire."""
    assert clock, "a challenge that nobody can foresee needs dice"
    challenge = f"<{clock.random.randrange(10**6)}.{clock.unix()}@{host}>".encode()
    user, space, digest = text((yield challenge)).rpartition(" ")
    if not space:
        raise ValueError("CRAM-MD5 is: name, space, digest")
    password = known_password(users, user)
    return user if password and same(cram_digest(password, challenge), digest.encode()) else ""


def scram_sha_256(users: Users, host: str, clock: Clock | None) -> Server:
    """RFC 5802 §3, §7: each side proves that it knows the password, or a hash of it; nobody says it."""
    assert clock, "a nonce that nobody can foresee needs dice"
    gs2, user, client_first, client_nonce = read_client_first(text((yield b"")))
    nonce = client_nonce + f"{clock.random.getrandbits(96):024x}"
    salt = hashlib.sha256(f"{host} {user}".encode()).digest()[:16]  # for unknown users too: nobody is told who exists
    server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i={ITERATIONS}"
    final = text((yield server_first.encode()))
    without_proof, proof = read_client_final(final, gs2, nonce)
    password = known_password(users, user)
    salted = hi(password.encode(), salt, ITERATIONS)
    signed = f"{client_first},{server_first},{without_proof}".encode()
    if not password or not same(client_proof(salted, signed), proof):
        return ""
    last = yield b"v=" + base64.b64encode(server_signature(salted, signed))
    if last:
        raise ValueError("after the server's last word SCRAM wants an empty line")
    return user


SERVER: dict[str, Callable[[Users, str, Clock | None], Server]] = {
    "SCRAM-SHA-256": scram_sha_256,
    "CRAM-MD5": cram_md5,
    "PLAIN": plain,
    "LOGIN": login,
}


def known_password(users: Users, user: str) -> str:
    """As it is compared; "" for a user we do not know."""
    password, _ = users.get(user, ("", ""))
    return prepared(password) if password else ""


def same(one: bytes, other: bytes) -> bool:
    """Compared in a time that tells nobody how much of it fits."""
    return hmac.compare_digest(one, other)


# -- the client's side


def say_plain(user: str, password: str, nonce: str) -> Client:
    yield f"\0{prepared(user)}\0{prepared(password)}".encode()


def say_login(user: str, password: str, nonce: str) -> Client:
    yield b""
    yield prepared(user).encode()
    yield prepared(password).encode()


def say_cram_md5(user: str, password: str, nonce: str) -> Client:
    challenge = yield b""
    yield user.encode() + b" " + cram_digest(prepared(password), challenge)


def say_scram_sha_256(user: str, password: str, nonce: str) -> Client:
    """RFC 5802 §3; it ends only when the server has proved itself too."""
    name = prepared(user).replace("=", "=3D").replace(",", "=2C")
    client_first = f"n={name},r={nonce}"
    server_first = text((yield f"n,,{client_first}".encode()))
    both, salt, count = read_server_first(server_first, nonce)
    salted = hi(prepared(password).encode(), salt, count)
    without_proof = f"c={base64.b64encode(b'n,,').decode()},r={both}"
    signed = f"{client_first},{server_first},{without_proof}".encode()
    proof = base64.b64encode(client_proof(salted, signed)).decode()
    server_final = yield f"{without_proof},p={proof}".encode()
    if not same(server_final, b"v=" + base64.b64encode(server_signature(salted, signed))):
        raise ValueError("the server does not know the password either")
    yield b""


CLIENT: dict[str, Callable[[str, str, str], Client]] = {  # (name, password, nonce); only SCRAM needs a nonce
    "SCRAM-SHA-256": say_scram_sha_256,
    "CRAM-MD5": say_cram_md5,
    "PLAIN": say_plain,
    "LOGIN": say_login,
}
SERVER_FIRST = ("CRAM-MD5", "LOGIN")  # here the client's first response is none: a challenge has to come before


# -- what both compute


def cram_digest(password: str, challenge: bytes) -> bytes:
    """RFC 2195 §2, in hexadecimal."""
    return hmac.new(password.encode(), challenge, hashlib.md5).hexdigest().encode()


def hi(password: bytes, salt: bytes, count: int) -> bytes:
    """RFC 5802 §2.2: HMAC upon HMAC, so that guessing costs time."""
    last = hmac.digest(password, salt + b"\0\0\0\1", "sha256")
    total = int.from_bytes(last, "big")
    for _ in range(count - 1):
        last = hmac.digest(password, last, "sha256")
        total ^= int.from_bytes(last, "big")
    return total.to_bytes(32, "big")


def client_proof(salted: bytes, signed: bytes) -> bytes:
    """RFC 5802 §3: the client's key, hidden under a signature that only who has its hash can take off."""
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    return bytes(one ^ other for one, other in zip(key, signature, strict=True))


def server_signature(salted: bytes, signed: bytes) -> bytes:
    return hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")


# -- SCRAM's messages (RFC 5802 §7)


def read_client_first(message: str) -> tuple[str, str, str, str]:
    """``n,,n=bob,r=abc`` -> (what came before the name, the name, the rest as it is signed, the nonce)."""
    binding, as_whom, bare = (*message.split(",", 2), "", "")[:3]
    if binding.startswith("p="):
        raise ValueError("there is no channel binding here")
    fields = bare.split(",")
    if binding not in ("n", "y") or len(fields) < 2 or fields[0][:2] != "n=" or fields[1][:2] != "r=":
        raise ValueError("SCRAM begins with n,,n=name,r=nonce")
    user, nonce = prepared(unquoted(fields[0][2:])), fields[1][2:]
    if not user or not is_nonce(nonce):
        raise ValueError("SCRAM's first message lacks a name or a nonce")
    if as_whom and (as_whom[:2] != "a=" or prepared(unquoted(as_whom[2:])) != user):
        raise ValueError("nobody acts for somebody else here")
    return f"{binding},{as_whom},", user, bare, nonce


def read_client_final(message: str, gs2: str, nonce: str) -> tuple[str, bytes]:
    """``c=biws,r=abcdef,p=…`` -> (the part before the proof, the proof)."""
    without_proof, comma, proof = message.rpartition(",p=")
    wanted = f"c={base64.b64encode(gs2.encode()).decode()},r={nonce}"
    if not comma or not f"{without_proof},".startswith(f"{wanted},"):
        raise ValueError("SCRAM ends with c=…,r=nonce,p=proof, where c and both nonces are what they were")
    return without_proof, decoded(proof.encode())


def read_server_first(message: str, nonce: str) -> tuple[str, bytes, int]:
    """``r=abcdef,s=…,i=4096`` -> (both nonces, the salt, how many rounds)."""
    fields = message.split(",")
    if len(fields) < 3 or [field[:2] for field in fields[:3]] != ["r=", "s=", "i="]:
        raise ValueError("the server's first message is not SCRAM's")
    both, count = fields[0][2:], fields[2][2:]
    if not both.startswith(nonce) or both == nonce or not (count.isascii() and count.isdecimal()):
        raise ValueError("the server's nonce does not go on from ours")
    if not ITERATIONS <= int(count) <= 100 * ITERATIONS:
        raise ValueError("so many rounds are too few to be safe, or too many to be meant well")
    return both, decoded(fields[1][2:].encode()), int(count)


def unquoted(name: str) -> str:
    """``=2C`` is a comma and ``=3D`` an equals sign; any other = is wrong (§5.1)."""
    if "=" in name.replace("=2C", "").replace("=3D", ""):
        raise ValueError("in a name, = is written =3D")
    return name.replace("=2C", ",").replace("=3D", "=")


def is_nonce(nonce: str) -> bool:
    return bool(nonce) and all("!" <= letter <= "~" and letter != "," for letter in nonce)


# -- SASLprep (RFC 4013)

FORBIDDEN = (  # §2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(value: str) -> str:
    """A name or a password as it is compared: other spaces are spaces, other forms of a letter one form."""
    if value.isascii() and value.isprintable():
        return value
    spaced = "".join(" " if stringprep.in_table_c12(letter) else letter for letter in value)
    mapped = "".join(letter for letter in spaced if not stringprep.in_table_b1(letter))
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(forbidden(letter) for letter in normal for forbidden in FORBIDDEN):
        raise ValueError("a name or a password holds a character that SASLprep forbids")
    if any(map(stringprep.in_table_d1, normal)) and not is_one_way(normal):
        raise ValueError("a name or a password mixes writing from the right and from the left")
    return normal


def is_one_way(value: str) -> bool:
    """RFC 3454 §6: text from the right begins and ends with it, and holds no letter from the left."""
    ends = stringprep.in_table_d1(value[0]) and stringprep.in_table_d1(value[-1])
    return ends and not any(map(stringprep.in_table_d2, value))
