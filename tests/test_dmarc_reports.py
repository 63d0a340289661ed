"""DMARC's reports: counted, written, sent as mail, read back; where they may go; one message that failed."""

import gzip
import io
import time
import tracemalloc
import zipfile
import zlib
from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from ask import Answers, perform
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import DnsTimeout, Refused, Rule
from mailedu.auth.dmarc import decide, evaluate, parse_record
from mailedu.auth.report import (
    Ledger,
    Published,
    Report,
    Row,
    Signed,
    Spf,
    destinations,
    failure_report,
    mail,
    read,
    wanted,
    write,
)
from mailedu.auth.report.aggregate import NAMESPACE, OVERRIDES, compressed, filename, subject
from mailedu.auth.report.reading import split
from mailedu.message import Message
from mailedu.rules import sentence
from mailedu.zone import Zone

DAY = 1795392000  # Mon, 23 Nov 2026 00:00:00 UTC
DATE = "Tue, 24 Nov 2026 00:10:00 +0000"
ROW = Row(
    "192.0.2.25", 3, "pass", "pass", "fail", "news.alpha.example", "bounces.gamma.example", "beta.example",
    (Signed("alpha.example", "lab", "pass"), Signed("list.example", "1", "fail", "the body is another one")),
    Spf("bounces.gamma.example", "pass"), (),
)  # fmt: skip
FAILED = Row("203.0.113.66", 1, "quarantine", "fail", "fail", "alpha.example", reasons=(("local_policy", "a & b <c>"),))
REPORT = Report(
    "beta.example", "postmaster@beta.example", f"{DAY}.0.alpha.example@beta.example", DAY, DAY + 86399,
    Published("alpha.example", "reject", "quarantine", "reject", "s", "r", "1:d", "n"), (ROW, FAILED),
)  # fmt: skip
XML = write(REPORT)
LETTER = mail(
    REPORT, "postmaster@beta.example", "dmarc@alpha.example", date=DATE, message_id="<1.dmarc@mx.beta.example>"
)


def spf(domain: str, result: str = "pass"):
    return SimpleNamespace(result=result, domain=domain)


def dkim(domain: str, result: str = "pass", selector: str = "s", **more):
    return SimpleNamespace(result=result, domain=domain, selector=selector, reason="", **more)


# -- written and read --------------------------------------------------------------------------------------------------

SAMPLE = f"""<feedback xmlns="{NAMESPACE}">
  <version>1.0</version>
  <report_metadata>
    <org_name>Sample Reporter</org_name><email>sender@reporter.example</email>
    <extra_contact_info lang="en">...</extra_contact_info><report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>
    <date_range><begin>302832000</begin><end>302918399</end></date_range>
    <generator>Example v1.2</generator>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain><p>quarantine</p><sp>none</sp><np>none</np><testing>n</testing>
    <discovery_method>treewalk</discovery_method>
  </policy_published>
  <extension><x:arc xmlns:x="urn:x"><x:p>reject</x:p></x:arc></extension>
  <record>
    <row><source_ip>2001:db8::1</source_ip><count>123</count>
      <policy_evaluated><disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><envelope_from/><header_from>example.com</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><result>pass</result><selector>abc123</selector></dkim>
      <spf><domain>example.com</domain><result>fail</result></spf>
    </auth_results>
    <x:seal xmlns:x="urn:x"><source_ip>x</source_ip><x:row><x:count>9</x:count></x:row></x:seal>
  </record>
</feedback>"""


def test_a_report_as_the_standard_prints_one():
    found = read(SAMPLE.encode())
    assert (found.organization, found.report_id, found.begin, found.count) == (
        "Sample Reporter", "3v98abbp8ya9n3va8yr8oa3ya", 302832000, 123,
    )  # fmt: skip
    assert found.published == Published("example.com", "quarantine", "none", "none")
    assert found.rows == (
        Row(
            "2001:db8::1",
            *(123, "pass", "pass", "fail", "example.com"),
            signatures=(Signed("example.com", "abc123", "pass"),),
            checked=Spf("example.com", "fail"),
        ),
    )


