"""DANE for SMTP (RFC 7672) on a DNS that is signed (RFC 4035): what is demanded, and what is done where it fails."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512

import dns.dnssec
import dns.name
import dns.zone
import pytest
from mta_stage import ALICE, BOB

from mailedu import Lab, Trace
from mailedu.acts import LabError, Rule, Upgrade
from mailedu.exercises.frame import do_again, history
from mailedu.lab.secured import text_under
from mailedu.mta.dane import fits, mismatch, public_key, read_tlsa, usable
from mailedu.mta.dnssec import anchor_for, lies_between
from mailedu.net.tls import STRANGE, authority, certificates, server_context

BETA, MX, TLSA = "beta.example", "mx.beta.example", "_25._tcp.mx.beta.example"
NOW = datetime(2026, 11, 23, tzinfo=UTC).timestamp()


def rules(trace: Trace, start: int = 0) -> list[str]:
    found = [step.act.name for step in trace[start:] if isinstance(step.act, Rule)]
    return [name for name in found if name.startswith(("dane.", "sts."))]


def send(lab: Lab, **given):
    """(whether it arrived at once, what was decided on its way)."""
    before = len(lab.trace)
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi", read=False, **given)
    return bool(mail.delivered), rules(lab.trace, before)


def why(lab: Lab) -> str:
    """The reason of the last refusal."""
    no = [step.act for step in lab.trace.only(Rule) if step.act.name in ("dane.bogus", "dane.not-secure")]
    return no[-1].because["why"] if no else ""


FOUND = ["dane.key", "dane.signed", "dane.signed", "dane.signed", "dane.wanted"]  # the key, MX, A, TLSA
DENIED = ["dane.key", "dane.signed", "dane.signed", "dane.no-such-name", "dane.none"]


# -- what a record matches


@pytest.fixture(scope="module")
def shown() -> list[bytes]:
    """What our server shows: its certificate, and the authority's."""
    found = certificates(server_context(MX))
    assert len(found) == 2
    return found


def record(usage: int, selector: int, matching: int, certificate: bytes) -> str:
    data = public_key(certificate) if selector else certificate
    data = {0: data, 1: sha256(data).digest(), 2: sha512(data).digest()}[matching]
    return f"{usage} {selector} {matching} {data.hex()}"


def strangers() -> list[bytes]:
    """The same of another authority; a server that has it does not show the authority's."""
    pem = authority(STRANGE).cert_pem.bytes().decode()
    return [*certificates(server_context(MX, certificate="unknown CA")), ssl.PEM_cert_to_DER_cert(pem)]


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_kind_of_record_matches_its_own_and_no_other(shown, usage, selector, matching):
    place = 1 if usage == 2 else 0
    right = record(usage, selector, matching, shown[place])
    wrong = record(usage, selector, matching, strangers()[place])
    assert mismatch([right], shown, [MX], NOW) == ""
    assert mismatch([wrong], shown, [MX], NOW) != ""
    assert mismatch([wrong, right], shown, [MX], NOW) == ""


def test_an_authority_vouches_for_a_name_and_a_time(shown):
    by_authority, by_key = record(2, 0, 1, shown[1]), record(3, 1, 1, shown[0])
    assert mismatch([by_authority], shown, ["mx.gamma.example"], NOW) == "the certificate is not for mx.gamma.example"
    assert mismatch([by_authority], shown, ["mx.gamma.example", MX], NOW) == "", "§3.2.2: one of the names will do"
    late = datetime(4000, 1, 1, tzinfo=UTC).timestamp()
    assert mismatch([by_authority], shown, [MX], late) == "the certificate is not valid now"
    assert mismatch([by_key], shown, ["mx.gamma.example"], late) == "", "§3.1.1: a server's own needs neither"


