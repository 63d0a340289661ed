"""Judges that have nothing to do with Python: Mail::DKIM (Perl) and opendkim-testmsg, where they are installed."""

import functools
import json
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest
from ask import perform
from dkim_stage import DOMAIN, LETTER, NOW, dns, key, one, pem, signed

from mailedu import Lab
from mailedu.auth import arc
from mailedu.auth.canonical import relaxed_body, relaxed_field, simple_body
from mailedu.auth.dkim import public_record
from mailedu.message import Message

FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")

PERL = r"""
use strict; use warnings; use JSON::PP; use MIME::Base64; use Net::DNS;
use Mail::DKIM::Verifier; use Mail::DKIM::Signer; use Mail::DKIM::ARC::Verifier; use Mail::DKIM::ARC::Signer;
binmode(STDIN); binmode(STDOUT);
my $task = decode_json(do { local $/; <STDIN> });
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $task->{port}))
  if $task->{port};
if (!$task->{port}) { no warnings 'redefine';
  *Mail::DKIM::DNS::query = sub {
    my ($name, $type) = @_;
    my $text = $task->{dns}{$name};
    $@ = '';
    return defined $text ? Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => [unpack('(a255)*', $text)]) : ();
  };
}
my @said;
for my $message (map { decode_base64($_) } @{$task->{messages}}) {
  my $dkim = Mail::DKIM::Verifier->new();
  $dkim->PRINT($message); $dkim->CLOSE;
  push @said, [map { $_->result_detail } $dkim->signatures];
}
for my $how (@{$task->{sign}}) {
  my $dkim = Mail::DKIM::Signer->new(Algorithm => 'rsa-sha256', Method => $how->{forms}, Domain => $how->{domain},
    Selector => 'lab', Key => Mail::DKIM::PrivateKey->load(Data => $task->{key}));
  $dkim->PRINT(decode_base64($how->{message})); $dkim->CLOSE;
  push @said, encode_base64($dkim->signature->as_string . "\r\n" . decode_base64($how->{message}), '');
}
for my $message (map { decode_base64($_) } @{$task->{chains}}) {
  my $arc = Mail::DKIM::ARC::Verifier->new();
  $arc->PRINT($message); $arc->CLOSE;
  push @said, $arc->result_detail;
}
for my $message (map { decode_base64($_) } @{$task->{seal}}) {
  my $arc = Mail::DKIM::ARC::Signer->new(Algorithm => 'rsa-sha256', Chain => 'ar', Domain => 'alpha.example',
    SrvId => 'mx.alpha.example', Selector => 'lab', Key => Mail::DKIM::PrivateKey->load(Data => $task->{key}),
    Headers => 'From:To:Subject:Date');
  $arc->PRINT($message); $arc->CLOSE;
  push @said, encode_base64(join("\r\n", $arc->as_strings, $message), '');
}
print encode_json(\@said);
"""


@functools.cache
def perl_has_dkim() -> bool:
    perl = shutil.which("perl")
    return (
        perl is not None
        and not subprocess.run([perl, "-MMail::DKIM", "-MJSON::PP", "-e1"], capture_output=True).returncode
    )


def perl(messages=(), sign=(), chains=(), seal=(), port=0):
    """What Mail::DKIM says of each signature of each message, and the messages it signed; ARC chains likewise.

    It asks the name server at this port of 127.0.0.1; without one it is told the keys of the stage.
    """
    from base64 import b64decode, b64encode

    lines = pem().decode().splitlines()[1:-1]
    task = {
        "dns": {
            f"lab._domainkey.{DOMAIN}": public_record(key()),
            f"ed._domainkey.{DOMAIN}": public_record(key("ed25519")),
        },
        "messages": [b64encode(message).decode() for message in messages],
        "sign": [{"forms": how, "domain": DOMAIN, "message": b64encode(message).decode()} for how, message in sign],
        "chains": [b64encode(message).decode() for message in chains],
        "seal": [b64encode(message).decode() for message in seal],
        "key": "".join(lines),
        "port": port,
    }
    done = subprocess.run(["perl", "-e", PERL], input=json.dumps(task).encode(), capture_output=True, timeout=60)
    assert not done.returncode, done.stderr.decode()
    said = json.loads(done.stdout)
    verdicts = said[: len(messages)] + said[len(messages) + len(sign) :][: len(chains)]
    made = said[len(messages) :][: len(sign)] + said[len(said) - len(seal) :]
    return verdicts + [b64decode(message) for message in made]