def test_what_is_written_is_read():
    assert read(XML) == read(compressed(REPORT)) == read(LETTER) == REPORT
    assert (REPORT.count, REPORT.passing()) == (4, 3)


ORDER = {  # what the schema wants in this order (xs:sequence), and what it must have
    "feedback": ["version", "report_metadata", "policy_published", "extension", "record"],
    "record": ["row", "identifiers", "auth_results"],
    "policy_evaluated": ["disposition", "dkim", "spf", "reason"],
    "auth_results": ["dkim", "spf"],
}


def test_elements_stand_in_the_order_of_the_schema():
    root = ElementTree.fromstring(XML)
    assert root.tag == f"{{{NAMESPACE}}}feedback" and root[0].text == "1.0"
    for element in root.iter():
        name, children = element.tag.split("}")[1], [child.tag.split("}")[1] for child in element]
        order = ORDER.get(name)
        assert not order or children == sorted(children, key=order.index)
        repeated = {"record", "dkim", "reason"}
        assert all(children.count(child) == 1 or child in repeated for child in children)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12).map(str.strip)
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)
kinds = st.sampled_from(OVERRIDES)
rows = st.builds(
    Row,
    st.ip_addresses().map(str),
    st.integers(0, 10**12),
    st.sampled_from(["none", "pass", "quarantine", "reject"]),
    st.sampled_from(["pass", "fail"]),
    st.sampled_from(["pass", "fail"]),
    words,
    texts,
    texts,
    st.lists(st.builds(Signed, words, words, st.sampled_from(["pass", "fail"]), texts), max_size=3).map(tuple),
    st.none() | st.builds(Spf, words, st.sampled_from(["pass", "softfail"]), texts),
    st.lists(st.tuples(kinds, texts), max_size=2).map(tuple),
)
policies = st.sampled_from(["none", "quarantine", "reject"])
published = st.builds(
    Published, words, policies, st.just("") | policies, st.just("") | policies, testing=st.sampled_from("yn")
)
reports = st.builds(
    Report, words, words, words, st.integers(0, 10**10), st.integers(0, 10**10), published,
    st.lists(rows, min_size=1, max_size=3).map(tuple), texts, texts, texts,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(reports)
def test_whatever_is_written_is_read(report):
    assert read(write(report)) == report
    assert read(compressed(report)) == report


def test_what_xml_cannot_carry():
    row = replace(ROW, header_from="a\x00b\x1b\ud800\uffff", envelope_from="<![CDATA[&]]>")
    found = read(write(replace(REPORT, rows=(row,)))).rows[0]
    assert (found.header_from, found.envelope_from) == ("a?b???", "<![CDATA[&]]>")


OLD = XML.decode().replace(f' xmlns="{NAMESPACE}"', "").replace("<discovery_method>treewalk</discovery_method>\n", "")


@pytest.mark.parametrize("text", [
    OLD,
    OLD.replace("<feedback>", '<feedback xmlns="http://dmarc.org/dmarc-xml/0.1">'),
    OLD.replace("<testing>n</testing>", "<pct>100</pct>"),
    OLD.replace("local_policy", "sampled_out"),
])  # fmt: skip
def test_reports_of_the_old_standard_are_read(text):
    found = read(text.encode())
    assert (found.count, found.published.discovery) == (4, "")


def test_other_encodings():
    text = write(replace(REPORT, contact="Jörg")).decode()
    for encoding in ("utf-16", "iso-8859-1"):
        assert read(text.replace("UTF-8", encoding).encode(encoding)).contact == "Jörg"
    assert read(b"\xef\xbb\xbf" + text.encode()).contact == "Jörg"


# -- as mail (3.5) -----------------------------------------------------------------------------------------------------


def test_the_mail():
    letter = message_from_bytes(LETTER, policy=SMTP)
    assert (
        letter["Subject"]
        == subject(REPORT)
        == (f"Report Domain: alpha.example Submitter: beta.example Report-ID: <{REPORT.report_id}>")
    )
    text, file = letter.iter_parts()
    assert text.get_content_type() == "text/plain" and "4 messages, 3 of which" in text.get_content()
    assert (file.get_content_type(), file.get_filename()) == ("application/gzip", filename(REPORT))
    assert filename(REPORT) == f"beta.example!alpha.example!{DAY}!{DAY + 86399}.xml.gz"
    assert read(file.get_content()) == REPORT
    assert (
        mail(
            REPORT, "postmaster@beta.example", "dmarc@alpha.example", date=DATE, message_id="<1.dmarc@mx.beta.example>"
        )
        == LETTER
    )


def zipped(*files: tuple[str, bytes]) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return box.getvalue()


def test_a_zip_is_read_too():
    assert read(zipped(("r.xml", XML))) == REPORT


def part(kind: str, body: bytes, *fields: str) -> bytes:
    return "\r\n".join([f"Content-Type: {kind}", *fields, "", ""]).encode() + body


def mixed(*parts: bytes, boundary: bytes = b"=x") -> bytes:
    body = b"".join(b"--" + boundary + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + boundary + b"--\r\n"
    return b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\nhello\r\n' + body


@pytest.mark.parametrize("letter", [
    part("text/xml", XML, "From: a@b.example"),
    part("application/octet-stream; name=r.xml", XML, "From: a@b.example"),
    part("application/gzip", zlib.compress(XML, wbits=31), "Content-Transfer-Encoding: 8bit"),
    mixed(part("text/plain", b"hi"), part("application/xml", XML, 'Content-Disposition: attachment; filename="r.xml"')),
    mixed(mixed(part("text/plain", b"hi"), boundary=b"y"), mixed(part("text/xml", XML), boundary=b"z")),
])  # fmt: skip
def test_other_mails_with_a_report(letter):
    assert read(letter) == REPORT


def test_the_parts_of_a_body():
    assert split(b"pre\r\n--b\r\none\r\n--b  \r\ntwo\r\n--bc\r\n--b--\r\npost", "b") == [b"one", b"two\r\n--bc"]
    assert split(b"--b\none\n--b\ntwo", "b") == [b"one", b"two"]
    assert split(b"nothing", "b") == []


# -- what strangers send -----------------------------------------------------------------------------------------------

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]><feedback><record>&m;</record></feedback>"
).encode()
EXTERNAL = b'<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback><org_name>&x;</org_name></feedback>'
BOMB = gzip.compress(b"<feedback>" + b" " * 300_000_000, compresslevel=1)
DEEP = b"<feedback>" + b"<a>" * 100_000
LONG = b"<feedback><report_metadata><org_name>" + b"x" * 5_000_000
GZ = compressed(REPORT)