def test_an_authority_must_have_signed_it(shown):
    stranger = strangers()
    chain = [stranger[0], shown[1]]
    assert "not signed" in mismatch([record(2, 0, 1, shown[1])], chain, [MX], NOW)
    assert mismatch([record(2, 0, 1, shown[1])], [shown[0]], [MX], NOW), "a hash cannot be found if it is not sent"
    assert mismatch([record(2, 0, 0, shown[1])], [shown[0]], [MX], NOW) == "", "a whole certificate need not be"


def test_what_cannot_be_used_demands_nothing(shown):
    """§2.2: then TLS is a must, with whatever certificate."""
    unusable = ["0 0 1 " + "00" * 32, "1 1 1 " + "00" * 32, "3 2 1 " + "00" * 32, "3 1 3 00", "3 1 1 00", "4 1 1 00"]
    assert usable(unusable) == [] and mismatch(unusable, shown, [MX], NOW) == ""
    assert mismatch([*unusable, "3 1 1 " + "00" * 32], shown, [MX], NOW) != ""


def test_of_two_digests_the_stronger_counts(shown):
    """§5: who breaks SHA-256 one day gains nothing where there is SHA-512 too."""
    weak, strong = record(3, 1, 1, shown[0]), "3 1 2 " + "00" * 64
    assert mismatch([weak], shown, [MX], NOW) == "" and mismatch([weak, strong], shown, [MX], NOW) != ""
    assert [one.matching for one in usable([weak, strong])] == [2]


@pytest.mark.parametrize("chain", [[], [b""], [b"no certificate"], [b"\x30\x82"]])
def test_rubbish_matches_nothing(chain):
    for usage in (2, 3):
        for selector in (0, 1):
            assert mismatch([f"{usage} {selector} 1 " + "00" * 32], chain, [MX], NOW) != ""


def test_a_record_may_have_blanks_in_its_data():
    assert read_tlsa("3 1 1 ab cd").data == b"\xab\xcd"


def test_names_with_a_star():
    assert fits("*.beta.example", "MX.beta.example") and not fits("*.beta.example", "a.mx.beta.example")
    assert not fits("*.beta.example", "beta.example") and fits(MX, MX)


# -- what is signed


def test_an_anchor_is_the_nearest_one_above():
    anchors = ("example 1 15 2 aa", "beta.example 2 15 2 bb")
    assert anchor_for(anchors, "mx.Beta.example.").domain == BETA
    assert anchor_for(anchors, "alphabeta.example").domain == "example"
    assert anchor_for(anchors[1:], "alphabeta.example") is None and anchor_for((), BETA) is None


@pytest.mark.parametrize(
    "name, at, after, between",
    [
        (TLSA, MX, "pop.beta.example.", True),  # what is below a name comes right after it (RFC 4034 §6.1)
        (TLSA, MX, TLSA + ".", False),
        ("zz.beta.example", "pop.beta.example", "beta.example.", True),  # after the last comes the first
        ("aa.beta.example", "pop.beta.example", "beta.example.", False),
        ("aa.beta.example", BETA, "imap.beta.example.", True),
    ],
)
def test_what_lies_between_two_neighbours(name, at, after, between):
    assert lies_between(name, at, after, BETA) is between


def test_a_signed_zone_is_as_dnspython_signs_it_and_all_of_it_verifies():
    lab = Lab(seed=1)
    lab.dane(MX)
    text = text_under(lab.zone, BETA)
    zone = dns.zone.from_text(text, BETA, relativize=False, check_origin=False)
    keys = {dns.name.from_text(BETA): zone.find_rdataset(f"{BETA}.", "DNSKEY")}
    checked = 0
    for name, node in zone.items():
        for data in node.rdatasets:
            if data.rdtype.name != "RRSIG":
                signatures = node.find_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, data.rdtype)
                dns.dnssec.validate((name, data), (name, signatures), keys, now=lab.clock.unix())
                checked += 1
    assert checked > 15


