"""Answers to the exercises of lesson 04, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$domain` and the like are the exercise's.
"""

HOPS = """
records = [record.split() for record in dns.ask(domain, "MX")]
if not records:
    return [domain] if dns.ask(domain, "A") else []
records.sort(key=lambda record: int(record[0]))
return [name.rstrip(".") for number, name in records if name != "."]
"""

BACKUP = """
r2.lab.zone.edit(r2.domain, MX=["10 $main.", "20 $backup."])
r2.lab.configure("$backup", backup_for=["$domain"])
"""

PAUSE = """
if age >= r3_days * 86400:
    return None
return min(max(r3_least * 60, age), r3_longest * 3600)
"""

REPORT = """
if not sender:
    return None
word = reply.split()[1]
status = word if word.count(".") == 2 else f"{reply[0]}.0.0"
fields = f"Reporting-MTA: dns; {host}\\n\\nFinal-Recipient: rfc822; {recipient}\\nAction: failed\\n"
fields += f"Status: {status}\\nDiagnostic-Code: smtp; {reply}"
header = letter.split("\\n\\n")[0]
return "", sender, three_parts(sender, f"Your letter to {recipient} did not arrive.", fields, header)
"""

RING = """
report = r5.lab.mailbox(r5.user)[0].decode()
hops = int(report.split(" hops")[0].split()[-1])
host = "mx." + "$reader".split("@")[1]
r5.lab.configure(host, forwards=[])
"""

PROBE = """
stranger = ["EHLO stranger.example", "MAIL FROM:<eve@stranger.example>", "RCPT TO:<amir@alpha.example>"]
replies = {}
for number, lab in s12.networks.items():
    for attempt in (1, 2):
        smtp = lab.smtp("mx.beta.example", client="203.0.113.66")
        for line in stranger:
            replies[number] = smtp.send(line)
        lab.clock.advance(minutes=10)
n = next(number for number, reply in replies.items() if reply.startswith("250"))
"""

CLOSE = """
s12.networks[n].configure("mx.beta.example", open_relay=False)
"""


def without(text: str, *changes: tuple[str, str]) -> str:
    """The right answer with a mistake in it."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


SOLUTIONS = {
    "R1": {
        "right": HOPS,
        "wrong": [
            # Sorted as texts: "100" before "20" before "5".
            (
                without(HOPS, ("key=lambda record: int(record[0])", "key=lambda record: record[0]")),
                "how do their texts compare?",
            ),
            # The highest number is taken for the highest priority.
            (
                without(HOPS, ("int(record[0]))", "int(record[0]), reverse=True)")),
                "Which preference is called first",
            ),
            # Who has no MX record gets no mail.
            (without(HOPS, ('return [domain] if dns.ask(domain, "A") else []', "return []")), "Who takes its mail"),
            # A lone dot, called.
            (without(HOPS, (' if name != "."', "")), "lone dot"),
            # The address of the name itself counts as well.
            (
                without(
                    HOPS,
                    (
                        "return [name.rstrip",
                        'extra = [domain] if dns.ask(domain, "A") else []\nreturn extra + [name.rstrip',
                    ),
                ),
                "use the address of the name itself",
            ),
        ],
    },
    "R2": {
        "right": BACKUP,
        "wrong": [
            # The world knows, and the second server does not.
            (without(BACKUP, ('r2.lab.configure("$backup", backup_for=["$domain"])', "")), "Who tells"),
            # The second server knows, and the world does not.
            (
                without(BACKUP, ('r2.lab.zone.edit(r2.domain, MX=["10 $main.", "20 $backup."])', "")),
                "Where do servers read whom to call?",
            ),
            # 20 is more than 10, so it must be better.
            (without(BACKUP, ('"10 $main.", "20 $backup."', '"20 $main.", "10 $backup."')), "call this one first"),
            # A backup for everybody.
            (without(BACKUP, ('backup_for=["$domain"]', "open_relay=True")), "an open relay for all"),
        ],
    },
    "R3": {
        "right": PAUSE,
        "wrong": [
            # Every half an hour, for days.
            (
                """