POLICY = b"<policy_published><domain>a</domain><p>none</p></policy_published>"

BAD = {
    "nothing": (b"", "report.no-file"),
    "no report": (b"From: a@b.example\r\n\r\nHi\r\n", "report.no-file"),
    "octets": (bytes(range(256)), "report.no-file"),
    "billion laughs": (LAUGHS, "report.doctype"),
    "external entity": (EXTERNAL, "report.doctype"),
    "external subset": (b'<!DOCTYPE feedback SYSTEM "http://gamma.example/x.dtd"><feedback/>', "report.doctype"),
    "quadratic": (b'<!DOCTYPE f [<!ENTITY a "%s">]><f>%s</f>' % (b"x" * 50_000, b"&a;" * 50_000), "report.doctype"),
    "laughs in UTF-16": (LAUGHS.decode().encode("utf-16"), "report.doctype"),
    "laughs in gzip": (gzip.compress(LAUGHS), "report.doctype"),
    "gzip bomb": (BOMB, "report.too-large"),
    "zip bomb": (zipped(("r.xml", b"<feedback>" + b" " * 300_000_000)), "report.too-large"),
    "gzip in gzip": (gzip.compress(GZ), "report.layers"),
    "zip of zips": (zipped(("r.zip", zipped(("r.xml", XML)))), "report.layers"),
    "zip of gzip": (zipped(("r.xml.gz", GZ)), "report.layers"),
    "two files": (zipped(("r.xml", XML), ("s.xml", XML)), "report.many-files"),
    "no files": (zipped(("d/", b"")) + b"", "report.many-files"),
    "half a zip": (zipped(("r.xml", XML))[:100], "report.broken"),
    "half a gzip": (GZ[: len(GZ) // 2], "report.truncated"),
    "broken gzip": (GZ[:40] + bytes(20) + GZ[60:], "report.broken"),
    "broken checksum": (GZ[:-8] + bytes(8), "report.broken"),
    "gzip of nothing": (gzip.compress(b""), "report.xml"),
    "deep": (DEEP, "report.depth"),
    "a long text": (LONG, "report.format"),
    "half a document": (XML[:-20], "report.xml"),
    "two documents": (XML + XML, "report.xml"),
    "an unknown entity": (XML.replace(b"beta.example", b"&x;"), "report.xml"),
    "not UTF-8": (XML.replace(b"beta.example", b"\xff\xfe"), "report.xml"),
    "an unknown encoding": (XML.replace(b"UTF-8", b"x-klingon"), "report.xml"),
    "another document": (b"<html><body/></html>", "report.format"),
    "another namespace": (XML.replace(NAMESPACE.encode(), b"urn:x"), "report.format"),
    "no rows": (write(replace(REPORT, rows=())), "report.format"),
    "no address": (XML.replace(b"192.0.2.25", b"192.0.2.256"), "report.format"),
    "no number": (XML.replace(b"<count>3<", b"<count>many<"), "report.format"),
    "a negative number": (XML.replace(b"<count>3<", b"<count>-3<"), "report.format"),
    "a huge number": (XML.replace(b"<count>3<", b"<count>" + b"9" * 5000 + b"<"), "report.format"),
    "an unknown disposition": (XML.replace(b">quarantine</disposition>", b">burn</disposition>"), "report.format"),
    "an unknown result": (XML.replace(b"<dkim>pass</dkim>", b"<dkim>good</dkim>"), "report.format"),
    "an unknown reason": (XML.replace(b"local_policy", b"mood"), "report.format"),
    "an element twice": (XML.replace(b"<count>3</count>", b"<count>3</count><count>4</count>"), "report.format"),
    "an element in a text": (XML.replace(b"<count>3<", b"<count>3<b/><"), "report.format"),
    "two policies": (XML.replace(b"<record>", POLICY + b"<record>", 1), "report.format"),
    "an encoding of many octets": (XML.replace(b"UTF-8", b"gb2312"), "report.xml"),
    "a broken base64": (part("text/xml", b"=a", "Content-Transfer-Encoding: base64"), "report.broken"),
    "only multiparts": (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" * 5000, "report.no-file"),
}  # fmt: skip


@pytest.mark.parametrize("data, rule", BAD.values(), ids=BAD)
def test_a_bad_report_has_a_named_fault(data, rule):
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(Refused) as no:
            read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert no.value.rule == rule
    assert "…" not in sentence(Rule(rule, "refused", no.value.because))
    assert peak < 5_000_000 + 2 * len(data), "nothing is expanded"
    assert time.process_time() - started < 20


def test_a_limit_is_a_limit():
    with pytest.raises(Refused) as no:
        read(XML, rows=1)
    assert no.value.rule == "report.too-many-rows"
    with pytest.raises(Refused) as no:
        read(GZ, unpacked=100)
    assert no.value.rule == "report.too-large"


def test_a_gzip_cut_anywhere_is_truncated():
    for cut in range(2, len(GZ)):
        with pytest.raises(Refused) as no:
            read(GZ[:cut])
        assert no.value.rule in ("report.truncated", "report.xml"), cut


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(XML)), st.binary(max_size=4), st.integers(0, 6))
def test_a_damaged_report_is_read_or_refused(at, octets, gone):
    try:
        read(XML[:at] + octets + XML[at + gone :])
    except Refused as no:
        assert no.rule.startswith("report.")


def test_a_mail_of_mails():
    """Multiparts a thousand deep: no recursion, no report."""
    letter = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1000))
    with pytest.raises(Refused) as no:
        read(letter + part("text/xml", XML))
    assert no.value.rule == "report.no-file"