def test_a_program_outside_verifies_it(tmp_path):
    if not (delv := shutil.which("delv")):
        pytest.skip("needs the Debian package bind9-dnsutils")
    lab = Lab(seed=1)
    lab.dane(MX)
    key = " ".join(lab.zone.records(BETA, "DNSKEY")[0].split()[:3])
    blob = "".join(lab.zone.records(BETA, "DNSKEY")[0].split()[3:])
    anchors = tmp_path / "anchors"
    anchors.write_text(f'trust-anchors {{ {BETA}. static-key {key} "{blob}"; }};')

    def asked() -> str:
        run = subprocess.run(
            [delv, "@127.0.0.1", "-p", str(net.ports["dns"]), "-a", anchors, f"+root={BETA}", TLSA, "TLSA"],
            capture_output=True, timeout=30,
        )  # fmt: skip
        return (run.stdout + run.stderr).decode()

    # It judges by the real clock: this is no part of the lab's story.
    lab.clock.start = datetime.now(UTC) - timedelta(seconds=lab.clock.now)
    lab.sign(BETA)
    with lab, lab.serve() as net:
        assert "; fully validated" in asked()
        lab.zone.edit(TLSA, TLSA="3 1 1 " + "00" * 32)
        assert "fully validated" not in asked()


def test_signing_again_forgets_what_is_gone():
    lab = Lab(seed=1)
    lab.zone.edit("old.beta.example", A="198.51.100.99")
    lab.sign(BETA)
    assert lab.zone.records("old.beta.example", "NSEC")
    lab.zone.edit("old.beta.example", A=None)
    lab.sign(BETA)
    assert "old.beta.example" not in lab.zone.names()
    first = lab.zone.copy()
    lab.sign(BETA)
    assert lab.zone == first, "the same key, the same records, the same time: the same signatures"


# -- what a sender does


def test_without_an_anchor_nobody_asks():
    lab = Lab(seed=1)
    lab.zone.edit(TLSA, TLSA="3 1 1 " + "00" * 32)
    assert send(lab) == (True, [])


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_mail_goes_where_the_record_is_right(usage, selector, matching):
    lab = Lab(seed=1)
    lab.dane(MX, usage=usage, selector=selector, matching=matching)
    assert send(lab) == (True, [*FOUND, "dane.matched"])
    [up] = [s.act for s in lab.trace.only(Upgrade) if s.act.tlsa]
    assert up.tlsa[0].startswith(f"{usage} {selector} {matching} ") and up.names == (MX, BETA)


@pytest.mark.parametrize("certificate", ["wrong name", "expired", "self-signed", "unknown CA"])
def test_a_servers_own_certificate_may_be_any_that_the_record_names(certificate):
    """§3.1.1: no authority, no name, no date: the record is all."""
    lab = Lab(seed=1)
    lab.configure(MX, certificate=certificate)
    lab.dane(MX)
    assert send(lab) == (True, [*FOUND, "dane.matched"])


@pytest.mark.parametrize("certificate", ["wrong name", "expired"])
def test_an_authoritys_must_be_right_in_all(certificate):
    lab = Lab(seed=1)
    lab.configure(MX, certificate=certificate)
    lab.dane(MX, usage=2, selector=0)
    arrived, decided = send(lab)
    assert not arrived and decided[-1] == "dane.not-secure"
    assert why(lab) == {"wrong name": f"the certificate is not for {MX} or {BETA}"}.get(
        certificate, "the certificate is not valid now"
    )


@pytest.mark.parametrize("spoilt", [{"certificate": "unknown CA"}, {"certificate": "good"}, {"without": ["STARTTLS"]}])
def test_what_the_record_does_not_name_gets_no_mail(spoilt):
    lab = Lab(seed=1)
    lab.dane(MX)
    lab.configure(MX, **spoilt)  # "good" is another certificate, and by our authority: that does not count
    arrived, decided = send(lab)
    assert not arrived and decided == [*FOUND, "dane.not-secure"]
    assert len(lab.queue("mx.alpha.example")) == 1, "it waits: there is no going on without"
    assert not lab.mailbox(BOB)


