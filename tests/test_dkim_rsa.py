"""RSA in plain Python: the same numbers as `cryptography`, and DKIM where there is none."""

import contextlib
import hashlib
import sys

import pytest
from ask import perform
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim_stage import DOMAIN, LETTER, NOW, dkimpy_says, dns, key, one, pem, signed, verified, weak_record
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import Lab
from mailedu.acts import LabError
from mailedu.auth.dkim import key as keys
from mailedu.auth.dkim import public_record, rsa, sign
from mailedu.auth.dkim.tags import read_base64
from mailedu.lab.stage import private_key

DIGEST = hashlib.sha256(b"mail").digest()
FORMS = [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1]


@pytest.mark.parametrize("name", ["rsa", "short"])
@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_the_same_signature(name, form):
    text = key(name).private_bytes(Encoding.PEM, form, NoEncryption())
    ours = rsa.read_private(text)
    assert ours.sign(DIGEST) == key(name).sign(DIGEST, PKCS1v15(), Prehashed(SHA256()))
    assert ours.key_size == key(name).key_size and ours.public_key().open(ours.sign(DIGEST)) == DIGEST


@pytest.mark.parametrize("form", FORMS)
def test_the_same_public_key(form):
    der = key().public_key().public_bytes(Encoding.DER, form)
    ours, theirs = rsa.read_public(der), key().public_key().public_numbers()
    assert (ours.modulus, ours.exponent) == (theirs.n, theirs.e)
    assert rsa.write_public(ours) == key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def test_what_opens_to_nothing():
    ours = rsa.read_public(key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))
    good = key().sign(DIGEST, PKCS1v15(), Prehashed(SHA256()))
    for bad in (good[:-1], good + b"\0", b"\0" + good, b"\xff" * 256, bytes(256), good[:-1] + bytes([good[-1] ^ 1])):
        assert ours.open(bad) is None
    for block in (b"\0\1" + b"\xff" * 8 + b"\0" + rsa.SHA256 + DIGEST, rsa.padded(DIGEST, 256)[1:] + b"\0"):
        number = pow(int.from_bytes(block.ljust(256, b"\0")), private_exponent(), ours.modulus)
        assert ours.open(number.to_bytes(256)) is None  # padding that is too short, or moved (Bleichenbacher, 2006)


def private_exponent() -> int:
    return key().private_numbers().d


DER = key("short").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@given(
    st.one_of(
        st.binary(max_size=40),
        st.builds(lambda at, new: DER[:at] + new + DER[at + 1 :], st.integers(0, 161), st.binary(max_size=2)),
    )
)
@settings(max_examples=300, deadline=None)
def test_nothing_but_value_errors(der):
    with contextlib.suppress(ValueError):
        assert rsa.read_public(der).key_size > 500


@pytest.mark.parametrize(
    "text",
    [b"", b"key", b"-----BEGIN PRIVATE KEY-----\n?\n-----END", b"-----BEGIN RSA PRIVATE KEY-----\nMAMCAQA=\n-----END"],
)
def test_no_private_key(text):
    with pytest.raises(ValueError, match=r"."):
        rsa.read_private(text)


# -- DKIM without `cryptography` ---------------------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch):
    """A Python that has no `cryptography`."""
    answers, made, texts = (
        dns(),
        signed(),
        (pem(), weak_record(), signed(name="ed25519")),
    )
    for name in [*sys.modules, "cryptography"]:
        if name.partition(".")[0] == "cryptography":
            monkeypatch.setitem(sys.modules, name, None)
    caches = (keys.read_key, keys.load_private, keys.rsa_scheme, private_key)
    for cache in caches:
        cache.cache_clear()
    yield answers, made, texts
    for cache in caches:
        cache.cache_clear()


def test_verifying_without_it(bare):
    answers, made, (_, weak, ed25519_signed) = bare
    assert one(made, answers).result == "pass"
    assert one(made.replace(b"Lunch", b"Late"), answers).reason == "the signature differs: it is for other fields"
    assert one(made.replace(b" b=", b" b=QUJD"), answers).rule == "dkim.signature-length"
    (found,), _ = verified(ed25519_signed, answers)
    assert (found.rule, found.result) == ("dkim.key-type", "permerror")
    answers["lab._domainkey.alpha.example", "TXT"] = (weak,)
    assert one(made, answers).rule == "dkim.weak-key"
    answers["lab._domainkey.alpha.example", "TXT"] = ("p=QUJD",)
    assert one(made, answers).rule == "dkim.key-form"


def test_signing_without_it(bare, monkeypatch):
    answers, made, (text, *_) = bare
    again, _ = perform(sign(LETTER, DOMAIN, "lab", text, NOW), answers)
    assert again == made
    record = public_record(text)
    answers["lab._domainkey.alpha.example", "TXT"] = (record,)
    assert one(again, answers).result == "pass" and keys.key_type(text) == "rsa"
    for wrong in (b"key", b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="):
        with pytest.raises(LabError, match="give one as PEM"):
            perform(sign(LETTER, DOMAIN, "lab", wrong, NOW), answers)
    monkeypatch.undo()
    keys.read_key.cache_clear()
    keys.load_private.cache_clear()
    assert one(made, dns(record)).result == "pass" and dkimpy_says(made, 0, dns(record))
    assert read_base64(record.partition("p=")[2].encode()) == key().public_key().public_bytes(
        Encoding.DER, PublicFormat.PKCS1
    )


def test_the_lab_signs_without_it(bare, monkeypatch):
    """As in Pyodide: the companies' letters, and what one signs by hand; the signatures are the same."""
    lab = Lab(seed=1, tls=False, opinions=False)
    made = lab.sign_dkim(LETTER)
    assert [found.result for found in lab.verify_dkim(made.message)] == ["pass"]
    assert lab.send("alice@alpha.example", "bob@beta.example", text="Hi").verdict["dkim"] == "pass"
    for wrong in (3, object(), b"key"):
        with pytest.raises(LabError, match="give "):
            lab.sign_dkim(LETTER, key=wrong)
    monkeypatch.undo()
    for cache in (keys.read_key, keys.load_private, private_key):
        cache.cache_clear()
    assert Lab(seed=1, opinions=False).sign_dkim(LETTER).message == made.message


def test_what_a_bad_signature_opens_to():
    """An RSA signature tells whether its owner signed something else, or nobody who has this key signed anything."""
    (found,), told = verified(signed().replace(b"Lunch", b"Late"))
    opened = next(rule for rule in told if rule.name == "dkim.opened")
    original = next(rule for rule in verified(signed())[1] if rule.name == "dkim.signature")
    assert opened.because["signed"] == original.because["digest"] and "other fields" in found.reason
    (found,), told = verified(signed(), dns(public_record(key("other"))))
    assert "dkim.not-opened" in [rule.name for rule in told] and "another key" in found.reason
    (found,), told = verified(signed(name="ed25519").replace(b"Lunch", b"Late"))
    assert found.reason == "the signature differs" and not [rule for rule in told if "opened" in rule.name]