@pytest.mark.long
def test_a_hundred_thousand_rows_in_five_seconds():
    big = replace(
        REPORT, rows=tuple(replace(ROW, source_ip=f"192.0.{n // 250 % 250}.{n % 250}") for n in range(100_000))
    )
    data = compressed(big)
    started = time.process_time()
    found = read(data)
    assert time.process_time() - started < 5
    assert found == big


# -- counting ----------------------------------------------------------------------------------------------------------

ZONE = {
    "alpha.example": "v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@alpha.example",
    "test.alpha.example": "v=DMARC1; p=reject; t=y; rua=mailto:dmarc@alpha.example",
    "quiet.example": "v=DMARC1; p=reject",
    "odd.example": "v=DMARC1; p=rejct; rua=mailto:dmarc@odd.example",
    "none.example": "v=DMARC1; p=none; rua=mailto:dmarc@none.example",
}
DNS = Answers({(f"_dmarc.{name}", "TXT"): [text] for name, text in ZONE.items()})


def counted(*messages) -> list[Report]:
    """Each message: (author, source, SPF, signatures, options of decide)."""
    ledger = Ledger()
    for author, source, by_spf, signatures, options in messages:
        found, _ = perform(evaluate(author, by_spf, signatures), DNS)
        decided = None if options is None else decide(found, **options)
        ledger.add(found, source, by_spf, signatures, decided)
    return [report for report, _ in ledger.close("beta.example", "postmaster@beta.example", DAY, DAY + 86399)]