needs_perl = pytest.mark.skipif(not perl_has_dkim(), reason="Perl's Mail::DKIM is not installed (libmail-dkim-perl)")
needs_opendkim = pytest.mark.skipif(
    not shutil.which("opendkim-testmsg"), reason="opendkim-testmsg is not installed (opendkim-tools)"
)


def letters(count: int, seed: int = 9) -> list[bytes]:
    """Messages of odd blanks and folds, no field twice."""
    dice = random.Random(seed)
    found = []
    for _ in range(count):
        names = dice.sample([b"Subject", b"X-A", b"To", b"x-b ", b"Cc"], dice.randrange(5))
        fields = [
            name + b":" + b"".join(dice.choices([b" ", b"\t", b"\r\n a", b"\r\n\ta", b"a", b"B:"], k=dice.randrange(7)))
            for name in names
        ]
        body = b"".join(dice.choices([b" ", b"\t", b"\r\n", b"a", b"bc"], k=dice.randrange(12))) + b"\r\n"
        top = [b"From: a@alpha.example", b"Date: Mon, 23 Nov 2026 09:00:00 +0000"]
        found.append(b"\r\n".join([*top, *fields, b"", body]))
    return found


@needs_perl
def test_mail_dkim_verifies_what_we_sign():
    made = [signed(message, canonicalization=forms) for message in [LETTER, *letters(25)] for forms in FORMS]
    made += [signed(LETTER, canonicalization=forms, length=True) + b"more\r\n" for forms in FORMS]
    assert perl(made) == [["pass"]] * len(made)


@needs_perl
def test_mail_dkim_verifies_our_ed25519_where_it_knows_it():
    [said] = perl([signed(signed(name="ed25519"))])
    assert said[0] == "pass" and said[1] in ("pass", "invalid (unsupported algorithm ed25519-sha256)"), said


@needs_perl
def test_mail_dkim_refuses_what_we_refuse():
    changed = [signed().replace(b"soon", b"late"), signed().replace(b"Lunch", b"Late"), signed(selector="gone")]
    assert [said[0].split()[0] for said in perl(changed)] == ["fail", "fail", "invalid"]
    assert [one(message).result for message in changed] == ["fail", "fail", "permerror"]


@needs_perl
def test_we_verify_what_mail_dkim_signs():
    wanted = [(forms, message) for message in [LETTER, *letters(25, 4)] for forms in FORMS]
    for made in perl(sign=wanted):
        made = re.sub(rb"(?<!\r)\n", b"\r\n", made)
        assert one(made, dns(), now=None).result == "pass", made


def with_key(lab: Lab, selector: str, record: str) -> bytes:
    """A letter signed with this selector, and its record in the lab's zone."""
    lab.zone.edit(f"{selector}._domainkey.{DOMAIN}", TXT=record)
    return lab.sign_dkim(LETTER, DOMAIN, selector=selector).message


PEOPLE = ("alice@alpha.example", "bella@beta.example", "carol@gamma.example")
SAID = {"pass": "pass", "fail": "fail", "permerror": "invalid", "temperror": "DNS error"}  # ours, theirs


def kind_of(words: str) -> str:
    """It has one word for a bad key and for a name server that fails (RFC 6376 §6.1.2 has two), and says which."""
    return "DNS error" if words.startswith("invalid (public key: DNS error") else words.split()[0]


