"""Answers to the exercises of lesson 10, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$domain` and the like are the exercise's.
"""

THREE = """
print(a1.send("$domain", a1.ours))
print(a1.send("mailer.example", a1.theirs, ["$domain"]))
print(a1.send("$domain", a1.ours, ["$domain"]))
"""

DMARC = """
def record(name):
    found = []
    for text in dns.ask("_dmarc." + name, "TXT"):
        parts = [part.partition("=") for part in text.split(";")]
        tags = {key.strip().lower(): value.strip() for key, _, value in parts}
        if tags.get("v") == "DMARC1":
            found.append({key: value.lower() for key, value in tags.items()})
    return found[0] if len(found) == 1 else None

def walk(name):
    labels = name.split(".")
    names = [".".join(labels[at:]) for at in range(len(labels))]
    return [(one, record(one)) for one in names if record(one)]

def organization(name):
    found = walk(name)
    return found[-1][0] if found else name

home = author if record(author) else organization(author)
tags = record(home)
if not tags:
    return ("none", "")
policy = tags["p"] if home == author else tags.get("sp", tags["p"])

def vouches(check, mode):
    result, domain = check
    return result == "pass" and (
        domain == author or (mode != "s" and organization(domain) == organization(author)))

checks = [(spf, tags.get("aspf"))] + [(one, tags.get("adkim")) for one in dkim]
return ("pass" if any(vouches(*one) for one in checks) else "fail", policy)
"""

ROLLOUT = """
def ask_for(policy):
    a3.lab.zone.edit("_dmarc.alpha.example", TXT=f"v=DMARC1; p={policy}; rua=mailto:dmarc@alpha.example")

zone = a3.lab.zone
"""

REPAIRS = """
zone.edit("shop.alpha.example", TXT="v=spf1 ip4:192.0.2.31 -all")
zone.edit("mailer._domainkey.news.alpha.example", TXT=zone.records("mailer._domainkey.mailer.example", "TXT"))
"""

READ = """
import email, gzip
from xml.etree import ElementTree

part = email.message_from_bytes(a4.report).get_payload()[1]
root = ElementTree.fromstring(gzip.decompress(part.get_payload(decode=True)))

def text(row, name):
    return row.find(f".//{{*}}{name}").text

rows = []
for row in root.findall("{*}record"):
    policy = row.find(".//{*}policy_evaluated")
    signed = [one.find("{*}result").text for one in row.findall(".//{*}auth_results/{*}dkim")]
    rows.append((int(text(row, "count")), text(row, "source_ip"), text(policy, "dkim"), text(policy, "spf"),
                 text(policy, "disposition"), signed))
found = {
    "messages": sum(row[0] for row in rows),
    "passed": sum(row[0] for row in rows if "pass" in row[2:4]),
    "in_junk": sum(row[0] for row in rows if row[4] == "quarantine"),
    "forwarder": next(row[1] for row in rows if row[2:4] == ("pass", "fail")),
    "service": next(row[1] for row in rows if row[2:4] == ("fail", "fail") and "pass" in row[5]),
}
"""

CLEANED = r"""
head, separator, body = message.partition(b"\r\n\r\n")
kept = []
for field in re.split(rb"\r\n(?![ \t])", head):
    name, _, value = field.partition(b":")
    words = re.sub(rb"\([^()]*\)", b" ", value.partition(b";")[0]).split()
    server = words[0].strip(b'"').lower() if words else b""
    ours = name.strip().lower() == b"authentication-results" and server == host.lower().encode()
    if not ours:
        kept.append(field)
return b"\r\n".join(kept) + separator + body
"""


