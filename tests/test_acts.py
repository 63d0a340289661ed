"""Acts: what they are, how they nest, and that trouble leaves nothing open."""

import dataclasses

import pytest

from mailedu import acts
from mailedu.acts import (
    ACTS,
    Act,
    Ask,
    Cipher,
    Close,
    Connect,
    Hangup,
    Listen,
    NXDomain,
    Open,
    Quiet,
    Refused,
    Rule,
    Say,
    TooLong,
    Trouble,
    Unreachable,
    answer,
    call,
    nested,
)  # fmt: skip


def run(generator, *answers):
    """All acts, and the value; an answer that is a Trouble is thrown in.  Statements are answered by None."""
    left, done, said = list(answers), [], None
    try:
        while True:
            act = generator.throw(said) if isinstance(said, Trouble) else generator.send(said)
            done.append(act)
            said = left.pop(0) if isinstance(act, Ask | Connect | Listen) and left else None
    except StopIteration as end:
        return done, end.value


def test_acts_compare_by_what_they_say_and_by_their_kind():
    assert Say(b"x") == Say(b"x") and Say(b"x") != Say(b"y")
    assert Open("x") != Close("x"), "an act is not the tuple of its fields"
    assert Rule("r", "pass", {"a": "1"}) != Rule("r", "pass")
    assert Cipher("client", b"1") == Cipher("client", b"2") != Cipher("server", b"1"), "TLS octets are random"


@pytest.mark.parametrize("kind", ACTS.values(), ids=ACTS)
def test_an_act_is_small_and_takes_no_other_fields(kind):
    assert dataclasses.is_dataclass(kind) and "__dict__" not in dir(kind)
    given = [b"" if field.type == "bytes" else "" for field in dataclasses.fields(kind)]
    with pytest.raises(AttributeError):
        kind(*given).other = 1
    assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")


def test_every_act_and_only_an_act_is_in_the_list():
    named = {name for name, value in vars(acts).items() if isinstance(value, type) and issubclass(value, Act)}
    assert set(ACTS) == named - {"Act"}
    assert {name for name, kind in ACTS.items() if kind.nests} == {"Open", "Close", "Connect", "Hangup"}


def test_two_rules_do_not_share_their_reasons():
    assert Rule("a").because == {} and Rule("a").because is not Rule("a").because


# -- nesting -------------------------------------------------------------------------------------------------------


def ask():
    return (yield Ask("beta.example", "MX"))


def test_nested_closes_with_the_verdict():
    done, value = run(nested("mx", ask()), ("10 mx",))
    assert done == [Open("mx"), Ask("beta.example", "MX"), Close("('10 mx',)")] and value == ("10 mx",)
    done, value = run(nested("mx", ask(), verdict=" ".join), ("10 mx",))
    assert done[-1] == Close("10 mx") and value == ("10 mx",)


@pytest.mark.parametrize(
    "trouble, verdict",
    [
        (NXDomain(), "NXDomain"),
        (Refused("mta.relay", "550 5.7.1 no"), "550 5.7.1 no"),
        (TooLong(b"x" * 9, 9), "longer than 9 octets"),
    ],
)
def test_nested_closes_in_trouble_too_and_passes_it_on(trouble, verdict):
    generator = nested("mx", ask())
    assert [next(generator), next(generator)] == [Open("mx"), Ask("beta.example", "MX")]
    assert generator.throw(trouble) == Close(verdict)
    with pytest.raises(type(trouble)) as raised:
        next(generator)
    assert raised.value is trouble


def test_a_bug_of_ours_is_no_verdict():
    generator = nested("mx", ask())
    next(generator), next(generator)
    with pytest.raises(ZeroDivisionError):
        generator.throw(ZeroDivisionError())


def test_a_call_hangs_up_however_it_ends():
    assert run(call("mx", 25, answer("250"))) == ([Connect("mx", 25), Hangup()], "250")
    for trouble in (Unreachable(), Quiet(), Refused("smtp.refused", "550 no")):
        generator = call("mx", 25, ask())
        assert [next(generator), next(generator)] == [Connect("mx", 25), Ask("beta.example", "MX")]
        assert generator.throw(trouble) == Hangup()
        with pytest.raises(type(trouble)):
            next(generator)


def test_a_call_that_nobody_takes_hangs_up_as_well_so_that_nothing_stays_open():
    generator = call("mx", 25, answer(None))
    next(generator)
    assert generator.throw(Unreachable()) == Hangup()
    with pytest.raises(Unreachable):
        next(generator)


@pytest.mark.parametrize("work", [lambda: nested("mx", ask()), lambda: call("mx", 25, ask())], ids=["nested", "call"])
def test_work_that_nobody_goes_on_with_ends_without_a_word(work):
    generator = work()
    next(generator), next(generator)
    generator.close()  # a RuntimeError, if it yielded now


def test_an_answer_is_a_generator_that_does_nothing():
    assert run(answer(7)) == ([], 7)


def test_a_refusal_says_one_thing_to_the_peer_and_another_to_the_reader():
    no = Refused("mta.relay", "550 5.7.1 we do not relay", recipient="x@y.example")
    assert (str(no), no.rule, no.because) == ("550 5.7.1 we do not relay", "mta.relay", {"recipient": "x@y.example"})
    assert isinstance(no, Trouble)
