"""MTA-STS (RFC 8461): the record, the policy, what is remembered of it, and what a sender does who keeps to it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mta_stage import ALICE, BOB

from mailedu import Lab, Trace
from mailedu.acts import Connect, DnsTimeout, Fetch, LabError, Page, Refused, Rule
from mailedu.exercises.frame import do_again, history
from mailedu.mta.sts import LONGEST, Policy, matches, read_policy, read_record

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mx.beta.example\r\nmax_age: 604800\r\n"
BETA, MX, WEB = "beta.example", "mx.beta.example", "mta-sts.beta.example"


def rules(trace: Trace, start: int = 0) -> list[str]:
    """What was decided about policies, in order."""
    return [step.act.name for step in trace[start:] if isinstance(step.act, Rule) and step.act.name.startswith("sts.")]


def send(lab: Lab, **given):
    """(whether it arrived at once, what was decided on its way)."""
    before = len(lab.trace)
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi", read=False, **given)
    return bool(mail.delivered), rules(lab.trace, before)


# -- grammar


@pytest.mark.parametrize(
    "texts, id",
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),  # the RFC's own example (§3.1)
        (["v=STSv1;id=a"], "a"),
        (["v=STSv1; id=a; more=b:c"], "a"),
        (["v=STSv1; more=b; id=a;"], "a"),
        (["v=STSv1; id=a ;  id=b"], "a"),
        (["v=spf1 -all", "v=STSv1; id=a;"], "a"),
    ],
)
def test_a_record_has_an_id(texts, id):
    assert read_record(tuple(texts)) == id


@pytest.mark.parametrize(
    "texts, rule",
    [
        ([], "sts.no-record"),
        (["v=STSv2; id=a;"], "sts.no-record"),
        (["v=stsv1; id=a;"], "sts.no-record"),
        ([" v=STSv1; id=a;"], "sts.no-record"),
        (["id=a; v=STSv1;"], "sts.no-record"),
        (["v=STSv1"], "sts.no-record"),
        (["v=STSv1; id=a;", "v=STSv1; id=b;"], "sts.two-records"),
        (["v=STSv1; id=a; b"], "sts.bad-field"),
        (["v=STSv1; id=a;; b=c"], "sts.bad-field"),
        (["v=STSv1; id=a b;"], "sts.bad-field"),
        (["v=STSv1; id=;"], "sts.bad-field"),
        (["v=STSv1;"], "sts.no-id"),
        (["v=STSv1; ID=a;"], "sts.no-id"),
        (["v=STSv1; id=2016-08-31;"], "sts.bad-id"),
        (["v=STSv1; id=" + "a" * 33], "sts.bad-id"),
    ],
)
def test_a_record_that_is_wrong_is_named(texts, rule):
    with pytest.raises(Refused) as no:
        read_record(tuple(texts))
    assert no.value.rule == rule


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        GOOD.replace(b"\r\n", b"\n"),
        GOOD.removesuffix(b"\r\n"),
        GOOD.replace(b": ", b":"),
        GOOD.replace(b": ", b": \t"),
        GOOD.replace(b"\r\n", b" \t\r\n"),
        GOOD + b"comment: this is unknown, and so left aside\r\n",
        GOOD + b"mode: none\r\nmax_age: 1\r\n",  # of two the first counts
        b"max_age: 604800\nmx: mx.beta.example\nmode: enforce\nversion: STSv1",
        GOOD.replace(b"mx.beta", b"MX.Beta"),
    ],
)
def test_a_policy_is_read(body):
    assert read_policy(body) == Policy("enforce", ("mx.beta.example",), 604_800)


def test_the_rfcs_own_policy():
    hosts = ("mail.example.com", "*.example.net", "backupmx.example.com")
    lines = ["version: STSv1", "mode: enforce", *(f"mx: {host}" for host in hosts), "max_age: 604800", ""]
    assert read_policy("\n".join(lines).encode()).mx == hosts
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 86400\n") == Policy("none", (), 86_400)


@pytest.mark.parametrize(
    "body, rule",
    [
        (b"", "sts.bad-line"),
        (b"<html>\n", "sts.bad-line"),
        (b"\r\n" + GOOD, "sts.bad-line"),
        (GOOD + b"\r\n", "sts.bad-line"),
        (GOOD.replace(b"\r\n", b"\r"), "sts.bad-line"),
        (GOOD + b" mx: mx.beta.example\r\n", "sts.bad-line"),
        (GOOD + b"empty:\r\n", "sts.bad-line"),
        (GOOD + b"a\x00b: c\r\n", "sts.bad-line"),
        (GOOD + b"n" * 33 + b": c\r\n", "sts.bad-line"),
        (GOOD + b"x: \xff\r\n", "sts.not-text"),
        (GOOD.replace(b"version: STSv1\r\n", b""), "sts.bad-version"),
        (GOOD.replace(b"STSv1", b"STSv2"), "sts.bad-version"),
        (GOOD.replace(b"STSv1", b"stsv1"), "sts.bad-version"),
        (GOOD.replace(b"version", b"Version"), "sts.bad-version"),
        (GOOD.replace(b"mode: enforce\r\n", b""), "sts.bad-mode"),
        (GOOD.replace(b"enforce", b"report"), "sts.bad-mode"),
        (GOOD.replace(b"enforce", b""), "sts.bad-mode"),
        (GOOD.replace(b"max_age: 604800\r\n", b""), "sts.bad-age"),
        (GOOD.replace(b"604800", b"-1"), "sts.bad-age"),
        (GOOD.replace(b"604800", b"1 week"), "sts.bad-age"),
        (GOOD.replace(b"604800", b"%d" % (LONGEST + 1)), "sts.bad-age"),
        (GOOD.replace(b"604800", "٣".encode()), "sts.bad-age"),
        (GOOD.replace(b"mx: mx.beta.example\r\n", b""), "sts.no-mx"),
        (GOOD.replace(b"mx.beta.example", b"*"), "sts.bad-mx"),
        (GOOD.replace(b"mx.beta.example", b"mx.*.example"), "sts.bad-mx"),
        (GOOD.replace(b"mx.beta.example", b".beta.example"), "sts.bad-mx"),
        (GOOD.replace(b"mx.beta.example", b"mx.beta.example."), "sts.bad-mx"),
        (GOOD.replace(b"mx.beta.example", b"<script>"), "sts.bad-mx"),
    ],
)
def test_a_policy_that_is_wrong_is_named(body, rule):
    with pytest.raises(Refused) as no:
        read_policy(body)
    assert no.value.rule == rule


@given(st.binary(max_size=80) | st.text(alphabet="version:STSv1 modexa_g\r\n*.0", max_size=80).map(str.encode))
def test_any_octets_are_a_policy_or_refused(body):
    try:
        assert read_policy(body).mode in ("enforce", "testing", "none")
    except Refused as no:
        assert no.rule.startswith("sts.")


@pytest.mark.parametrize(
    "pattern, host, fits",
    [
        ("mx.beta.example", "MX.BETA.EXAMPLE.", True),
        ("*.beta.example", "mx.beta.example", True),
        ("*.beta.example", "beta.example", False),  # §4.1: one label, no fewer …
        ("*.beta.example", "a.mx.beta.example", False),  # … and no more
        ("*.beta.example", ".beta.example", False),
        ("mx.beta.example", "mx.gamma.example", False),
        ("*.xn--gre-6ka8l.example", "mx.grüße.example", True),
    ],
)
def test_a_pattern_fits_a_host(pattern, host, fits):
    assert matches(pattern, host) is fits


# -- discovery, on the lab's clock


def test_without_the_setting_nobody_asks():
    lab = Lab(seed=1)
    assert send(lab) == (True, [])
    assert not lab.trace.only(Fetch)


def test_a_policy_is_fetched_once_and_kept_to():
    lab = Lab(seed=1)
    lab.mta_sts(BETA)
    assert send(lab) == (True, ["sts.policy", "sts.listed", "sts.secure"])
    assert send(lab) == (True, ["sts.same-id", "sts.listed", "sts.secure"])
    [asked], [page] = lab.trace.only(Fetch), lab.trace.only(Page)
    assert asked.act.url == f"https://{WEB}/.well-known/mta-sts.txt" == page.act.url
    assert page.parent == asked.number and page.actor == WEB and page.act.status == 200


def test_two_labs_give_one_trace_and_a_trace_is_json():
    def run() -> Trace:
        lab = Lab(seed=3)
        lab.mta_sts(BETA)
        send(lab)
        return lab.trace

    one = run()
    assert one == run() and Trace.from_json(one.to_json()) == one


def test_a_new_id_is_a_new_policy_and_an_old_one_is_not_looked_at_again():
    lab = Lab(seed=1)
    lab.mta_sts(BETA, "testing")
    send(lab)
    lab.mta_sts(BETA, "enforce")
    assert send(lab)[1][0] == "sts.policy"
    assert lab.stage.houses["mx.alpha.example"].policies[BETA].policy.mode == "enforce"
    lab.mta_sts(BETA, "none", id="20261123090000n2")  # another policy, the id it had: nobody notices
    assert send(lab)[1][0] == "sts.same-id"
    lab.mta_sts(BETA, "none")
    assert send(lab) == (True, ["sts.policy"])


def test_a_policy_lasts_as_long_as_it_says():
    lab = Lab(seed=1)
    lab.mta_sts(BETA, max_age=3600)
    send(lab)
    lab.clock.advance(seconds=3599)
    assert send(lab)[1][0] == "sts.same-id"
    lab.clock.advance(seconds=1)
    assert send(lab)[1][:2] == ["sts.expired", "sts.policy"]


def hide_the_record(lab):
    lab.zone.edit(f"_mta-sts.{BETA}", TXT=None)


def break_the_dns(lab):
    lab.zone.fault(f"_mta-sts.{BETA}")


def two_records(lab):
    lab.zone.edit(f"_mta-sts.{BETA}", TXT=["v=STSv1; id=a;", "v=STSv1; id=b;"])


HIDING = {hide_the_record: "sts.no-record", break_the_dns: "sts.dns", two_records: "sts.two-records"}


@pytest.mark.parametrize("hide", HIDING, ids=lambda hide: hide.__name__)
def test_who_hides_the_record_early_wins_and_late_does_not(hide):
    """§10.2: it is trusted on first use."""
    early = Lab(seed=1)
    early.mta_sts(BETA)
    hide(early)
    early.configure(MX, without=["STARTTLS"])
    assert send(early) == (True, [HIDING[hide]])

    late = Lab(seed=1)
    late.mta_sts(BETA)
    send(late)
    hide(late)
    late.configure(MX, without=["STARTTLS"])
    assert send(late) == (False, [HIDING[hide], "sts.remembered", "sts.listed", "sts.not-secure"])


PAGES = [
    ({"status": 404}, "sts.status"),
    ({"status": 500}, "sts.status"),
    ({"status": 301}, "sts.redirect"),
    ({"type": "text/html"}, "sts.media-type"),
    ({"type": ""}, "sts.media-type"),
    ({"text": GOOD + b"x: " + b"y" * 70_000}, "sts.too-large"),
    ({"text": "version: STSv1\n"}, "sts.bad-mode"),
    ({"certificate": "wrong name"}, "sts.no-page"),
    ({"certificate": "expired"}, "sts.no-page"),
    ({"certificate": "self-signed"}, "sts.no-page"),
    ({"certificate": "unknown CA"}, "sts.no-page"),
    ({"record": "v=STSv1; id=?;"}, "sts.bad-id"),
]


@pytest.mark.parametrize("given, rule", PAGES, ids=[rule for _, rule in PAGES])
def test_what_is_no_policy_is_none_and_the_mail_goes(given, rule):
    """§3.3: as though the domain had none."""
    lab = Lab(seed=1)
    lab.mta_sts(BETA, **given)
    assert send(lab) == (True, [rule])


def test_plain_text_may_name_its_charset():
    lab = Lab(seed=1)
    lab.mta_sts(BETA, type="Text/Plain; charset=utf-8")
    assert send(lab)[1][0] == "sts.policy"


@pytest.mark.parametrize("trouble", [DnsTimeout, None])
def test_a_web_server_that_cannot_be_found(trouble):
    lab = Lab(seed=1)
    lab.mta_sts(BETA)
    if trouble:
        lab.zone.fault(WEB)
    else:
        lab.zone.edit(WEB, A=None)
    assert send(lab) == (True, ["sts.no-page"])
    assert lab.trace.only(Page)[0].act.status == 0


def test_what_could_not_be_had_is_not_asked_for_at_once():
    """§3.3: five minutes, for each id."""
    lab = Lab(seed=1)
    lab.mta_sts(BETA, status=503)
    assert send(lab)[1] == ["sts.status"]
    assert send(lab)[1] == ["sts.not-again"]
    lab.clock.advance(minutes=5)
    assert send(lab)[1] == ["sts.status"]
    lab.mta_sts(BETA)
    assert send(lab)[1][0] == "sts.policy"


# -- application


def unlisted(lab):
    lab.zone.edit(BETA, MX="10 mx.gamma.example.")  # an attacker's exchanger; but it takes no mail for bob


def no_starttls(lab):
    lab.configure(MX, without=["STARTTLS"])


def wrong_certificate(lab):
    lab.configure(MX, certificate="wrong name")


WRONG = {unlisted: "sts.not-listed", no_starttls: "sts.not-secure", wrong_certificate: "sts.not-secure"}


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
def test_enforce_refuses_and_waits(spoil):
    lab = Lab(seed=1)
    lab.mta_sts(BETA, mx=[MX])
    send(lab)
    spoil(lab)
    arrived, decided = send(lab)
    assert not arrived and decided[-1] == WRONG[spoil]
    assert len(lab.queue("mx.alpha.example")) == 1, "it is deferred and not bounced (§5)"
    assert "mta.later" in [step.act.name for step in lab.trace.only(Rule)]


@pytest.mark.parametrize("spoil", [no_starttls, wrong_certificate], ids=lambda spoil: spoil.__name__)
def test_testing_says_so_and_sends(spoil):
    lab = Lab(seed=1)
    lab.mta_sts(BETA, "testing")
    spoil(lab)
    arrived, decided = send(lab)
    assert arrived and decided == ["sts.policy", "sts.listed", "sts.not-secure"]
    said = [step.act for step in lab.trace.only(Rule) if step.act.name == "sts.not-secure"]
    assert [act.outcome for act in said] == ["testing"]


def test_testing_calls_a_host_that_is_not_listed():
    lab = Lab(seed=1)
    lab.mta_sts(BETA, "testing", mx=["mail.beta.example"])
    arrived, decided = send(lab)
    assert arrived and decided == ["sts.policy", "sts.not-listed", "sts.secure"]


def test_enforce_goes_on_to_the_next_host():
    lab = Lab(seed=1)
    lab.mta_sts(BETA, mx=[MX])
    lab.zone.edit(BETA, MX=["5 mx.gamma.example.", "10 mx.beta.example."])
    arrived, decided = send(lab)
    assert arrived and decided == ["sts.policy", "sts.not-listed", "sts.listed", "sts.secure"]
    called = [step.act.host for step in lab.trace.only(Connect) if step.actor.startswith("queue")]
    assert called == [MX], "who is not listed is not even called"


def test_what_waits_goes_when_the_policy_is_another():
    """§5: before it gives up, a sender looks whether the policy has changed."""
    lab = Lab(seed=1)
    lab.mta_sts(BETA)
    no_starttls(lab)
    assert not send(lab)[0]
    lab.mta_sts(BETA, "none")
    lab.clock.advance(minutes=15)
    assert len(lab.mailbox(BOB)) == 1


def test_its_own_people_and_a_literal_have_no_policy():
    lab = Lab(seed=1)
    lab.mta_sts("alpha.example", by=["mx.alpha.example"])
    before = len(lab.trace)
    assert lab.send(ALICE, "amir@alpha.example", read=False).delivered
    assert rules(lab.trace, before) == []


# -- the door


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "delta.example"},
        {"mode": "report"},
        {"by": "mx.alpha.example"},
        {"by": ["pop.alpha.example"]},
        {"maxage": 3},
        {"max_age": "3"},
        {"certificate": "bad"},
    ],
    ids=str,
)
def test_a_slip_is_told_and_nothing_is_done(wrong):
    lab = Lab(seed=1)
    with pytest.raises(LabError):
        lab.mta_sts(**({"domain": BETA} | wrong))
    assert lab.inputs == [] and not lab.world.sites


def test_it_is_one_input_and_can_be_done_again():
    lab = Lab(seed=1)
    lab.mta_sts(BETA, "testing", mx=[MX])
    assert [one.name for one in lab.inputs] == ["mta_sts"]
    again = Lab(seed=1)
    for past in history(lab):
        do_again(again, past)
    assert again.zone == lab.zone
    assert send(lab) == send(again) and lab.trace == again.trace


# -- real sockets


def test_the_same_over_real_https():
    def run(lab: Lab) -> Trace:
        lab.mta_sts(BETA)
        send(lab)
        lab.mta_sts(BETA, certificate="wrong name")
        send(lab)
        lab.mta_sts(BETA, status=404)
        send(lab)
        return lab.trace

    memory, lab = run(Lab(seed=1)), Lab(seed=1)
    with lab, lab.serve():
        real = run(lab)
    assert rules(real) == rules(memory)
    assert [s.act for s in real.only(Page)] == [s.act for s in memory.only(Page)]
    assert real.story() == memory.story()


def test_a_lab_without_tls_has_a_policy_and_cannot_keep_to_it():
    memory, lab = Lab(seed=1, tls=False), Lab(seed=1, tls=False)
    memory.mta_sts(BETA)
    told = send(memory)
    assert told == (False, ["sts.policy", "sts.listed", "sts.not-secure"])
    lab.mta_sts(BETA)
    with lab, lab.serve():
        assert send(lab) == told


def test_a_program_outside_can_fetch_it(tmp_path):
    if not (curl := shutil.which("curl")):
        pytest.skip("needs the Debian package curl")
    lab = Lab(seed=1)
    lab.mta_sts(BETA)
    with lab, lab.serve() as net:
        port, url = net.ports[f"{WEB}:443"], f"https://{WEB}"
        run = subprocess.run(
            [
                curl, "--silent", "--show-error", "--noproxy", "*", "--cacert", net.write_ca(tmp_path / "ca.pem"),
                "--connect-to", f"{WEB}:443:127.0.0.1:{port}", f"{url}/.well-known/mta-sts.txt",
            ],
            capture_output=True, timeout=30,
        )  # fmt: skip
        assert run.stdout == GOOD, run.stderr
        with (
            socket.create_connection(("127.0.0.1", port), 10) as call,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            ssl.create_default_context().wrap_socket(call, server_hostname=WEB)
        assert send(lab)[0], "who failed at the handshake did no harm"