def test_what_waits_goes_when_the_record_is_right_again():
    lab = Lab(seed=1)
    lab.dane(MX)
    lab.configure(MX, certificate="self-signed")
    assert not send(lab)[0]
    lab.dane(MX)
    lab.clock.advance(minutes=15)
    assert len(lab.mailbox(BOB)) == 1


BOGUS = {
    "TLSA changed": (lambda lab: lab.zone.edit(TLSA, TLSA="3 1 1 " + "00" * 32), "not of these records"),
    "TLSA hidden": (lambda lab: lab.zone.edit(TLSA, TLSA=None), "nobody signed that it is not"),
    "all of it hidden": (lambda lab: lab.zone.edit(TLSA, TLSA=None, NSEC=None, RRSIG=None), "nobody signed"),
    "signature gone": (lambda lab: lab.zone.edit(TLSA, RRSIG=None), "there is no signature"),
    "address changed": (lambda lab: lab.zone.edit(MX, A="203.0.113.66"), "not of these records"),
    "MX changed": (lambda lab: lab.zone.edit(BETA, MX="10 mx.gamma.example."), "not of these records"),
    "key gone": (lambda lab: lab.zone.edit(BETA, DNSKEY=None), "it has no key"),
    "another key": (
        lambda lab: lab.zone.edit(BETA, DNSKEY="257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="),
        "none of its keys",
    ),
    "too old": (lambda lab: lab.clock.advance(days=15), "the signature is too old"),
}


@pytest.mark.parametrize("attack", BOGUS)
def test_what_is_bogus_is_deferred(attack):
    lab = Lab(seed=1)
    lab.dane(MX)
    spoil, reason = BOGUS[attack]
    spoil(lab)
    arrived, decided = send(lab)
    assert not arrived and "dane.bogus" in decided and reason in why(lab)
    assert len(lab.queue("mx.alpha.example")) == 1 and not lab.mailbox(BOB)


def test_a_dns_that_is_silent_is_deferred_too():
    """§2.1.2: who can stop an answer must not be able to take TLS away."""
    lab = Lab(seed=1)
    lab.dane(MX)
    lab.zone.fault(TLSA)
    assert not send(lab)[0] and len(lab.queue("mx.alpha.example")) == 1


def test_where_it_is_signed_that_there_are_none_mail_goes_as_ever():
    lab = Lab(seed=1)
    lab.sign(BETA)
    lab.configure(MX, without=["STARTTLS"])
    assert send(lab) == (True, DENIED)


def test_a_name_with_other_records_has_no_tlsa():
    lab = Lab(seed=1)
    lab.zone.edit(TLSA, TXT="nothing here")
    lab.sign(BETA)
    assert send(lab)[1][3:] == ["dane.no-such-record", "dane.none"]


def test_a_neighbour_below_the_host_is_walked_past():
    lab = Lab(seed=1)
    lab.zone.edit("_110._tcp.mx.beta.example", TXT="sorts before _25")
    lab.sign(BETA)
    arrived, decided = send(lab)
    assert arrived and decided == DENIED


def test_what_is_not_signed_is_insecure_and_mail_goes_as_ever():
    lab = Lab(seed=1)
    lab.dane(MX)
    mail = lab.send(ALICE, "carol@gamma.example", read=False)
    assert mail.delivered and rules(mail.trace) == ["dane.insecure"]


def test_a_host_of_another_domain_must_be_signed_itself():
    """§2.2.2: a signed MX record may name a host whose own domain is not signed."""
    lab = Lab(seed=1)
    lab.zone.edit(BETA, MX="10 mx.gamma.example.")
    lab.configure("mx.gamma.example", backup_for=[BETA])
    lab.zone.edit("_25._tcp.mx.gamma.example", TLSA="3 1 1 " + "00" * 32)
    lab.sign(BETA)
    before = len(lab.trace)
    lab.send(ALICE, BOB, read=False)
    assert rules(lab.trace, before)[:3] == ["dane.key", "dane.signed", "dane.insecure"]


