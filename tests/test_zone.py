"""The lab's DNS: reading and writing zone files, answering as a resolver does, faults, edits."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu.acts import DnsTimeout, LabError, NXDomain
from mailedu.names import a_labels, can_be_asked, canonical
from mailedu.zone import Zone

TEXT = r"""
$ORIGIN beta.example.
@        300 IN SOA ns root 1 2 3 4 5
             IN MX  10 mx
mx              A    198.51.100.25      ; a comment
                AAAA 2001:DB8:0:0::25
@               TXT  "v=spf1 " "mx -all"
@               TXT  "another"
www             CNAME mx
far             CNAME www
away            CNAME nobody.gamma.example.
loop            CNAME loop
*.wild          TXT  "wild"
*.wild          MX   5 mx
a.b.wild        A    198.51.100.26
alias.wild      CNAME mx
*.cwild         CNAME mx
$ORIGIN gamma.example.
@               A    203.0.113.1
                A    203.0.113.2
a\032b          TXT  ( "\255\000;\"x"
                       "é" )
"""

ANSWERS = [
    # name, type, answer; a trouble is one that is raised
    ("beta.example", "MX", ("10 mx.beta.example.",)),
    ("BETA.Example.", "mx", ("10 mx.beta.example.",)),
    ("beta.example", "TXT", ("v=spf1 mx -all", "another")),
    ("mx.beta.example", "AAAA", ("2001:db8::25",)),
    ("gamma.example", "A", ("203.0.113.1", "203.0.113.2")),
    ("mx.beta.example", "TXT", ()),  # NODATA
    ("example", "A", ()),  # exists, for names exist below it (RFC 8020)
    ("b.wild.beta.example", "A", ()),  # an empty name between others: no wildcard covers it (RFC 4592 2.2.2)
    ("www.beta.example", "A", ("198.51.100.25",)),
    ("far.beta.example", "A", ("198.51.100.25",)),
    ("far.beta.example", "MX", ()),
    ("www.beta.example", "CNAME", ("mx.beta.example.",)),
    ("away.beta.example", "A", NXDomain),
    ("loop.beta.example", "A", DnsTimeout),
    ("x.wild.beta.example", "TXT", ("wild",)),
    ("x.y.wild.beta.example", "TXT", ("wild",)),
    ("x.wild.beta.example", "A", ()),
    ("wild.beta.example", "TXT", ()),
    ("x.b.wild.beta.example", "TXT", NXDomain),  # the closest encloser is b.wild, and *.b.wild is not there
    ("x.alias.wild.beta.example", "TXT", NXDomain),
    ("alias.wild.beta.example", "A", ("198.51.100.25",)),
    ("x.cwild.beta.example", "A", ("198.51.100.25",)),
    ("nobody.beta.example", "A", NXDomain),
    ("delta.example", "A", NXDomain),
    ("ample", "A", NXDomain),  # no label of ours
    ("a b.gamma.example", "TXT", ('\xff\0;"x\xc3\xa9',)),  # an octet a character; text in a file is UTF-8
    (r"a\032b.gamma.example", "TXT", ('\xff\0;"x\xc3\xa9',)),
    ("x" * 64 + ".wild.beta.example", "TXT", NXDomain),
    ("x..wild.beta.example", "TXT", NXDomain),
    ("", "TXT", NXDomain),
    (".", "TXT", NXDomain),
]


@pytest.mark.parametrize(("name", "type", "answer"), ANSWERS, ids=lambda value: str(value)[:40])
def test_answer(name, type, answer):
    zone = Zone(TEXT)
    if isinstance(answer, tuple):
        assert zone(name, type) == answer
    else:
        with pytest.raises(answer):
            zone(name, type)


def test_records_are_what_stands_there():
    zone = Zone(TEXT)
    assert zone.records("www.beta.example", "A") == ()
    assert zone.records("WWW.beta.example.", "cname") == ("mx.beta.example.",)
    assert zone.records("x.wild.beta.example", "TXT") == ()
    assert zone.names()[:3] == ["beta.example", "mx.beta.example", "www.beta.example"]
    assert zone.types("beta.example") == ["SOA", "MX", "TXT"]
    assert Zone().names() == [] and len(Zone()) == 0 and Zone()


# -- zone files that are wrong -------------------------------------------------------------------------------------

WRONG = [
    ("a A 192.0.2.256", "Line 1, column 5 of the zone file at '192.0.2.256': this is not what belongs here."),
    ("b A 192.0.2.1\na MX 10\n", "Line 2, column 8 of the zone file: something is missing here."),
    ("a MX ten mx", "Line 1, column 6 of the zone file at 'ten': expecting an integer."),
    ("a FOO x", "Line 1, column 3 of the zone file at 'FOO': FOO is no type of record."),
    ("a A 192.0.2.1 2", "Line 1, column 15 of the zone file at '2': the line should end here, but goes on with \"2\"."),
    ('\n\na. TXT "abc\n', "Line 3, column 12 of the zone file: newline in quoted string."),
    ('a TXT "abc', "Line 1, column 11 of the zone file: the text ended too early."),
    ('a TXT (\n"x"\n', "Line 3, column 1 of the zone file: unbalanced parentheses."),
    ("a CNAME b.\r\na A 192.0.2.1", "Line 2, column 14 of the zone file: a CNAME is alone at its name, and a has "),
    ("a CNAME b.\na CNAME c.", "Line 2, column 11 of the zone file: a CNAME is alone at its name, and a has another "),
    ("x" * 64 + " A 192.0.2.1", "Line 1, column 1 of the zone file at 'xxxx"),
    ("..  A 192.0.2.1", "Line 1, column 1 of the zone file at '..': a label is empty."),
    ("$INCLUDE /etc/passwd", "Line 1, column 1 of the zone file at '$INCLUDE': $INCLUDE is not allowed here."),
    ("a CH TXT x", "Line 1, column 3 of the zone file at 'CH': only class IN is known here."),
    ("a TXT " + "x" * 256, "Line 1, column 263 of the zone file: a string has at most 255 octets"),
    ("v=spf1 -all", "Line 1, column 8 of the zone file at '-all': -all is no type of record."),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=lambda value: value[:30])
def test_wrong_zone_file(text, message):
    with pytest.raises(LabError) as wrong:
        Zone(text)
    assert str(wrong.value).startswith(message)
    zone = Zone(TEXT)
    with pytest.raises(LabError):
        zone.replace(text)
    assert zone == Zone(TEXT)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='a.\\0123@$()";\n \t*AMXTé\0-', max_size=40))
@example("$ORIGIN .\n* A 1.2.3.4")
@example("$GENERATE 1-3 h$ A 10.0.0.$")
def test_any_text_is_a_zone_or_a_lab_error(text):
    try:
        zone = Zone(text)
    except LabError as wrong:
        assert str(wrong).startswith("Line ")
    else:
        assert Zone(zone.text()) == zone


# -- edits ---------------------------------------------------------------------------------------------------------


def test_edit_replaces_the_types_it_names():
    zone = Zone(TEXT)
    zone.edit("Beta.example.", TXT="v=spf1 -all", mx=["10 mx.beta.example", "20 mx.gamma.example."])
    assert zone("beta.example", "TXT") == ("v=spf1 -all",)
    assert zone("beta.example", "MX") == ("10 mx.beta.example.", "20 mx.gamma.example.")
    assert zone("beta.example", "SOA")
    zone.edit("beta.example", TXT=None, MX=[], SOA=None)
    assert zone("beta.example", "TXT") == () and "beta.example" not in zone.names()
    zone.edit("new.example", TXT=[b"\xff", "b", "b"])
    assert zone("new.example", "TXT") == ("\xff", "b")
    zone.edit("new.example", TXT=None)
    with pytest.raises(NXDomain):
        zone("new.example", "TXT")


def test_edit_with_a_zone_file():
    zone = Zone(TEXT)
    zone.edit('beta.example. TXT "v=spf1 -all"\nnew.example. A 192.0.2.1\n')
    assert zone("beta.example", "TXT") == ("v=spf1 -all",) and zone("new.example", "A") == ("192.0.2.1",)
    assert zone("beta.example", "MX") and zone("mx.beta.example", "A")
    zone.replace("new.example. A 192.0.2.1")
    assert zone.names() == ["new.example"]


@pytest.mark.parametrize(
    ("name", "types", "message"),
    [
        ("beta.example", {"A": "300.1.1.1"}, "'300.1.1.1' is not the data of an A record: this is not what belongs"),
        ("beta.example", {"MX": "mx.beta.example"}, "'mx.beta.example' is not the data of an MX record: expecting an"),
        ("beta.example", {"FOO": "x"}, "'x' is not the data of a FOO record: there is no such type of record."),
        ("beta.example", {"TXT": "✓"}, "A TXT record holds octets: encode such text first"),
        ("beta.example", {"TXT": "x" * 65_280}, "A TXT record holds at most 65,279 octets, and this text has 65,280"),
        ("mx.beta.example", {"CNAME": "x"}, "A CNAME is alone at its name, and mx.beta.example would have A, AAAA too"),
        ("new.example", {"CNAME": ["x", "y"]}, "A CNAME is alone at its name, and new.example would have a second one"),
        ("www.beta.example", {"A": "192.0.2.1"}, "A CNAME is alone at its name"),
        ("beta..example", {"A": "192.0.2.1"}, "'beta..example' is not a domain name"),
        ("", {"A": "192.0.2.1"}, "'' is not a domain name"),
        ("beta.example", {}, 'Say what beta.example shall have, as in zone.edit("beta.example", TXT="v=spf1 -all").'),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_edit_changes_nothing_and_tells_nobody(name, types, message):
    zone, told = Zone(TEXT), []
    zone.watch(lambda *change: told.append(change))
    with pytest.raises(LabError) as wrong:
        zone.edit(name, **types)
    assert str(wrong.value).startswith(message)
    assert zone == Zone(TEXT) and not told


def test_the_longest_text():
    zone = Zone()
    zone.edit("long.example", TXT="x" * 65_279)
    assert Zone(zone.text()) == zone
    assert '" "' in zone.text()


def test_a_watcher_can_repeat_every_change():
    zone, changes = Zone(TEXT), []
    before = zone.copy()

    def note(method, args, kwargs):
        assert zone == expected
        changes.append((method, args, kwargs))

    zone.watch(note)
    for change in [
        lambda zone: zone.edit("beta.example", TXT="v=spf1 -all"),
        lambda zone: zone.edit("new.example. A 192.0.2.1"),
        lambda zone: zone.fault("beta.example", "TXT", DnsTimeout()),
        lambda zone: zone.fault("gamma.example"),
        lambda zone: zone.mend("beta.example", "TXT"),
        lambda zone: zone.replace("b.example. A 192.0.2.1"),
    ]:
        expected = zone.copy()
        change(zone)
    again = before.copy()
    for method, args, kwargs in changes:
        getattr(again, method)(*args, **kwargs)
    assert again == zone and zone != before and len(changes) == 6


# -- faults --------------------------------------------------------------------------------------------------------


def test_faults_last_until_they_are_mended():
    zone = Zone(TEXT)
    zone.fault("Beta.example", "txt", DnsTimeout("lost"))
    zone.fault("mx.beta.example", "ANY", NXDomain)
    with pytest.raises(DnsTimeout, match="lost"):
        zone("beta.example", "TXT")
    assert zone("beta.example", "MX") and zone != Zone(TEXT)
    for name in ("mx.beta.example", "www.beta.example"):  # also where a CNAME leads there
        with pytest.raises(NXDomain):
            zone(name, "A")
    zone.mend("beta.example", "TXT")
    zone.mend("mx.beta.example")
    assert zone("beta.example", "TXT") and zone("www.beta.example", "A") and zone == Zone(TEXT)


def test_a_fault_is_a_trouble_of_the_dns():
    with pytest.raises(LabError, match=r"DnsTimeout\(\) or NXDomain\(\)"):
        Zone().fault("beta.example", "TXT", OSError())


def test_a_fault_raises_a_new_exception_each_time():
    zone = Zone(TEXT)
    zone.fault("beta.example")
    seen = []
    for _ in range(2):
        with pytest.raises(DnsTimeout) as trouble:
            zone("beta.example", "A")
        seen.append(trouble.value)
    assert seen[0] is not seen[1]


# -- read(write(x)) == x -------------------------------------------------------------------------------------------

PIECES = ["a", "Z", "-", "*", " ", '"', ";", "(", ")", "@", "$", r"\.", r"\\", r"\000", r"\255", r"\065"]
LABEL = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
NAMES = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
TEXTS = st.binary(max_size=600).map(lambda data: data.decode("latin-1"))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, st.lists(TEXTS, min_size=1, max_size=3), max_size=5))
def test_text_and_back(records):
    zone = Zone()
    for name, texts in records.items():
        zone.edit(name, TXT=texts, A=["192.0.2.1"])
    assert Zone(zone.text()) == zone and str(zone) == zone.text()
    for name, texts in records.items():
        assert set(zone(name, "TXT")) >= set(texts)


def test_a_copy_is_its_own():
    zone = Zone(TEXT)
    zone.fault("beta.example", "A")
    copy = zone.copy()
    assert copy == zone
    copy.edit("beta.example", TXT=None)
    copy.mend("beta.example")
    assert zone("beta.example", "TXT") and zone.faults() and not copy.faults()


# -- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("Beta.EXAMPLE.", "beta.example"),
        (".", ""),
        (r"a\032B.example", "a b.example"),
        (r"a\.b.example", r"a\.b.example"),
        (r"a\046b.example", r"a\.b.example"),
        (r"a\092b\\.example", r"a\\b\\.example"),
        (r"\x\065\255", "xa\xff"),
        (r"\.", r"\."),
        (r"a\..", r"a\."),
        ("a\\", "a\\"),
        ("Grüße.example", "xn--gre-6ka8l.example"),
        ("straße。example", "xn--strae-oqa.example"),
        ("gru\u0308n", "xn--grn-ioa"),
    ],
)
def test_one_spelling(name, spelling):
    assert canonical(name) == spelling


@pytest.mark.parametrize("label", ["bücher", "例え", "пример", "ελληνικά", "ß", "한국", "mañana"])
def test_a_labels_are_those_of_the_idna_library(label):
    idna = pytest.importorskip("idna")
    assert a_labels(f"{label}.example") == idna.encode(f"{label}.example").decode()


@pytest.mark.parametrize(
    ("name", "can"),
    [
        (".", True),
        ("", False),
        ("a", True),
        ("a..b", False),
        (".a", False),
        ("a..", False),
        ("a" * 63, True),
        ("a" * 64, False),
        (".".join(["a" * 63] * 3 + ["b" * 61]), True),
        (".".join(["a" * 63] * 3 + ["b" * 62]), False),
        (r"\032" * 63, True),
        (r"\." * 63, True),
        (r"\." * 64, False),
        ("ü" * 63, False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_the_dns_can_carry(name, can):
    assert can_be_asked(name) == can