if age >= r3_days * 86400:
    return None
return r3_least * 60
""",
                "How likely is it",
            ),
            # Twice as long each time, without an end.
            (
                without(PAUSE, ("min(max(r3_least * 60, age), r3_longest * 3600)", "max(r3_least * 60, age)")),
                "doubles for ever",
            ),
            # Given up when the next attempt would come too late: a few hours early.
            (
                without(PAUSE, ("if age >= r3_days * 86400:", "if age + 6 * 3600 > r3_days * 86400:")),
                "What if a host is repaired on day",
            ),
            # Attempts are counted: who falls over forgets how many there were.
            (
                """
if age >= r3_days * 86400:
    return None
pause.tried = getattr(pause, "tried", 0) + 1
return min(r3_least * 60 * 2 ** (pause.tried - 1), r3_longest * 3600)
""",
                "something that it remembers",
            ),
        ],
    },
    "R4": {
        "right": REPORT,
        "wrong": [
            # A report about a report.
            (without(REPORT, ("if not sender:\n    return None\n", "")), "where does it end?"),
            # A report that can be answered by a report.
            (without(REPORT, ('return "", sender', 'return f"postmaster@{host}", sender')), "if your report cannot be"),
            # To who wrote it, by its header.
            (
                without(REPORT, ('return "", sender,', 'return "", letter.split("From: ")[1].split("\\n")[0],')),
                "by its envelope",
            ),
            # One group of fields.
            (without(REPORT, ("{host}\\n\\n", "{host}\\n")), "What stands between two groups"),
            # The code, where the status should be.
            (without(REPORT, ("Status: {status}", "Status: {reply[:3]}")), "Which part of the reply is the status"),
            # Nothing of the letter comes back.
            (without(REPORT, ('letter.split("\\n\\n")[0]', '""')), "which letter you mean"),
        ],
    },
    "R5": {
        "right": RING,
        "wrong": [
            # The loop is stopped earlier, and that is all.
            (
                without(RING, ("r5.lab.configure(host, forwards=[])", "r5.lab.configure(host, most_hops=3)")),
                "A letter that is stopped earlier is stopped all the same",
            ),
            # Nobody forwards anything any more.
            (
                without(
                    RING,
                    (
                        "r5.lab.configure(host, forwards=[])",
                        "for name in ('alpha', 'beta', 'gamma'):\n"
                        "    r5.lab.configure(f'mx.{name}.example', forwards=[])",
                    ),
                ),
                "whose are still wanted",
            ),
            # Repaired, and the report never opened.
            (without(RING, ('int(report.split(" hops")[0].split()[-1])', "100")), "what does its Diagnostic-Code say"),
        ],
    },
    "S12": {
        "right": PROBE + CLOSE,
        "wrong": [
            # Asked once, and only about gamma.example: the backup is taken for it.
            (
                without(PROBE, ("amir@alpha.example", "carol@gamma.example"), ("(1, 2)", "(1,)")) + CLOSE,
                "for one domain that asked for it?",
            ),
            # Who talks too much.
            (
                """
n = next(n for n, lab in s12.networks.items() if lab.smtp("mx.beta.example").send("VRFY bob").startswith("250"))
"""
                + CLOSE,
                "does it pass on anything?",
            ),
            # Guessed right, by looking into the exercise: nothing has gone through it.
            ("n = s12.number\n" + CLOSE, "How do you know?"),
            # Found, and left open.
            (PROBE, "See open_relay"),
            # All of them closed, in the same way.
            (
                PROBE
                + """
for lab in s12.networks.values():
    lab.configure("mx.beta.example", open_relay=False, backup_for=[])
""",
                "which did you change?",
            ),
        ],
    },
}
