"""ARC: a chain of relays sealed and validated, the broken instance named, and other people's validators."""

import ast
import re

import dkim
import pytest
from ask import Answers, perform
from dkim_stage import LETTER, NOW, asked, dkimpys_files, key, signed
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import Ask, Close, DnsTimeout, LabError, Open, Rule
from mailedu.auth.arc import Chain, seal, sorted_sets, validate
from mailedu.auth.dkim import public_record
from mailedu.message import Field, Message
from mailedu.rules import rules, sentence

HOSTS = ("lists.beta.example", "mx.gamma.example", "forward.delta.example")
KEYS = ("rsa", "ed25519", "other")
FOOTER = b"-- \r\nYou get this because you joined the list.\r\n"


def dns(**records) -> Answers:
    found = {
        (f"arc._domainkey.{host.partition('.')[2]}", "TXT"): (public_record(key(name)),)
        for host, name in zip(HOSTS, KEYS, strict=True)
    }
    found |= {(f"arc._domainkey.{domain}.example", "TXT"): record for domain, record in records.items()}
    return Answers(found)


def checked(message: bytes, where=None, now: int | None = NOW) -> tuple[Chain, list]:
    return perform(validate(message, now), where if where is not None else dns())


def sealed(message: bytes, number: int, **options) -> bytes:
    """Sealed by relay `number`, from 1 to 3."""
    host, name = HOSTS[number - 1], KEYS[number - 1]
    options = {"results": f"{host}; spf=pass smtp.mailfrom=alice@alpha.example"} | options
    return perform(seal(message, host.partition(".")[2], "arc", key(name), options.pop("now", NOW), **options), dns())[
        0
    ]


def chain_of(count: int = 3, footer_at: int = 2) -> bytes:
    """Relays 1 to `count`; the one with this number adds a footer before it seals."""
    message = signed()
    for number in range(1, count + 1):
        found, _ = checked(message)
        if number == footer_at:
            message += FOOTER
        message = sealed(message, number, chain=found)
    return message