def test_records_that_cannot_be_used_still_demand_tls():
    lab = Lab(seed=1)
    lab.dane(MX, usage=1)
    lab.configure(MX, certificate="self-signed")
    arrived, decided = send(lab)
    assert arrived and decided[-1] == "dane.unusable"
    lab.configure(MX, without=["STARTTLS"])
    arrived, decided = send(lab)
    assert not arrived and decided[-2:] == ["dane.unusable", "dane.not-secure"]


def test_dane_comes_before_mta_sts():
    """RFC 8461 §2: what DANE refuses no policy lets through, and what DANE takes no policy refuses."""
    lab = Lab(seed=1)
    lab.configure(MX, certificate="self-signed")
    lab.mta_sts(BETA, mx=[MX])
    lab.dane(MX)
    arrived, decided = send(lab)
    assert arrived and decided[-2:] == ["dane.matched", "dane.before-sts"] and "sts.policy" in decided
    lab.configure(MX, certificate="good")  # the policy would be content
    arrived, decided = send(lab)
    assert not arrived and decided[-1] == "dane.not-secure"


# -- the doors


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lab: lab.dane("mx.delta.example"),
        lambda lab: lab.dane(MX, usage=4),
        lambda lab: lab.dane(MX, matching=3),
        lambda lab: lab.sign("delta.example"),
        lambda lab: lab.sign(BETA, days=0),
        lambda lab: lab.sign(BETA, days="3"),
        lambda lab: lab.configure("mx.alpha.example", anchors=["beta.example"]),
        lambda lab: lab.configure("mx.alpha.example", anchors=["beta.example 1 15 2 nohex"]),
    ],
)
def test_a_slip_is_told_and_nothing_is_done(wrong):
    lab = Lab(seed=1)
    before = lab.zone.copy()
    with pytest.raises(LabError):
        wrong(lab)
    assert lab.inputs == [] and lab.zone == before


def test_without_tls_there_is_no_certificate():
    with pytest.raises(LabError, match="no TLS"):
        Lab(seed=1, tls=False).dane(MX)


def test_they_are_inputs_that_can_be_done_again():
    lab = Lab(seed=1)
    lab.dane(MX, usage=2)
    lab.sign("gamma.example", days=3)
    assert [one.name for one in lab.inputs] == ["dane", "sign"]
    again = Lab(seed=1)
    for past in history(lab):
        do_again(again, past)
    assert again.zone == lab.zone
    assert send(lab) == send(again) and lab.trace == again.trace
    assert Trace.from_json(lab.trace.to_json()) == lab.trace


# -- real sockets, and a program that we did not write


def test_the_same_on_real_sockets():
    def run(lab: Lab) -> Trace:
        lab.dane(MX, usage=2, selector=0)
        send(lab)
        lab.configure(MX, certificate="self-signed")
        send(lab)
        return lab.trace

    memory, lab = run(Lab(seed=1)), Lab(seed=1)
    with lab, lab.serve():
        real = run(lab)
    assert rules(real) == rules(memory) and rules(real)[-1] == "dane.not-secure"


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
def test_openssl_agrees(usage, selector):
    if not (openssl := shutil.which("openssl")):
        pytest.skip("needs the Debian package openssl")
    lab = Lab(seed=1)
    lab.dane(MX, usage=usage, selector=selector)
    right = lab.zone.records(TLSA, "TLSA")[0]
    with lab, lab.serve() as net:
        for given, verified in ((right, True), (right[:-4] + "0000", False)):
            run = subprocess.run(
                [
                    openssl, "s_client", "-connect", f"127.0.0.1:{net.ports[f'{MX}:25']}", "-starttls", "smtp",
                    "-dane_tlsa_domain", MX, "-dane_tlsa_rrdata", given, "-verify_return_error", "-brief",
                ],
                input=b"QUIT\r\n", capture_output=True, timeout=30,
            )  # fmt: skip
            said = (run.stdout + run.stderr).decode()
            assert ("Verification: OK" in said) is verified, said
