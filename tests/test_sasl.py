"""SASL: the RFCs' own examples, both sides against each other, and what does not fit."""

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import sasl
from mailedu.clock import Clock

USERS = {"user": ("pencil", "user@alpha.example"), "jörg": ("Ⅸ grün", "j@alpha.example")}


def play(way: str, user: str, password: str, users=USERS, clock=None) -> str:
    """Both sides of a mechanism against each other; what the server returns."""
    server = sasl.SERVER[way](users, "mx.beta.example", clock or Clock(3))
    client = sasl.CLIENT[way](user, password, "clientnonce")
    challenge, response = next(server), next(client)
    if way in sasl.SERVER_FIRST:
        response = client.send(challenge)
    try:
        while True:
            challenge = server.send(response)
            response = client.send(challenge)
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize("way", sorted(sasl.SERVER))
def test_both_sides(way):
    assert set(sasl.CLIENT) == set(sasl.SERVER)
    assert play(way, "user", "pencil") == "user"
    assert play(way, "user", "Pencil") == "" and play(way, "nobody", "pencil") == ""
    assert play(way, "jörg", "IX grün") == "jörg"  # SASLprep: a Roman nine is I and X


@pytest.mark.parametrize("way", ["CRAM-MD5", "SCRAM-SHA-256"])
def test_challenges_come_from_the_clocks_dice(way):
    def challenge(seed):
        server = sasl.SERVER[way](USERS, "mx", Clock(seed))
        first = next(server)
        return first or server.send(b"n,,n=user,r=x")

    assert challenge(1) == challenge(1) != challenge(2)
    assert way == "CRAM-MD5" or (b"s=" in challenge(1) and b"i=4096" in challenge(1))


def test_plain():
    """RFC 4616 §4, without its authorization identity"""
    assert sasl.write_plain("tim", "tanstaaftanstaaf") == base64.b64encode(b"\0tim\0tanstaaftanstaaf")
    assert sasl.read_plain(sasl.write_plain("tïm", "ü")) == ("tïm", "ü")
    assert sasl.split_plain(b"tim\0tim\0x") == ("tim", "x")
    for wrong in (b"", b"\0", b"\0tim", b"\0tim\0", b"\0\0x", b"tim\0x", b"\0a\0b\0c", b"\0t\xff\0x", b"kurt\0tim\0x"):
        with pytest.raises(ValueError):
            sasl.split_plain(wrong)
    for wrong in (b"AAA", b"=AAA", b"AA=A", b"AAAA=", b"A AA", b"\xff", b"AGE"):
        with pytest.raises(ValueError, match="not base64"):
            sasl.read_plain(wrong)


def test_cram_md5():
    """RFC 2195 §2"""
    client = sasl.say_cram_md5("tim", "tanstaaftanstaaf", "")
    next(client)
    response = client.send(b"<1896.697170952@postoffice.reston.mci.net>")
    assert response == b"tim b913a602c7eda7a495b4e6e7334d3890"
    for wrong in (b"tim", b"", b"\xff x"):
        server = sasl.cram_md5(USERS, "mx", Clock(1))
        next(server)
        with pytest.raises(ValueError):
            server.send(wrong)


SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def test_scram_sha_256():
    """RFC 7677 §3"""
    client = sasl.say_scram_sha_256("user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    assert next(client) == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert client.send(SERVER_FIRST) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert client.send(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == b""
    with pytest.raises(StopIteration):
        client.send(b"")


@pytest.mark.parametrize(
    "challenge",
    [
        b"", b"\xff", b"r=other,s=AAAA,i=4096", b"r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096", SERVER_FIRST[:-4] + b"1",
        SERVER_FIRST + b"000", SERVER_FIRST[:-4] + b"x", SERVER_FIRST.replace(b"W22", b"!22"), b"m=x," + SERVER_FIRST,
    ],
)  # fmt: skip
def test_a_client_does_not_go_on_with_nonsense(challenge):
    client = sasl.say_scram_sha_256("user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    next(client)
    with pytest.raises(ValueError):
        client.send(challenge)


def test_a_client_wants_the_servers_proof():
    for last in (b"v=AAAA", b"", b"e=other-error", b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="):
        client = sasl.say_scram_sha_256("user", "pencil", "rOprNGfwEbeRWgbNEkqO")
        next(client)
        client.send(SERVER_FIRST)
        with pytest.raises(ValueError, match="does not know the password"):
            client.send(last)


@pytest.mark.parametrize(
    "first",
    [
        b"", b"n=user,r=x", b"n,,n=user", b"n,,r=x,n=user", b"p=tls-unique,,n=user,r=x", b"x,,n=user,r=x", b"n,,n=,r=x",
        b"n,,n=user,r=", b"n,,n=user,r=a b", b"n,a=kurt,n=user,r=x", b"n,kurt,n=user,r=x", b"n,,m=1,n=user,r=x",
        b"n,,n=us=er,r=x", b"n,,n=us=2cer,r=x", b"n,,n=\xff,r=x", b"n,,n=a\x07,r=x",
    ],
)  # fmt: skip
def test_a_server_refuses_a_wrong_first_message(first):
    server = sasl.scram_sha_256(USERS, "mx", Clock(1))
    next(server)
    with pytest.raises(ValueError):
        server.send(first)


def test_scram_names_and_extensions():
    assert sasl.read_client_first("y,a=user,n=user,r=x,ext=1") == ("y,a=user,", "user", "n=user,r=x,ext=1", "x")
    assert sasl.read_client_first("n,,n=a=2Cb=3Dc,r=x")[1] == "a,b=c"
    users = {"a,b=c": ("x", "a@b.example")}
    assert play("SCRAM-SHA-256", "a,b=c", "x", users) == "a,b=c"


@pytest.mark.parametrize("change", ["c=", "r=", "p=", "more", "base64"])
def test_a_server_refuses_a_wrong_last_message(change):
    server = sasl.scram_sha_256(USERS, "mx", Clock(1))
    client = sasl.say_scram_sha_256("user", "pencil", "abc")
    next(server)
    final = client.send(server.send(next(client))).decode()
    changed = {
        "c=": final.replace("c=biws", "c=eSws"),
        "r=": final.replace("r=abc", "r=abcd"),
        "p=": final.replace(",p=", ",q="),
        "more": final.replace(",p=", "x,p="),
        "base64": final + "=",
    }[change]
    with pytest.raises(ValueError):
        server.send(changed.encode())


def test_scram_wants_an_empty_last_line():
    server = sasl.scram_sha_256(USERS, "mx", Clock(1))
    client = sasl.say_scram_sha_256("user", "pencil", "abc")
    next(server)
    last = server.send(client.send(server.send(next(client))))
    assert client.send(last) == b""
    with pytest.raises(ValueError, match="empty line"):
        server.send(b"x")


def test_hi_is_pbkdf2():
    for password, salt, count in ((b"", b"s", 1), (b"pencil", b"\0" * 16, 2), ("grün".encode(), b"salt", 4096)):
        assert sasl.hi(password, salt, count) == hashlib.pbkdf2_hmac("sha256", password, salt, count)


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("I\u00adX", "IX"),  # RFC 4013 §3
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u3000b", "a b"),
        ("grün", "grün"),
        ("gru\u0308n", "grün"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("", ""),
    ],
)
def test_saslprep(given, wanted):
    assert sasl.prepared(given) == wanted


@pytest.mark.parametrize(
    "given", ["\x07", "a\x7f", "\u0627\u0031", "a\u0627", "\ud800", "\ue000", "x\u200e", "\u0627a\u0628"]
)
def test_saslprep_refuses(given):
    with pytest.raises(ValueError):
        sasl.prepared(given)


@given(st.sampled_from(sorted(sasl.SERVER)), st.lists(st.binary(max_size=40), max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_responses(way, responses):
    server = sasl.SERVER[way](USERS, "mx", Clock(1))
    next(server)
    try:
        for response in responses:
            server.send(response)
    except ValueError:
        pass
    except StopIteration as end:
        assert end.value == ""


@given(st.text(min_size=1), st.text(min_size=1))
@settings(max_examples=200, deadline=None)
def test_any_name_and_password_that_saslprep_allows(user, password):
    try:
        name, secret = sasl.prepared(user), sasl.prepared(password)
    except ValueError:
        return
    if not name or not secret or "\0" in name + secret:
        return
    users = {name: (password, "x@alpha.example")}
    for way in ("PLAIN", "LOGIN", "CRAM-MD5"):
        assert play(way, user if way != "CRAM-MD5" else name, password, users) == name
