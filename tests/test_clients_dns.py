"""The lab's DNS, asked by programs that we did not write: dig, host, and Mail::SPF's spfquery."""

import re

import pytest
from programs import must_run, run

from mailedu import Lab

HERE = "127.0.0.1"


@pytest.fixture
def lab():
    with Lab(seed=1) as lab:
        yield lab


@pytest.fixture
def net(lab):
    return lab.serve()


def dig(net, *question: str) -> str:
    return must_run("dig", f"@{HERE}", "-p", net.ports["dns"], "+tries=1", "+time=10", *question)


def short(net, *question: str) -> list[str]:
    return dig(net, *question, "+short").splitlines()


def status(net, *question: str) -> str:
    [found] = re.findall(r"status: (\w+)", dig(net, *question))
    return found


# -- dig


@pytest.mark.parametrize(
    "question, answer",
    [
        ("beta.example MX", ["10 mx.beta.example."]),
        ("mx.alpha.example A", ["192.0.2.25"]),
        ("mx.alpha.example AAAA", ["2001:db8:a::25"]),
        ("beta.example TXT", ['"v=spf1 mx -all"']),
        ("-x 192.0.2.25", ["mx.alpha.example."]),
        ("mx.alpha.example MX", []),
        ("BETA.eXaMple mx", ["10 mx.beta.example."]),
    ],
)
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_is_answered(net, question, answer, transport) -> None:
    assert [record.lower() for record in short(net, *question.split(), transport)] == answer


@pytest.mark.parametrize(
    "question, said",
    [
        ("beta.example MX", "NOERROR"),
        ("mx.alpha.example MX", "NOERROR"),
        ("nowhere.example A", "NXDOMAIN"),
        ("example A", "NOERROR"),  # there are names below it (RFC 8020)
        ("slow.example A", "SERVFAIL"),
        ("beta.example CH TXT", "REFUSED"),
        ("beta.example TYPE65280", "NOERROR"),
    ],
)
def test_dig_is_told_how_it_went(lab, net, question, said) -> None:
    lab.zone.fault("slow.example")
    assert status(net, *question.split()) == said


def test_dig_shows_the_way_an_alias_leads(lab, net) -> None:
    lab.zone.edit("www.alpha.example", CNAME="web.alpha.example.")
    lab.zone.edit("web.alpha.example", CNAME="mx.alpha.example.")
    lab.zone.edit("loop.example", CNAME="loop.example.")
    lab.zone.edit("lost.example", CNAME="nowhere.example.")
    assert short(net, "www.alpha.example", "A") == ["web.alpha.example.", "mx.alpha.example.", "192.0.2.25"]
    assert short(net, "www.alpha.example", "CNAME") == ["web.alpha.example."]
    assert status(net, "loop.example", "A") == "SERVFAIL"
    assert status(net, "lost.example", "A") == "NXDOMAIN"
    assert short(net, "lost.example", "A") == ["nowhere.example."]


def test_dig_asks_for_a_long_text_again_over_tcp(lab, net) -> None:
    lab.zone.edit("long.example", TXT="x" * 2000)
    said = dig(net, "long.example", "TXT", "+bufsize=1232")
    assert "Truncated, retrying in TCP mode" in said
    assert said.count("x") >= 2000
    assert "Truncated" not in dig(net, "long.example", "TXT", "+bufsize=4096")
    assert " tc" in dig(net, "long.example", "TXT", "+noedns", "+ignore")


def test_dig_reads_any_octet_of_a_text(lab, net) -> None:
    lab.zone.edit("odd.example", TXT='say "hi" \\ \xff\x00;')
    assert short(net, "odd.example", "TXT") == [r'"say \"hi\" \\ \255\000;"']


def test_dig_may_not_have_everything(net) -> None:
    assert short(net, "beta.example", "ANY") == ['"RFC8482" ""']
    for kind in "AXFR", "IXFR=1":
        assert "Transfer failed" in run("dig", f"@{HERE}", "-p", net.ports["dns"], "beta.example", kind).stdout


# -- host


def test_host_finds_the_way(net) -> None:
    ask = lambda *name: must_run("host", "-p", net.ports["dns"], *name, HERE)  # noqa: E731
    assert "alpha.example mail is handled by 10 mx.alpha.example." in ask("alpha.example")
    assert "mx.alpha.example has IPv6 address 2001:db8:a::25" in ask("mx.alpha.example")
    assert "25.100.51.198.in-addr.arpa domain name pointer mx.beta.example." in ask("198.51.100.25")
    assert 'descriptive text "v=DMARC1; p=quarantine"' in ask("-t", "TXT", "_dmarc.beta.example")


# -- spfquery (test_spf_spfquery.py asks it about everything a record can say; here it is the stage's own zone)

SENDERS = [
    "alice@alpha.example",
    "bob@beta.example",
    "carol@gamma.example",
    "eve@nowhere.example",
    "postmaster@slow.example",
]
CLIENTS = ["192.0.2.25", "198.51.100.25", "203.0.113.66", "192.0.2.77", "2001:db8:a::25"]


def test_spfquery_and_the_lab_agree(lab, net) -> None:
    lab.zone.fault("slow.example")
    asked = [(sender, client) for sender in SENDERS for client in CLIENTS]
    lines = "".join(f"{client} {sender} helo.example\n" for sender, client in asked)
    here = dict(RES_NAMESERVERS=HERE, RES_OPTIONS=f"port:{net.ports['dns']}")
    said = run("spfquery", "--versions", "1", "--file", "-", said=lines, **here).stdout
    theirs = re.findall(r"^(pass|fail|softfail|neutral|none|temperror|permerror)$", said, re.MULTILINE)
    ours = [lab.check_spf(ip=client, helo="helo.example", mail_from=sender).result for sender, client in asked]
    assert list(zip(asked, ours, strict=True)) == list(zip(asked, theirs, strict=True))
    assert set(ours) == {"pass", "fail", "softfail", "none", "temperror"}


@pytest.mark.parametrize("host, client", [("mx.alpha.example", "192.0.2.25"), ("mx.alpha.example", "203.0.113.66")])
def test_spfquery_and_the_lab_agree_on_a_name_said_in_helo(lab, net, host, client) -> None:
    here = dict(RES_NAMESERVERS=HERE, RES_OPTIONS=f"port:{net.ports['dns']}")
    said = run("spfquery", "--scope", "helo", "--identity", host, "--ip-address", client, **here).stdout
    assert said.split("\n")[0] == lab.check_spf(ip=client, helo=host).helo