def test_equal_messages_are_one_row():
    good = ("alpha.example", "192.0.2.25", spf("alpha.example"), [dkim("alpha.example")], {})
    bad = ("alpha.example", "203.0.113.66", spf("gamma.example"), [], {"policy_alone": True})
    below = ("news.alpha.example", "192.0.2.25", spf("alpha.example"), [], {})
    (report,) = counted(good, bad, good, below, good)
    assert report.published == Published("alpha.example", "reject", "quarantine")
    assert [(row.count, row.disposition, row.dkim, row.spf, row.header_from) for row in report.rows] == [
        (3, "pass", "pass", "pass", "alpha.example"),
        (1, "reject", "fail", "fail", "alpha.example"),
        (1, "pass", "fail", "pass", "news.alpha.example"),
    ]
    assert read(write(report)) == report


def test_one_report_for_each_policy():
    """RFC 9990 §3.1.2: a subdomain with a record of its own is another report."""
    found = counted(
        ("test.alpha.example", "192.0.2.1", None, [], {}),
        ("alpha.example", "192.0.2.1", None, [], {}),
        ("news.alpha.example", "192.0.2.1", None, [], {}),
    )
    assert [(report.published.domain, report.count) for report in found] == [
        ("alpha.example", 2),
        ("test.alpha.example", 1),
    ]
    assert len({report.report_id for report in found}) == 2


def test_nobody_is_told_who_did_not_ask():
    assert counted(("quiet.example", "192.0.2.1", None, [], {}), ("gamma.example", "192.0.2.1", None, [], {})) == []