def test_what_nobody_sealed():
    chain, acts = checked(signed())
    assert (str(chain), chain.sets, acts[-1]) == ("none", (), Close("none"))
    assert [act.name for act in acts if isinstance(act, Rule)] == ["arc.none"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_chain_that_holds(count):
    chain, acts = checked(chain_of(count))
    assert (chain.result, chain.reason, chain.instance) == ("pass", "", 0)
    assert [(one.instance, one.domain, one.status, one.seal_result) for one in chain.sets] == [
        (1, "beta.example", "none", "pass"), (2, "gamma.example", "pass", "pass"), (3, "delta.example", "pass", "pass")
    ][:count]  # fmt: skip
    assert chain.sets[0].said == "lists.beta.example; spf=pass smtp.mailfrom=alice@alpha.example"
    assert chain.oldest_pass == (0 if count == 1 else 2)  # the footer came between 1 and 2
    assert all("…" not in sentence(act) for act in acts if isinstance(act, Rule))


def test_the_story():
    _, acts = checked(chain_of(2))
    assert [act.title for act in acts if isinstance(act, Open)] == [
        "ARC", "ARC, message signature 2", "ARC, message signature 1", "ARC, seal 2", "ARC, seal 1"
    ]  # fmt: skip
    assert [act.verdict for act in acts if isinstance(act, Close)] == ["pass", "fail", "pass", "pass", "pass"]
    assert [act.name for act in acts if isinstance(act, Ask)] == [
        f"arc._domainkey.{domain}.example" for domain in ("gamma", "beta", "gamma", "beta")
    ]


def test_the_fields_as_they_are_written():
    message = Message(chain_of(2))
    assert [field.name for field in message.fields[:6]] == [
        "ARC-Seal",
        "ARC-Message-Signature",
        "ARC-Authentication-Results",
    ] * 2
    assert message.fields[2].text.startswith("i=2; mx.gamma.example; spf=pass")
    assert "dkim-signature" in message.fields[1].text and re.search(r"h=[^;]*:from;", message.fields[1].text)
    assert (
        message.fields[3].text.startswith("i=1; a=rsa-sha256; d=beta.example; s=arc;")
        and "cv=none" in message.fields[3].text
    )


def test_an_unchanged_message_passes_all_the_way():
    assert checked(chain_of(3, footer_at=0))[0].oldest_pass == 0


def test_what_changed_after_the_last_seal():
    chain, _ = checked(chain_of() + b"more\r\n")
    assert (chain.result, chain.rule, chain.instance) == ("fail", "arc.signature", 3)
    assert checked(chain_of().replace(b"Lunch", b"Dinner"))[0].rule == "arc.signature"


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_forged_results_break_the_seal_that_holds_them(broken):
    """Every seal from there on covers the forged field; the newest is looked at first, and named."""
    forged = chain_of().replace(
        b"i=%d; %b; spf=pass" % (broken, HOSTS[broken - 1].encode()), b"i=%d; x.example; spf=pass" % broken
    )
    chain, _ = checked(forged)
    assert (chain.result, chain.rule, chain.instance) == ("fail", "arc.seal", 3)


def test_a_seal_that_only_its_own_relay_can_have_broken():
    """A seal made by somebody else's key: later seals cover it as it is, and only its own instance fails."""
    one = sealed(signed(), 1)
    forged = re.sub(
        rb"(?<=ARC-Seal: i=1; a=rsa-sha256; )(.*?b=)[^ \r]{8}", rb"\1QUJDREVG", one, count=1, flags=re.DOTALL
    )
    found = Chain("pass", sets=checked(one)[0].sets)
    found.sets[0].seal = Message(forged).first("ARC-Seal")
    two = sealed(forged, 2, chain=found)
    chain, _ = checked(two)
    assert (chain.result, chain.rule, chain.instance) == ("fail", "arc.seal", 1)


def without(message: bytes, name: str, instance: int) -> bytes:
    return message.replace(found(message, name, instance).data, b"")


def found(message: bytes, name: str, instance: int) -> Field:
    return next(field for field in Message(message).all(name) if field.value.startswith(b" i=%d;" % instance))


def twice(message: bytes, name: str, instance: int) -> bytes:
    return found(message, name, instance).data + message


def remove_set(message: bytes, instance: int) -> bytes:
    for name in ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"):
        message = without(message, name, instance)
    return message


STRUCTURE = {  # what was done -> the rule, and the instance it names
    "no results in 2": (lambda m: without(m, "ARC-Authentication-Results", 2), "arc.set", 2),
    "no signature in 1": (lambda m: without(m, "ARC-Message-Signature", 1), "arc.set", 1),
    "no seal in 3": (lambda m: without(m, "ARC-Seal", 3), "arc.set", 3),
    "two seals in 2": (lambda m: twice(m, "ARC-Seal", 2), "arc.set", 2),
    "set 1 is gone": (lambda m: remove_set(m, 1), "arc.gap", 1),
    "set 2 is gone": (lambda m: remove_set(m, 2), "arc.gap", 2),
    "i=0": (lambda m: m.replace(b"ARC-Seal: i=3;", b"ARC-Seal: i=0;"), "arc.instance", 0),
    "i=51": (lambda m: m.replace(b"ARC-Seal: i=3;", b"ARC-Seal: i=51;"), "arc.instance", 0),
    "i=x": (
        lambda m: m.replace(b"ARC-Authentication-Results: i=3;", b"ARC-Authentication-Results: i=x;"),
        "arc.instance",
        0,
    ),
    "no i=": (lambda m: m.replace(b"ARC-Seal: i=3;", b"ARC-Seal:"), "arc.instance", 0),
    "no list": (lambda m: m.replace(b"ARC-Seal: i=3;", b"ARC-Seal: i=3; seal;"), "arc.syntax", 0),
    "two a=": (lambda m: m.replace(b"ARC-Seal: i=3;", b"ARC-Seal: i=3; d=x.example;"), "arc.syntax", 0),
    "cv=none in 2": (lambda m: cv(m, 2, b"none"), "arc.cv", 2),
    "cv=pass in 1": (lambda m: cv(m, 1, b"pass"), "arc.cv", 1),
    "cv=fail in 1": (lambda m: cv(m, 1, b"fail"), "arc.cv", 1),
    "cv=fail in the last": (lambda m: cv(m, 3, b"fail"), "arc.ended", 3),
    "cv= of no meaning": (lambda m: cv(m, 3, b"yes"), "arc.cv", 3),
    "h= in a seal": (lambda m: m.replace(b"ARC-Seal: i=2;", b"ARC-Seal: i=2; h=from;"), "arc.seal-h", 2),
}


def cv(message: bytes, instance: int, value: bytes) -> bytes:
    seal = found(message, "ARC-Seal", instance).data
    return message.replace(seal, re.sub(rb"cv=\w+", b"cv=" + value, seal))


@pytest.mark.parametrize("what", STRUCTURE)
def test_the_structure_of_a_chain(what):
    change, rule, instance = STRUCTURE[what]
    chain, acts = checked(change(chain_of()))
    assert (chain.result, chain.rule, chain.instance) == ("fail", rule, instance) and chain.reason
    assert "…" not in sentence([act for act in acts if isinstance(act, Rule)][-1])


def test_nobody_misses_the_newest_set():
    """What nobody has sealed yet can be taken away, if the message was not changed since."""
    assert checked(remove_set(chain_of(footer_at=2), 3))[0].result == "pass"
    assert checked(remove_set(chain_of(footer_at=3), 3))[0].rule == "arc.signature"


@pytest.mark.parametrize(
    "record, rule",
    [
        ((), "dkim.no-key"),
        (("p=",), "dkim.revoked"),
        (DnsTimeout(), "dkim.key-unavailable"),
        (("k=rsa",), "dkim.key-syntax"),
    ],
)
def test_every_failure_is_permanent(record, rule):
    """§5.2.1: a DNS that does not answer, too."""
    chain, acts = checked(chain_of(), dns(beta=record))
    assert (chain.result, chain.rule, chain.instance) == ("fail", "arc.seal", 1)
    assert rule in [act.name for act in acts if isinstance(act, Rule)]


def test_more_than_fifty_sets():
    message = signed()
    for number in range(1, 51):
        message = sealed(
            message, 2, chain=Chain("none" if number == 1 else "pass", sets=tuple(sorted_sets(Message(message))))
        )
    assert len(Message(message).all("ARC-Seal")) == 50 and checked(message)[0].result == "pass"
    assert sealed(message, 2) == message


def test_a_message_signature_covers_no_field_of_arc():
    for name, rule in ((b"arc-seal", "arc.signed-seal"), (b"arc-message-signature", "arc.signed-arc")):
        chain, acts = checked(sealed(LETTER, 1).replace(b"h=from:", b"h=%b:from:" % name))
        assert chain.rule == "arc.signature" and rule in [act.name for act in acts if isinstance(act, Rule)]
    for names in (["from", "ARC-Seal"], ["from", "authentication-results"], ["to"]):
        with pytest.raises(LabError, match="other names"):
            sealed(LETTER, 1, names=names)


def test_a_broken_chain_is_sealed_as_broken_once():
    """§5.1.2: the set that says so signs only itself, and nobody adds another."""
    broken = chain_of(2) + b"changed\r\n"
    ended = sealed(broken, 3)
    assert b"cv=fail" in ended[: len(ended) - len(broken)]
    chain, _ = checked(ended)
    assert (chain.result, chain.rule, chain.instance) == ("fail", "arc.ended", 3)
    assert sealed(ended, 1) == ended
    acts = perform(seal(ended, "beta.example", "arc", key(), NOW, results="x"), dns())[1]
    assert acts[-1] == Close("left as it is")


def test_the_chain_is_validated_when_nobody_says_what_it_was():
    assert sealed(sealed(LETTER, 1), 2) == sealed(sealed(LETTER, 1), 2, chain=checked(sealed(LETTER, 1))[0])
    with pytest.raises(LabError, match="not the chain of this message"):
        sealed(LETTER, 1, chain=Chain("pass"))
    with pytest.raises(LabError, match="not the chain of this message"):
        sealed(sealed(LETTER, 1), 2, chain=Chain("none"))


def test_results_may_be_a_field_or_its_value():
    field = b"Authentication-Results: lists.beta.example;\r\n spf=pass smtp.mailfrom=alice@alpha.example\r\n"
    assert sealed(LETTER, 1, results=field).count(b"Authentication-Results") == 1
    assert checked(sealed(LETTER, 1, results=field))[0].sets[0].said.startswith("lists.beta.example; spf=pass")
    for wrong in ("", b"Authentication-Results:", "a\r\nSubject: injected"):
        with pytest.raises(LabError, match="results="):
            sealed(LETTER, 1, results=wrong)


def test_times_count():
    assert checked(chain_of(1), now=NOW - 3600)[0].rule == "arc.signature"
    assert checked(chain_of(1), now=None)[0].result == "pass"


def test_line_ends_of_a_file():
    assert checked(chain_of().replace(b"\r\n", b"\n"))[0].result == "pass"
    assert checked(sealed(signed().replace(b"\r\n", b"\n"), 1))[0].result == "pass"


pieces = [
    b"i=1;",
    b" i=2; ",
    b"a=rsa-sha256;",
    b"cv=none;",
    b"b=QUJD;",
    b"d=x.example;",
    b"s=y;",
    b";",
    b"(",
    b"\xff",
    b"h=from;",
    b"bh=QUJD;",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ARC-Seal", "arc-message-signature", "ARC-Authentication-Results"]),
            st.lists(st.sampled_from(pieces), max_size=8),
        ),
        max_size=4,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_fields_break_the_validator(fields):
    message = b"".join(name.encode() + b":" + b"".join(value) + b"\r\n" for name, value in fields) + LETTER
    chain, acts = checked(message)
    assert chain.result in ("none", "fail") and all(act.name in rules() for act in acts if isinstance(act, Rule))


# -- dkimpy ------------------------------------------------------------------------------------------------------------


def rsa_chain(count: int) -> bytes:
    """A chain that dkimpy can read without PyNaCl: RSA only."""
    message = signed()
    for number in range(1, count + 1):
        found, _ = checked(message)
        results = f"{HOSTS[0]}; arc={found.result}"
        made = seal(message + b"x\r\n" * number, "beta.example", "arc", key(), NOW, results=results, chain=found)
        message = perform(made, dns())[0]
    return message


@pytest.mark.parametrize("count", [1, 2, 3])
def test_dkimpy_validates_what_we_seal(count):
    result, sets, reason = dkim.arc_verify(rsa_chain(count), dnsfunc=asked(dns()))
    assert result == b"pass", reason
    assert [one["instance"] for one in sets] == list(range(count, 0, -1)) and all(one["as-valid"] for one in sets)


def test_dkimpy_and_we_agree_on_broken_chains():
    for change in (
        lambda m: m + b"more\r\n",
        lambda m: m.replace(b"i=1; lists", b"i=1; lasts"),
        lambda m: remove_set(m, 1),
    ):
        message = change(rsa_chain(3))
        assert dkim.arc_verify(message, dnsfunc=asked(dns()))[0] == b"fail"
        assert checked(message)[0].result == "fail"


def test_a_chain_that_dkimpy_made(request):
    """From dkimpy's own test: sealed by example.com, with the result it expects."""
    vectors = dkimpys_files(request.config)
    made = next(
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(vectors["test_arc.py"]))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "expected_sig"
    )
    where = Answers({("test._domainkey.example.com", "TXT"): (vectors["test.txt"].decode().strip(),)})
    message = b"".join(made) + vectors["test.message"]
    chain, _ = perform(validate(message), where)
    assert (chain.result, chain.sets[0].domain) == ("pass", "example.com"), chain
    assert dkim.arc_verify(message, dnsfunc=asked(where))[0] == b"pass"
