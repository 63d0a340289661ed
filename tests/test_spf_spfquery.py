"""Debian's Mail::SPF (`spfquery`, package spf-tools-perl), asked about the lab's own zone over its loopback DNS."""

import os
import re
import shutil
import subprocess

import pytest
from ask import perform
from test_spf import HOSTS, MECHANISM_CASES

from mailedu import Lab
from mailedu.auth.spf import check_host

SPFQUERY = shutil.which("spfquery") or ""
RESULT = re.compile(r"^(pass|fail|softfail|neutral|none|temperror|permerror)\n(.*)$", re.MULTILINE)
DIES_OF = ".."  # spfquery stops at a name with an empty label
IPV6 = "2001:db8::1"

MORE = [
    # record, client
    ("exists:%{ir}.%{v}._spf.%{d2} -all", "192.0.2.3"),
    ("exists:%{l1r-}.%{o}.x.example -all exp=why.example", "192.0.2.3"),
    ("-all exp=why.example", "192.0.2.3"),
    ("-all exp=why.example", IPV6),
    ("a:n1.example a:n2.example a:n3.example -all", "192.0.2.3"),
    ("a:n1.example a:n2.example ~all", "192.0.2.3"),
    ("a:x.example " * 10 + "-all", "203.0.113.9"),
    ("a:x.example " * 11 + "-all", "203.0.113.9"),
    ("include:%{d} -all", "192.0.2.3"),
    ("redirect=%{d}", "192.0.2.3"),
    ("moo", "192.0.2.3"),
    ("ip4:192.0.2.0/33", "192.0.2.3"),
    ("ip6:2001:db8::/32 -all", IPV6),
    ("ip4:192.0.2.0/24 -all", "192.0.2.200"),
    ("redirect=fail.example redirect=pass.example", "192.0.2.3"),
    ("moo=1 moo=2 +all", "192.0.2.3"),
]


@pytest.mark.skipif(not SPFQUERY, reason="spfquery is not installed (Debian: spf-tools-perl)")
def test_spfquery_agrees():
    cases = [
        (record, ip) for record, ip, *_ in [*MECHANISM_CASES, *MORE] if DIES_OF not in record and "x" * 64 not in record
    ]
    lab = Lab(seed=1)
    lab.zone.edit(HOSTS)
    lab.zone.edit("why.example", TXT="%{i} is no host of %{d}; %{s} wrote by %{h}.")
    lab.zone.fault("slow.example")
    for number, (record, _) in enumerate(cases):
        lab.zone.edit(f"t{number}.t.example", TXT=f"v=spf1 {record}")
    asked = [(ip, f"alice-b@t{number}.t.example", "helo.example") for number, (_, ip) in enumerate(cases)]
    with lab.serve() as net:
        theirs = spfquery(net.ports["dns"], asked)
    assert len(theirs) == len(asked)
    differ = []
    for (record, ip), (_, sender, helo), (result, explanation) in zip(cases, asked, theirs, strict=True):
        found, _ = perform(check_host(ip, sender.partition("@")[2], sender, helo=helo), lab.zone)
        same_words = found.explanation.lower() == explanation.lower()  # of an IPv6 address: the nibbles are a or A
        same = found.result == result and (same_words or not found.explanation)
        if not same:
            differ.append((record, ip, str(found), found.explanation, result, explanation))
    assert not differ
    assert {result for result, _ in theirs} == {"pass", "fail", "softfail", "neutral", "temperror", "permerror"}


def spfquery(port, asked):
    """(result, explanation of a fail) for each (address, sender, HELO)."""
    run = subprocess.run(
        [SPFQUERY, "--versions", "1", "--file", "-"],
        input="".join(f"{ip} {sender} {helo}\n" for ip, sender, helo in asked),
        capture_output=True,
        text=True,
        env={**os.environ, "RES_NAMESERVERS": "127.0.0.1", "RES_OPTIONS": f"port:{port}"},
        timeout=120,
    )
    return [(result, line.partition(": ")[2] or line) for result, line in RESULT.findall(run.stdout)]