def test_the_ledger_begins_anew():
    ledger = Ledger()
    found, _ = perform(evaluate("alpha.example", None), DNS)
    assert ledger.add(found, "192.0.2.1", count=7)
    ((report, record),) = ledger.close("b", "p@b", 0, 1)
    assert (report.count, record.rua) == (7, ("mailto:dmarc@alpha.example",))
    assert ledger.close("b", "p@b", 1, 2) == []


def test_from_a_message_to_a_mail_and_back():
    ledger = Ledger()
    found, _ = perform(evaluate("news.alpha.example", spf("alpha.example")), DNS)
    ledger.add(found, "192.0.2.25", spf("alpha.example"), [], decide(found), sender="alpha.example")
    ((report, record),) = ledger.close("beta.example", "postmaster@beta.example", DAY, DAY + 86399)
    addresses, _ = perform(destinations(report.published.domain, record), DNS)
    (letter,) = [mail(report, "postmaster@beta.example", address, date=DATE) for address in addresses]
    assert message_from_bytes(letter)["To"] == "dmarc@alpha.example"
    assert message_from_bytes(letter)["Message-ID"] == f"<{report.report_id}>"
    assert read(letter) == report


FATES = [
    # author, SPF, options of decide (None: what was asked for), disposition, reasons
    ("alpha.example", spf("alpha.example"), {}, "pass", ()),
    ("none.example", spf("none.example"), {}, "none", ()),
    ("none.example", None, {}, "none", ()),
    ("alpha.example", None, None, "reject", ()),
    ("alpha.example", None, {"policy_alone": True}, "reject", ()),
    ("alpha.example", None, {"against": ["spam"]}, "reject", ()),
    ("alpha.example", None, {}, "quarantine", (("local_policy", "a policy alone is no reason to reject"),)),
    ("alpha.example", None, {"trusted": "list.example"}, "none", (("trusted_forwarder", "list.example"),)),
    ("test.alpha.example", None, {}, "quarantine", (("policy_test_mode", "t=y"),)),
    ("test.alpha.example", None, {"trusted": "l.example"}, "none",
     (("policy_test_mode", "t=y"), ("trusted_forwarder", "l.example"))),
    ("odd.example", None, {}, "none", ()),
    ("alpha.example", spf("alpha.example", "temperror"), {}, "none", (("other", "the result is temperror"),)),
]  # fmt: skip


@pytest.mark.parametrize("author, by_spf, options, disposition, reasons", FATES)
def test_what_was_done_and_why(author, by_spf, options, disposition, reasons):
    (report,) = counted((author, "192.0.2.1", by_spf, [], options))
    assert (report.rows[0].disposition, report.rows[0].reasons) == (disposition, reasons)
    asked = report.published.p if report.rows[0].spf == "fail" else disposition
    assert disposition in (asked, "pass") or reasons, "where it differs a reason has to be there"


def test_the_signatures_that_matter_come_first():
    signatures = [dkim("z.example", "fail"), dkim("gamma.example"), dkim("mail.alpha.example"), dkim("alpha.example")]
    (report,) = counted(("alpha.example", "192.0.2.1", None, signatures * 50, {}))
    found = report.rows[0].signatures
    assert [one.domain for one in found] == ["alpha.example"] * 50 + ["mail.alpha.example"] * 50


# -- where they may go (RFC 9990 §4) -----------------------------------------------------------------------------------

AGREEMENTS = Zone("""
$ORIGIN example.
_dmarc.alpha                                TXT "v=DMARC1; p=none"
_dmarc.reports                              TXT "v=DMARC1; p=none"
alpha.example._report._dmarc.reports        TXT "v=DMARC1"
*._report._dmarc.anybody                    TXT "v=DMARC1;"
alpha.example._report._dmarc.other          TXT ( "v=DMARC1; rua=mailto:aggregate@other.example; "
                                                  "ruf=mailto:f@other.example" )
alpha.example._report._dmarc.onward         TXT "v=DMARC1; rua=mailto:aggregate@victim.example"
alpha.example._report._dmarc.wrong          TXT "v=dmarc1"
alpha.example._report._dmarc.several        TXT "hello"
alpha.example._report._dmarc.several        TXT "v=DMARC1"
alpha.example._report._dmarc.several        TXT "v=DMARC1; rua=mailto:here@several.example"
""")
AGREEMENTS.fault("alpha.example._report._dmarc.late.example", "TXT", DnsTimeout())

