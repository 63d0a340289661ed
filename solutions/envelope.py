r"""Answers to the exercises of lesson 03, for teachers and for the tests; see journey.py for their form."""

S6 = """
s6.lab.send(s6.user, ["$to", "$cc", "$bcc"], subject="$subject", text="See you soon.",
            headers={"To": "$to", "Cc": "$cc"})
"""

S7 = """
for author in s7.authors:
    s7.lab.send("mallory@gamma.example", "$user", from_=author, client=s7.client, subject="$subject", text="Pay!")
s7.lab.zone.edit("_dmarc.$weak", TXT="v=DMARC1; p=reject")
"""

M5 = r"""
import re
from mailedu.message import Message

servers = {"192.0.2.25": "mx.alpha.example", "198.51.100.25": "mx.beta.example", "203.0.113.25": "mx.gamma.example"}
answers = {}
for name, letter in m5.letters.items():
    lines = [field.text for field in Message(letter).all("Received")]
    believed, host = [], "mx.beta.example"
    for line in lines:
        if f" by {host} " not in line:
            break
        believed.append(re.search(r"\[([\d.]+)\]", line)[1])
        host = servers.get(believed[-1], "nobody")
    answers[name] = (believed[-1], len(lines) - len(believed))
"""

SOLUTIONS = {
    "S6": {
        "right": S6,
        "wrong": [
            # All recipients, as lab.send writes them: the blind copy stands in To.
            ('s6.lab.send(s6.user, ["$to", "$cc", "$bcc"], subject="$subject", text="Hello.")',
             "Which fields does everybody see"),
            # A field Bcc, and nobody on the envelope for it.
            ('s6.lab.send(s6.user, ["$to", "$cc"], subject="$subject", text="Hello.",\n'
             '            headers={"To": "$to", "Cc": "$cc", "Bcc": "$bcc"})',
             "Which server has read that field"),
            # Straight to the servers with a field Bcc, which no MX takes out.
            ("""
for address in ("$to", "$cc", "$bcc"):
    call = s6.lab.smtp("mx." + address.partition("@")[2], client="192.0.2.25")
    for line in ["EHLO mx.alpha.example", "MAIL FROM:<$user>", "RCPT TO:<" + address + ">", "DATA"]:
        call.send(line)
    call.send("From: $user\\r\\nTo: $to\\r\\nCc: $cc\\r\\nBcc: $bcc\\r\\nSubject: $subject\\r\\n\\r\\nHello.\\r\\n.")
""", "Who could have taken that line out"),
            # Two letters: the hidden one is written to by himself.
            ("""
s6.lab.send(s6.user, ["$to", "$cc"], subject="$subject", text="Hello.", headers={"To": "$to", "Cc": "$cc"})
s6.lab.send(s6.user, "$bcc", subject="$subject", text="Hello.")
""", "does each of them read the same"),
            # Two letters that look the same.
            ("""
for recipients in (["$to", "$cc"], ["$bcc"]):
    s6.lab.send(s6.user, recipients, subject="$subject", text="Hello.", headers={"To": "$to", "Cc": "$cc"})
""", "How does one letter get three addresses"),
        ],
    },
    "S7": {
        "right": S7,
        "wrong": [
            # As herself.
            ('s7.lab.send("mallory@gamma.example", "$user", client=s7.client, subject="$subject", text="Pay!")',
             "Whom does the reader take for its author"),
            # In the name of somebody whose company looks.
            ("""
for author in s7.authors:
    if not author.endswith("@$weak"):
        s7.lab.send("mallory@gamma.example", "$user", from_=author, client=s7.client, subject="$subject", text="Pay!")
s7.lab.zone.edit("_dmarc.$weak", TXT="v=DMARC1; p=reject")
""" , "Do all companies ask for that"),
            # With the address of a server that is not hers.
            (S7.replace("client=s7.client", 'client="192.0.2.25" if author.endswith("alpha.example") else "198.51.100.25"'),
             "and nowhere else"),
            # First a record was opened, then a letter sent, then the record was closed again.
            ("""
s7.lab.zone.edit("_dmarc.$weak", TXT=None)
""" + S7, "Which company's gap was there already"),
            # The wrong company's record.
            (S7.replace("_dmarc.$weak", "_dmarc.gamma.example"), "example is v=DMARC1; p=none"),
            # The record is gone: now nobody asks for anything.
            (S7.replace('TXT="v=DMARC1; p=reject"', "TXT=None"), "example is not there"),
            # Closed for everybody: the honest letters do not get in either.
            (S7 + """
s7.lab.zone.edit("lab._domainkey.$weak", TXT=None)
s7.lab.zone.edit("$weak", TXT="v=spf1 -all")
""", "Which record had nothing to do with the gap"),
        ],
    },
    "M5": {
        "right": M5,
        "wrong": [
            # The lowest line, because that is where a letter begins.
            (M5.replace("answers[name] = (believed[-1], ", r'answers[name] = (re.search(r"\[([\d.]+)\]", lines[-1])[1], '), "Who wrote that line"),
            # The topmost line only.
            (M5.replace("(believed[-1], len(lines) - len(believed))", "(believed[0], len(lines) - 1)"),
             "That is one of the servers"),
            # Right addresses, and nothing below the topmost line is believed.
            (M5.replace("len(lines) - len(believed)", "len(lines) - 1"), "A line that one of the three servers wrote"),
            # Right addresses, and everything is believed.
            (M5.replace("len(lines) - len(believed)", "0"), "The caller at that address"),
            # The names that the callers gave.
            (M5.replace(
                "answers[name] = (believed[-1]", 'answers[name] = (lines[len(believed) - 1].split()[1]'),
             "The address stands in brackets"),
        ],
    },
}
