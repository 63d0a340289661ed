"""Second opinions on DMARC records and results: checkdmarc and dmarc, where they are installed; differences by name.

Neither asks the DNS here: the records for them have no addresses, and the organizational domain is given.
"""

import itertools
from types import SimpleNamespace

import pytest
from ask import Answers, perform

from mailedu.acts import Refused
from mailedu.auth.dmarc import evaluate, parse_record

RECORDS = [
    "v=DMARC1; p=none",
    "v=DMARC1; p=quarantine;",
    "v=DMARC1;p=reject",
    "v=DMARC1 ; p = reject",
    "v=DMARC1; p=REJECT; sp=None",
    "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=s",
    "v=DMARC1; adkim=s; p=reject",
    "v=DMARC1; p=reject; t=y; psd=n",
    "v=DMARC1; p=reject; psd=y",
    "v=DMARC1; p=reject; pct=50; ri=3600; rf=afrf",
    "v=DMARC1; p=reject; zz=1",
    "v=DMARC1",
    "v=DMARC1; sp=reject",
    "v=DMARC1; p=rejct",
    "v=DMARC1; p=none; sp=x",
    "v=DMARC1; p=none; t=x",
    "v=DMARC1; p=none; adkim=x",
    "v=DMARC1; p=none; word",
    "v=DMARC1; p=none; p=reject",
    "v=dmarc1; p=none",
    "v=DMARC2; p=none",
    "p=none; v=DMARC1",
    "v=DMARC1 p=none",
    "v=spf1 -all",
]
TAGS = ("p", "sp", "np", "adkim", "aspf", "psd", "t")

# record -> why the other sees it otherwise
CHECKDMARC = {
    "v=DMARC1; sp=reject": "§4.10.1: without p= there is no policy; checkdmarc counts it as p=none",
    "v=DMARC1": "§4.10.1, as above",
    "v=DMARC1; p=rejct": "§4.10.1: treated as p=none if there is a rua=; checkdmarc calls it invalid",
    "v=DMARC1; p=none; sp=x": "§4.10.1, as above",
    "v=DMARC1; p=none; t=x": "§4.8: the default counts; checkdmarc calls the record invalid, which is advice",
    "v=DMARC1; p=none; word": "§4.8: what is no tag is ignored; checkdmarc calls the record invalid",
}
DMARC = {
    "v=DMARC1": "§4.7: p= may be missing since RFC 9989; this is RFC 7489 §6.3",
    "v=DMARC1; sp=reject": "§4.7, as above",
    "v=DMARC1; p=rejct": "§4.8: an invalid p= counts as missing, and then as above",
    "v=DMARC1; p=none; word": "§4.8: what is no tag is ignored",
    "v=DMARC1; p=none; p=reject": "RFC 6376 §3.2: a tag comes once; here the last one counts",
}


def ours(text: str) -> dict[str, str] | None:
    """The tags by our reading, with what stands in for a policy that is not there; None: no record."""
    try:
        record = parse_record(text)
    except Refused:
        return None
    tags = {tag: getattr(record, tag) for tag in TAGS}
    tags["sp"] = tags["sp"] or tags["p"]
    tags["np"] = tags["np"] or tags["sp"]
    return tags


@pytest.mark.parametrize("text", RECORDS)
def test_checkdmarc_reads_the_same(text):
    checkdmarc = pytest.importorskip("checkdmarc.dmarc")
    try:
        found = checkdmarc.parse_dmarc_record(text, "alpha.example")["tags"]
        theirs = {tag: found[tag]["value"] for tag in TAGS}
    except checkdmarc.DMARCError:
        theirs = None
    assert (theirs == ours(text)) == (text not in CHECKDMARC), (theirs, ours(text))


@pytest.mark.parametrize("text", RECORDS)
def test_dmarc_reads_the_same(text):
    dmarc = pytest.importorskip("dmarc")
    policy, known = dmarc.Policy("DMARC1", "alpha.example"), ("p", "sp", "adkim", "aspf", "t")
    try:
        policy.parse_record(text, strict=False)
        theirs = {tag: getattr(policy, tag).value for tag in known}
        theirs["sp"] = theirs["sp"] or theirs["p"]
    except dmarc.RecordSyntaxError:
        theirs = None
    found = ours(text)
    found = found and {tag: found[tag] for tag in known}
    assert (theirs == found) == (text not in DMARC), (theirs, found)


RESULTS = ("pass", "fail")
WHO = ("alpha.example", "mail.alpha.example", "gamma.example")
CASES = itertools.product(("r", "s"), ("r", "s"), RESULTS, WHO, RESULTS, WHO)


def test_dmarc_comes_to_the_same_results():
    dmarc = pytest.importorskip("dmarc")
    judge = dmarc.DMARC(SimpleNamespace(get_public_suffix=lambda name: ".".join(name.split(".")[-2:])))
    for aspf, adkim, by_spf, spf, by_dkim, dkim in CASES:
        text = f"v=DMARC1; p=reject; aspf={aspf}; adkim={adkim}"
        policy = dmarc.Policy("DMARC1", "alpha.example", "alpha.example")
        policy.parse_record(text)
        theirs = judge.get_result(
            policy, dmarc.SPF(spf, dmarc.SPFResult(by_spf)), dmarc.DKIM(dkim, dmarc.DKIMResult(by_dkim))
        )
        found, _ = perform(
            evaluate(
                "alpha.example",
                SimpleNamespace(result=by_spf, domain=spf),
                [SimpleNamespace(result=by_dkim, domain=dkim)],
            ),
            Answers({("_dmarc.alpha.example", "TXT"): [text]}),
        )
        assert (found.result, found.disposition) == (theirs.result.value, theirs.disposition.value)
        assert (found.aligned("spf"), found.aligned("dkim")) == (
            theirs.spf.value == "pass",
            theirs.dkim.value == "pass",
        )