PLACES = [
    # rua, where reports go, the rule
    ("mailto:d@alpha.example", ["d@alpha.example"], "report.same-organization"),
    ("mailto:d@mail.Alpha.example.", ["d@mail.Alpha.example."], "report.same-organization"),
    ("mailto:d@reports.example", ["d@reports.example"], "report.agreed"),
    ("mailto:d@anybody.example", ["d@anybody.example"], "report.agreed"),
    ("mailto:d@other.example", ["aggregate@other.example"], "report.other-address"),
    ("mailto:d@several.example", ["here@several.example"], "report.other-address"),
    ("mailto:d@onward.example", [], "report.elsewhere"),
    ("mailto:d@wrong.example", [], "report.not-agreed"),
    ("mailto:d@nobody.example", [], "report.not-agreed"),
    ("mailto:d@late.example", [], "report.not-known"),
    ("mailto:d@" + ".".join(["x" * 60] * 4), [], "report.name-too-long"),
    ("https://alpha.example/reports", [], "report.scheme"),
    ("mailto:d%40evil@alpha.example", [], "report.scheme"),
    ("mailto:d%0d%0aBcc:x@alpha.example", [], "report.scheme"),
    ("mailto:d%2Be@alpha.example?subject=x", ["d+e@alpha.example"], "report.same-organization"),
    ("mailto:a@alpha.example,mailto:b@nobody.example,mailto:a@alpha.example,mailto:c@reports.example",
     ["a@alpha.example", "c@reports.example"], "report.agreed"),
]  # fmt: skip


@pytest.mark.parametrize("rua, addresses, rule", PLACES)
def test_where_reports_may_go(rua, addresses, rule):
    found, acts = perform(destinations("alpha.example", parse_record(f"v=DMARC1; p=none; rua={rua}")), AGREEMENTS)
    assert list(found) == addresses
    rules = [act for act in acts if isinstance(act, Rule)]
    assert rule in [act.name for act in rules] and not any("…" in sentence(act) for act in rules)


def test_example_of_the_standard():
    """blue.example.com wants its reports at red.example.net, which agrees."""
    record, name = parse_record("v=DMARC1; p=none; rua=mailto:reports@red.example.net"), "red.example.net"
    dns = Answers({(f"blue.example.com._report._dmarc.{name}", "TXT"): ["v=DMARC1"]})
    assert perform(destinations("blue.example.com", record), dns)[0] == ("reports@red.example.net",)
    assert perform(destinations("blue.example.com", record), Answers())[0] == ()


def test_failure_reports_have_destinations_too():
    record = parse_record("v=DMARC1; p=none; rua=mailto:a@other.example; ruf=mailto:b@other.example")
    assert perform(destinations("alpha.example", record, "ruf"), AGREEMENTS)[0] == ("f@other.example",)
    suffix = parse_record("v=DMARC1; p=none; psd=y; ruf=mailto:b@alpha.example")
    assert perform(destinations("alpha.example", suffix, "ruf"), AGREEMENTS)[0] == ()


# -- one message that failed (RFC 9991) --------------------------------------------------------------------------------

FO = [
    # fo=, SPF passes, DKIM passes (None: no signature), which options ask
    ("0", False, False, ("0",)),
    ("0", True, False, ()),
    ("1", True, False, ("1",)),
    ("1", True, True, ()),
    ("1", False, None, ("1",)),
    ("d", True, False, ("d",)),
    ("d", True, None, ()),
    ("s", False, True, ("s",)),
    ("0:d:s", False, False, ("0", "d", "s")),
    ("1:s", True, True, ()),
]


