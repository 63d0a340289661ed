"""Answers to the exercises of lesson 08, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$domain` and the like are the exercise's.
"""

SEVEN = """
for record in ["v=spf1 ip4:$client -all", "v=spf1 -all", "v=spf1 ~all", "v=spf1 ?all", "v=spf1 nonsense", None]:
    f1.lab.zone.edit(f1.domain, TXT=record)
    print(record, f1.send())
"""

OWN = """
zone, d = f2.lab.zone, f2.domain
own = [term for name in (f"_office.{d}", f"_north.{d}", f"_south.{d}")
       for term in zone.records(name, "TXT")[0].split() if term.startswith("ip4:")]
"""

EACH = """
zone, d = f3.lab.zone, f3.domain
zone.edit(d, TXT="v=spf1 mx -all")
zone.edit(f"mx.{d}", TXT="v=spf1 a -all")
zone.edit(f"news.{d}", TXT="v=spf1 include:_spf.mailer.example -all")
zone.edit(f"shop.{d}", TXT="v=spf1 ip4:$shop ip6:$shop6 -all")
zone.edit(f"www.{d}", TXT="v=spf1 -all")
"""

HOST = """
spent = [] if spent is None else spent
records = [text for text in dns.ask(domain, "TXT") if text.lower().split(" ")[0] == "v=spf1"]
if len(records) != 1:
    return "permerror" if records else "none"
terms = [term for term in records[0].lower().split()[1:] if "=" not in term.split(":")[0]]
if any(re.split("[:/]", term.lstrip("+-~?"))[0] not in ("all", "ip4", "a", "mx", "include") for term in terms):
    return "permerror"
for term in terms:
    sign, name = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
    name, _, bits = name.partition("/")
    kind, _, target = name.partition(":")
    if kind in ("a", "mx", "include"):
        spent.append(term)
        if len(spent) > 10:
            return "permerror"
    if kind == "include":
        inner = check_host(ip, target, dns, spent)
        if inner in ("none", "permerror"):
            return "permerror"
        match = inner == "pass"
    else:
        hosts = [target or domain]
        if kind == "mx":
            hosts = [record.split()[1] for record in dns.ask(hosts[0], "MX")]
        found = [target] if kind == "ip4" else [one for host in hosts for one in dns.ask(host, "A")]
        match = kind == "all" or any(is_in(ip, one, bits or "32") for one in found if kind != "all")
    if match:
        return {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}[sign]
return "neutral"
"""

SRS = """
local, _, domain = address.rpartition("@")
if local.startswith("SRS0="):
    _, seal, made, domain, local = local.split("=", 4)
    good = seal == sealed(f"{made}={domain}={local}") and day - int(made) <= 21
    return f"{local}@{domain}" if good else None
if not address:
    return ""
rest = f"{day}={domain}={local}"
return f"SRS0={sealed(rest)}={rest}@gamma.example"
"""


def without(text: str, *changes: tuple[str, str]) -> str:
    """The right answer with a mistake in it."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


SOLUTIONS = {
    "F1": {
        "right": SEVEN
        + """
f1.lab.zone.fault(f1.domain, "TXT")
print(f1.send())
""",
        "wrong": [
            # The DNS says: no such name. That is an answer.
            (
                SEVEN
                + """
from mailedu import NXDomain
f1.lab.zone.fault(f1.domain, "TXT", NXDomain())
print(f1.send())
""",
                "What is it when there is no answer at all?",
            ),
            # Another sender for none, and another host for fail: then nothing was changed in the DNS.
            (
                """
zone = f1.lab.zone
for record in ["v=spf1 ip4:$client -all", "v=spf1 ~all", "v=spf1 ?all", "v=spf1 nonsense"]:
    zone.edit(f1.domain, TXT=record)
    f1.send()
zone.fault(f1.domain, "TXT")
f1.send()
zone.mend(f1.domain, "TXT")
zone.edit(f1.domain, TXT="v=spf1 -all")
f1.send()
f1.lab.send("post@nowhere.example", f1.recipient, client=f1.client, read=False)
""",
                "none was found for post@nowhere.example",
            ),
            # ?all taken for softfail.
            (
                SEVEN.replace('"v=spf1 ~all", ', "")
                + """
f1.lab.zone.fault(f1.domain, "TXT")
f1.send()
""",
                "Which qualifier says: probably not?",
            ),
            # Asked by oneself, and nobody sent a letter.
            (
                """
for record in ["v=spf1 ip4:$client -all", "v=spf1 -all", "v=spf1 ~all", "v=spf1 ?all", "v=spf1 nonsense", None]:
    f1.lab.zone.edit(f1.domain, TXT=record)
    print(f1.lab.check_spf(ip=f1.client, mail_from=f1.user).result)
""",
                "has come to mx.beta.example",
            ),
        ],
    },
    "F2": {
        "right": OWN
        + """
zone.edit(d, TXT=" ".join(["v=spf1 mx", f"a:www.{d}", *own, "include:_spf.mailer.example include:_spf.desk.example",
                           f"mx:shop.{d} ?ip4:$trial -all"]))
""",
        "wrong": [
            # Flattened: the addresses of others copied into one's own record.
            (
                OWN
                + """
copied = "ip4:$first ip4:$second ip4:$desk"
zone.edit(d, TXT=" ".join(["v=spf1 mx", f"a:www.{d}", *own, copied, f"mx:shop.{d} ?ip4:$trial -all"]))
""",
                "Whose business is it to know the addresses of mailer.example?",
            ),
            # A term thrown away, because nobody remembers what it is for.
            (
                OWN
                + """