@needs_perl
def test_mail_dkim_agrees_over_the_labs_loopback_dns():
    """Letters as they lie in mailboxes, each key that a record can hold, and letters that were changed on their way."""
    lab = Lab(seed=11, opinions=False)
    made = [lab.send(one, "bob@beta.example", subject="Hi", text=f"..\n{one} ").message for one in PEOPLE]
    made += [
        lab.sign_dkim(message, domain, canonicalization=forms).message
        for message in [LETTER, *letters(12, 5)]
        for domain, forms in zip(
            ["alpha.example", "beta.example", "gamma.example", "alpha.example"], FORMS, strict=True
        )
    ]
    record = lab.zone.records(f"lab._domainkey.{DOMAIN}", "TXT")[0]
    p = record.partition("p=")[2]
    other = lab.zone.records("lab._domainkey.beta.example", "TXT")[0]
    made += [
        with_key(lab, "old", record),
        with_key(lab, "bare", f"p={p}"),
        with_key(lab, "strict", f"v=DKIM1; t=s; s=email; h=sha256; n=a_note; p={p}"),
        with_key(lab, "revoked", "v=DKIM1; p="),
        with_key(lab, "other", other),
        with_key(lab, "no-hash", f"v=DKIM1; h=sha1; p={p}"),
        with_key(lab, "no-mail", f"v=DKIM1; s=tlsrpt; p={p}"),
        with_key(lab, "no-key", f"v=DKIM1; k=foo; p={p}"),
        with_key(lab, "no-version", f"v=DKIM2; p={p}"),
        with_key(lab, "silent", record),
        lab.sign_dkim(LETTER, DOMAIN, selector="nobody").message,
        lab.sign_dkim(lab.sign_dkim(LETTER, DOMAIN).message, "beta.example").message,
        made[0].replace(b"Hi", b"Ho"),
        made[1] + b"A footer.\r\n",
        made[2].replace(b"Date: ", b"Date:  "),
    ]
    lab.zone.fault(f"silent._domainkey.{DOMAIN}", "TXT")
    with lab.serve() as net:
        theirs = perl(made, port=net.ports["dns"])
    ours = [[SAID[found.result] for found in lab.verify_dkim(message)] for message in made]
    assert [[kind_of(words) for words in one] for one in theirs] == ours, theirs
    assert {word for words in ours for word in words} == set(SAID.values())


def sealed(message: bytes, footer: bytes = b"") -> bytes:
    found, _ = perform(arc.validate(message, NOW), dns())
    results = f"mx.alpha.example; arc={found.result}"
    return perform(arc.seal(message + footer, DOMAIN, "lab", key(), NOW, results=results, chain=found), dns())[0]


@needs_perl
def test_mail_dkim_validates_what_we_seal():
    once = sealed(signed())
    twice = sealed(once, b"A footer.\r\n")
    thrice = sealed(twice)
    broken = thrice.replace(b"i=1; mx", b"i=1; my")
    said = perl(chains=[once, twice, thrice, once + b"more\r\n", broken])
    assert [words.split()[0] for words in said] == ["pass", "pass", "pass", "fail", "fail"], said


@needs_perl
def test_we_validate_what_mail_dkim_seals():
    results = b"Authentication-Results: mx.alpha.example; arc=none; spf=pass smtp.mailfrom=alice@alpha.example\r\n"
    [made] = perl(seal=[results + LETTER])
    made = re.sub(rb"(?<!\r)\n", b"\r\n", made)
    chain, _ = perform(arc.validate(made), dns())
    assert (chain.result, len(chain.sets)) == ("pass", 1), chain


@needs_opendkim
@pytest.mark.skipif(os.name == "nt", reason="its temporary files lie in /tmp")
def test_opendkims_canonical_form(tmp_path):
    """It signs relaxed/simple and keeps what it hashed: our canonical fields and bodies are the same."""
    keyfile = tmp_path / "key.pem"
    keyfile.write_bytes(pem())
    for message in letters(40):
        before = set(pathlib.Path("/tmp").glob("dkim.opendkim-testmsg.*"))
        command = ["opendkim-testmsg", "-C", "-K", "-d", DOMAIN, "-s", "lab", "-k", str(keyfile)]
        done = subprocess.run(command, input=message, capture_output=True, timeout=60)
        assert not done.returncode, done.stderr
        kept = set(pathlib.Path("/tmp").glob("dkim.opendkim-testmsg.*")) - before
        texts = [file.read_bytes() for file in kept]
        for file in kept:
            file.unlink()
        [fields] = [text for text in texts if b"dkim-signature:" in text]
        texts.remove(fields)
        ours = Message(message)
        assert texts == [simple_body(ours.body)]
        assert fields.partition(b"dkim-signature:")[0] == b"".join(relaxed_field(field.data) for field in ours.fields)
        assert relaxed_body(texts[0]) == relaxed_body(ours.body)