@pytest.mark.parametrize("fo, by_spf, by_dkim, options", FO)
def test_who_wants_to_know(fo, by_spf, by_dkim, options):
    results = {True: "pass", False: "fail"}
    vouchers = spf("a.example", results[by_spf]), [] if by_dkim is None else [dkim("a.example", results[by_dkim])]
    for ruf, expected in [("ruf=mailto:d@a.example", options), ("rua=mailto:d@a.example", ())]:
        dns = Answers({("_dmarc.a.example", "TXT"): [f"v=DMARC1; p=reject; fo={fo}; {ruf}"]})
        found, _ = perform(evaluate("a.example", *vouchers), dns)
        assert wanted(found, *vouchers) == expected


MESSAGE = b"Received: from x\r\nFrom: Mallory <alice@alpha.example>\r\nSubject: Pay\r\n\r\nSecret\r\n--=_\r\n"


def failed(message=MESSAGE, **options):
    signatures = [dkim("gamma.example"), dkim("alpha.example", "fail", "lab", identity="@alpha.example")]
    by_spf = spf("alpha.example", "fail")
    found, _ = perform(evaluate("alpha.example", by_spf, signatures), DNS)
    return failure_report(
        message, found, host="mx.beta.example", reporter="postmaster@beta.example", recipient="f@alpha.example",
        date=DATE, message_id="<2@mx.beta.example>", source_ip="203.0.113.66", spf=by_spf, signatures=signatures,
        sender="alice@alpha.example", arrived=DATE, action="quarantine", spf_record='v=spf1 -all "x"', **options,
    )  # fmt: skip


def test_a_failure_report():
    letter = message_from_bytes(failed(), policy=SMTP)
    assert letter.get_content_type() == "multipart/report" and letter.get_param("report-type") == "feedback-report"
    text, fields, header = letter.get_payload()
    assert "alpha.example" in text.get_payload()
    assert header.get_content_type() == "text/rfc822-headers" and b"Secret" not in failed()
    assert fields.get_content_type() == "message/feedback-report"
    told = message_from_bytes(fields.get_payload(0).as_bytes()).items()
    assert {name: " ".join(value.split()) for name, value in told} == {
        "Authentication-Results": "mx.beta.example; dmarc=fail header.from=alpha.example policy.dmarc=reject",
        "Feedback-Type": "auth-failure",
        "Version": "1",
        "User-Agent": "mailedu",
        "Auth-Failure": "dmarc",
        "Identity-Alignment": "dkim, spf",
        "Delivery-Result": "spam",
        "Original-Mail-From": "<alice@alpha.example>",
        "Arrival-Date": DATE,
        "Source-IP": "203.0.113.66",
        "Reported-Domain": "alpha.example",
        "DKIM-Domain": "alpha.example",
        "DKIM-Identity": "@alpha.example",
        "DKIM-Selector": "lab",
        "SPF-DNS": 'txt : alpha.example : "v=spf1 -all \\"x\\""',
    }


def test_the_whole_message_only_when_asked_for():
    letter = message_from_bytes(failed(whole=True))
    assert letter.get_payload()[2].get_content_type() == "message/rfc822"
    assert failed(whole=True).endswith(b"message/rfc822\r\n\r\n" + MESSAGE + failed(whole=True).rpartition(MESSAGE)[2])


def test_no_message_breaks_out_of_its_part():
    inner = failed()
    boundary = message_from_bytes(inner).get_boundary().encode()
    outer = message_from_bytes(failed(MESSAGE + b"--" + boundary + b"--\r\n"))
    assert len(outer.get_payload()) == 3 and outer.get_boundary().encode() != boundary


def test_a_report_of_a_header_alone():
    assert len(Message(failed(b"From: a@alpha.example\r\n")).fields) == 7