zone.edit(d, TXT=" ".join(["v=spf1 mx", f"a:www.{d}", *own, "include:_spf.mailer.example include:_spf.desk.example",
                           "?ip4:$trial -all"]))
""",
                "Which term of the old record matched that address",
            ),
            # One wide network instead of many names.
            (
                """
d = f2.domain
f2.lab.zone.edit(d, TXT=f"v=spf1 ?ip4:$trial ip4:198.51.100.0/24 include:_spf.mailer.example "
                        f"include:_spf.desk.example -all")
""",
                "Nobody ever meant",
            ),
            # Shorter, and not short enough.
            (
                """
d = f2.domain
f2.lab.zone.edit(d, TXT=f"v=spf1 mx a:www.{d} ip4:$office include:_branches.{d} include:_spf.mailer.example "
                        f"include:_spf.desk.example include:_shop.{d} ?ip4:$trial -all")
""",
                "look-ups: the eleventh makes it permerror",
            ),
            # All in order, and a friendlier end.
            (
                OWN
                + """
zone.edit(d, TXT=" ".join(["v=spf1 mx", f"a:www.{d}", *own, "include:_spf.mailer.example include:_spf.desk.example",
                           f"mx:shop.{d} ?ip4:$trial ~all"]))
""",
                "Whoever is not named should get fail",
            ),
            # The others' record made shorter, which is not in one's power.
            (
                OWN
                + """
zone.edit("_spf.mailer.example", TXT="v=spf1 ip4:$first ip4:$second ~all")
zone.edit(d, TXT=" ".join(["v=spf1 mx", f"a:www.{d}", *own, "include:_spf.mailer.example include:_spf.desk.example",
                           f"mx:shop.{d} ?ip4:$trial -all"]))
""",
                "_spf.mailer.example is not yours",
            ),
        ],
    },
    "F3": {
        "right": EACH,
        "wrong": [
            # One record for all, at all names.
            (
                """
zone, d = f3.lab.zone, f3.domain
for name in (d, f"news.{d}", f"shop.{d}"):
    zone.edit(name, TXT=f"v=spf1 a:mx.{d} ip4:$shop ip6:$shop6 include:_spf.mailer.example -all")
zone.edit(f"mx.{d}", TXT="v=spf1 a -all")
zone.edit(f"www.{d}", TXT="v=spf1 -all")
""",
                "Which services ever write as",
            ),
            # The whole network in which the shop has one host.
            (
                EACH.replace("ip4:$shop ip6:$shop6", "ip4:$shop/24 ip6:$shop6"),
                "How many addresses does that term stand for?",
            ),
            # A record for the company stands for all names below it?
            (
                EACH.replace('zone.edit(f"www.{d}", TXT="v=spf1 -all")', ""),
                "of its own?",
            ),
            # Careful, and so not sure.
            (
                EACH.replace("$shop6 -all", "$shop6 ~all"),
                "and is sure of it?",
            ),
            # The newsletter's addresses, as they are today.
            (
                EACH.replace("include:_spf.mailer.example", "ip4:$mailer"),
                "Whose business is it to know where the newsletter comes from?",
            ),
            # Only IPv4 was thought of.
            (
                EACH.replace(" ip6:$shop6", ""),
                "stands for that host?",
            ),
        ],
    },
    "F4": {
        "right": HOST,
        "wrong": [
            # What is included is taken for the result.
            (
                without(HOST, ('        match = inner == "pass"', "        return inner")),
                "When does include match, and what comes after it?",
            ),
            # Addresses compared as text.
            (
                without(
                    HOST, ('any(is_in(ip, one, bits or "32") for', "any(ip.startswith(one) for")
                ),
                "How many bits of two addresses are compared, and how?",
            ),
            # Terms are read when they are reached.
            (
                without(
                    HOST,
                    ("if any(re.split", "if all(re.split"),
                ),
                "only when it is reached?",
            ),
            # Nobody counts.
            (
                without(HOST, ("        if len(spent) > 10:\n            return \"permerror\"\n", "")),
                "RecursionError",
            ),
            # No match, and nothing said.
            (
                without(HOST, ('\nreturn "neutral"\n', '\nreturn "none"\n')),
                "No term matches that host.",
            ),
        ],
    },
    "F5": {
        "right": SRS,
        "wrong": [
            # As it was.
            (
                """
return address
""",
                "for which domain may it send?",
            ),
            # The forwarded mailbox itself: passes, and reports are lost.
            (
                """
return "carol@gamma.example" if address else ""
""",
                "What does that address have to hold",
            ),
            # All that is needed, and anybody can make it.
            (
                """
local, _, domain = address.rpartition("@")
if local.startswith("SRS0="):
    _, made, domain, local = local.split("=", 3)
    return f"{local}@{domain}" if day - int(made) <= 21 else None
return f"SRS0={day}={domain}={local}@gamma.example" if address else ""
""",
                "What is in that address that only you can make?",
            ),
            # Sealed, and good for ever.
            (
                without(SRS, (" and day - int(made) <= 21", "")),
                "How can your function know how old an address is",
            ),
            # The null sender gets an address too.
            (
                without(SRS, ('if not address:\n    return ""\n', "")),
                "Who would be told if that report",
            ),
        ],
    },
}