def without(text: str, *changes: tuple[str, str]) -> str:
    """The right answer with a mistake in it."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


SOLUTIONS = {
    "A1": {
        "right": THREE + '\nprint(a1.send("mailer.example", a1.theirs, ["mailer.example"]))\n',
        "wrong": [
            # Fails, because nothing passes at all: that is not what fails here.
            (THREE + '\na1.send("mailer.example", a1.ours)\n', "For whose domain can they pass"),
            # SPF only, by a letter that is signed as well.
            (THREE.replace('a1.send("$domain", a1.ours)', 'a1.send("$domain", a1.ours, ["$domain"])')
             + '\na1.send("mailer.example", a1.theirs, ["mailer.example"])\n', "while no signature of yours is there"),
            # The service signs for itself, and so nothing of ours is left.
            (THREE.replace('["$domain"]))\nprint(a1.send("$domain"', '["mailer.example"]))\nprint(a1.send("$domain"'),
             "Who can still vouch for you?"),
        ],
    },
    "A2": {
        "right": DMARC,
        "wrong": [
            # The nearest record above, as one would search a folder.
            (without(DMARC, ("return found[-1][0] if found else name", "return found[0][0] if found else name")),
             "Which domain is the organizational one"),
            # A pass is a pass.
            (without(DMARC, ('return result == "pass" and (\n'
                             '        domain == author or (mode != "s" and organization(domain) == organization(author)))',
                             'return result == "pass"')), "Passed for whom?"),
            # Strict is not looked at.
            (without(DMARC, ('(mode != "s" and organization(domain) == organization(author))',
                             'organization(domain) == organization(author)')), "Which did the owner choose"),
            # p= for everybody.
            (without(DMARC, ('tags["p"] if home == author else tags.get("sp", tags["p"])', 'tags["p"]')),
             "Which tag is for names below"),
            # Aligned is enough.
            (without(DMARC, ('return result == "pass" and (', "return (")), "What must a check be, besides aligned?"),
            # Of two records the first.
            (without(DMARC, ("found[0] if len(found) == 1 else None", "found[0] if found else None")),
             "if there are two records"),
        ],
    },
    "A3": {
        "right": ROLLOUT + """
a3.days(14)                               # who sends at all?
print(a3.reports)
""" + REPAIRS + """
a3.days(4)                                # and does it pass now?
ask_for("quarantine")
a3.days(4)
ask_for("reject")
a3.days(8)
""",
        "wrong": [
            # At once, and nothing was repaired.
            (ROLLOUT + '\nask_for("reject")\na3.days(30)\n', "which name does it use in MAIL FROM"),
            # Watched for a week, in which the newsletter did not write.
            (ROLLOUT + '\na3.days(7)\n' + REPAIRS.splitlines()[1] + '\nask_for("reject")\na3.days(23)\n',
             "Had a report shown its letters"),
            # All is well, and nobody dares.
            (ROLLOUT + "\na3.days(14)\n" + REPAIRS + "\na3.days(16)\n", "what keeps you from it?"),
            # The names below were forgotten.
            (ROLLOUT + "\na3.days(14)\n" + REPAIRS + """
zone.edit("_dmarc.alpha.example", TXT="v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@alpha.example")
a3.days(16)
""", "for that very name"),
            # After two days one has enough.
            (ROLLOUT + "\na3.days(2)\n", "of thirty are over"),
        ],
    },
    "A4": {
        "right": READ,
        "wrong": [
            # A row taken for a letter.
            (without(READ, ('"messages": sum(row[0] for row in rows)', '"messages": len(rows)')), "You counted the rows."),
            # What SPF and DKIM found, taken for DMARC's verdict.
            (READ + """
def passed(row):
    return "pass" in [one.text for one in row.findall(".//{*}auth_results/*/{*}result")]

found["passed"] = sum(int(text(row, "count")) for row in root.findall("{*}record") if passed(row))
""", "Passed for whom?"),
            # The forwarder taken for the service, and the other way round.
            (READ + '\nfound["forwarder"], found["service"] = found["service"], found["forwarder"]\n',
             "leaves the signature as it is"),
        ],
    },
    "A6": {
        "right": CLEANED,
        "wrong": [
            # Everybody's verdicts go.
            (without(CLEANED, (" and server == host.lower().encode()", "")), "May you touch it"),
            # Line by line: what is folded stays behind.
            (without(CLEANED, (r're.split(rb"\r\n(?![ \t])", head)', r'head.split(b"\r\n")')), "Did all of it go?"),
            # Wherever the name stands.
            (without(CLEANED, ("server == host.lower().encode()", "host.encode() in value")), "Capitals do not matter"),
            # In the body too.
            (without(CLEANED, (r'head, separator, body = message.partition(b"\r\n\r\n")',
                               'head, separator, body = message, b"", b""')), "Where does a header end?"),
        ],
    },
}  # fmt: skip
