"""Answers to the exercises of lesson 09, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$domain` is the exercise's `.domain`.
"""

SIGNED = """
message = Message(letter)
bh = b64encode(sha256(relaxed_body(message.body)).digest()).decode()
field = f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=$domain;\\r\\n s=lab; h=from:to:subject; bh={bh}; b="
fields = [message.all(name)[-1].data for name in ("from", "to", "subject")]
octets = b"".join(map(relaxed_field, [*fields, field.encode()])).removesuffix(b"\\r\\n")
return field.encode() + b64encode(key.sign(octets)) + b"\\r\\n" + letter
"""

# What each change of D4 does, when the word of c= that is meant is simple, and when it is relaxed.
TABLE = """
verdicts = {
    "The name `Subject` is written": ("fields", "none"),
    "The Subject is folded": ("fields", "none"),
    "One blank inside the Subject": ("fields", "none"),
    "One blank inside a line of the body": ("body", "none"),
    "A blank is added at the end": ("body", "none"),
    "A blank inside the Subject is taken": ("fields", "fields"),
    "A Received field": ("none", "none"),
    "A field `X-Mailer`": ("none", "none"),
    "A second Subject is put on top": ("none", "none"),
    "A second Subject is added below": ("fields", "fields"),
    "A second From": ("fields", "fields"),
    "To and Subject": ("none", "none"),
    "An empty line is added at the end": ("none", "none"),
    "An empty line is added before": ("body", "body"),
    "A blank is added before": ("body", "body"),
    "One letter of the body": ("body", "body"),
    "One letter of the value of b=": ("fields", "fields"),
    "One letter of the value of bh=": ("both", "both"),
}
for_fields, for_body = "$forms".split("/")
predicted = []
for change in d4.changes:
    simple, relaxed = next(both for words, both in verdicts.items() if change.startswith(words))
    form = for_body if simple == "body" else for_fields
    predicted.append(relaxed if form == "relaxed" else simple)
"""

CULPRITS = """
def fields(letter):
    return {field.name.lower(): field.text for field in Message(letter).fields}

def copied(letter):
    z = "".join(re.search(r"z=([^;]*);", fields(letter)["dkim-signature"])[1].split())
    unquoted = [re.sub("=(..)", lambda found: chr(int(found[1], 16)), one) for one in z.split("|")]
    return {one.partition(":")[0].lower(): one.partition(":")[2].strip() for one in unquoted}

def culprit(letter):
    one = d7.lab.verify_dkim(letter)[0]
    if one.rule in ("dkim.no-key", "dkim.revoked") or "another key" in one.reason:
        return f"{one.selector}._domainkey.{one.domain}"
    if one.rule == "dkim.signature-differs":
        return next(name for name, value in copied(letter).items() if fields(letter)[name] != value)
    return {"dkim.body-differs": "body", "dkim.expired": "x="}.get(one.rule, "b=")

culprits = [culprit(letter) for letter in d7.letters]
"""

SOLUTIONS = {
    "D1": {
        "right": """
lines = [re.sub(rb"[ \\t]+", b" ", line.rstrip(b" \\t")) for line in body.split(b"\\r\\n")]
while lines and not lines[-1]:
    lines.pop()
return b"".join(line + b"\\r\\n" for line in lines)
""",
        "wrong": [
            # The ends of the lines only.
            (
                """
lines = [line.rstrip(b" \\t") for line in body.split(b"\\r\\n")]
while lines and not lines[-1]:
    lines.pop()
return b"".join(line + b"\\r\\n" for line in lines)
""",
                "What becomes of several blanks inside a line?",
            ),
            # Words joined by single blanks: a line that begins with a blank loses it.
            (
                """
lines = [b" ".join(re.findall(rb"[^ \\t]+", line)) for line in body.split(b"\\r\\n")]
while lines and not lines[-1]:
    lines.pop()
return b"".join(line + b"\\r\\n" for line in lines)
""",
                "What becomes of blanks at the beginning of a line?",
            ),
            # All empty lines go.
            (
                """
lines = [re.sub(rb"[ \\t]+", b" ", line.rstrip(b" \\t")) for line in body.split(b"\\r\\n")]
return b"".join(line + b"\\r\\n" for line in lines if line)
""",
                "Which empty lines go: all of them?",
            ),
            # An empty body as in the simple form.
            (
                """
lines = [re.sub(rb"[ \\t]+", b" ", line.rstrip(b" \\t")) for line in body.split(b"\\r\\n")]
while lines and not lines[-1]:
    lines.pop()
return b"\\r\\n".join(lines) + b"\\r\\n"
""",
                "What is hashed of an empty body, in the relaxed form?",
            ),
        ],
    },
    "D2": {
        "right": SIGNED,
        "wrong": [
            # The body as it came.
            (SIGNED.replace("relaxed_body(message.body)", "message.body"), "In which form is the body hashed?"),
            # The last line end is left in.
            (SIGNED.replace('.removesuffix(b"\\r\\n")', ""), "Your input ends with a CRLF."),
            # The hash of a hash.
            (SIGNED.replace("key.sign(octets)", "key.sign(sha256(octets).digest())"), "The key takes the hash itself."),
            # The fields in the order of the letter, or of the alphabet, whatever h= says.
            (
                SIGNED.replace('in ("from", "to", "subject")', 'in ("from", "subject", "to")'),
                "who decides on the order",
            ),
            # From alone is signed.
            (
                SIGNED.replace("h=from:to:subject", "h=from").replace('"from", "to", "subject"', '"from",'),
                "Which three",
            ),
        ],
    },
    "D3": {
        "right": """
forged = d3.letter.replace(b"$amount", b"$forged")
new = b64encode(sha256(relaxed_body(Message(forged).body)).digest())
forged = forged.replace(b"$bh", new, 1)
""",
        "wrong": [
            # The amount alone.
            (
                """
forged = d3.letter.replace(b"$amount", b"$forged")
""",
                "What does bh= hold, and who can compute that?",
            ),
            # The hash of the body as it came, not of its canonical form.
            (
                """
forged = d3.letter.replace(b"$amount", b"$forged")
forged = forged.replace(b"$bh", b64encode(sha256(Message(forged).body).digest()), 1)
""",
                "Which octets are hashed, and in which form?",
            ),
            # Signed anew, with alpha's own key: that is no forgery.
            (
                """
forged = d3.letter.replace(b"$amount", b"$forged")
forged = d3.lab.sign_dkim(forged[len(Message(forged).all("DKIM-Signature")[0].data):]).message
""",
                "Whose is b= now?",
            ),
        ],
    },
    "D4": {
        "right": TABLE,
        "wrong": [
            # The two words of c= mixed up.
            (TABLE.replace("for_fields, for_body", "for_body, for_fields"), "c= has two words"),
            # Whatever is changed, all is lost.
            (
                """
predicted = ["both"] * 10
""",
                "Both? One hash is over the body",
            ),
            # One too few.
            (TABLE + "predicted.pop()\n", "Ten words are asked for"),
        ],
    },
    "D5": {
        "right": """
doubled = b"Subject: $wanted\\r\\n" + d5.letter
names = "from:to:subject:date:from:subject"
""",
        "wrong": [
            # The second Subject stands below the first one.
            (
                """
doubled = d5.letter.replace(b"\\r\\n\\r\\n", b"\\r\\nSubject: $wanted\\r\\n\\r\\n", 1)
names = "from:to:subject:date:from:subject"
""",
                "From which end does a verifier count",
            ),
            # Not repaired.
            (
                """
doubled = b"Subject: $wanted\\r\\n" + d5.letter
names = "from:to:subject:date:message-id"
""",
                "How many Subjects does your h= speak of",
            ),
            # Only the Subject is oversigned.
            (
                """
doubled = b"Subject: $wanted\\r\\n" + d5.letter
names = "from:to:subject:date:subject"
""",
                "The same trick works with From.",
            ),
            # Everything is signed, what others add too.
            (
                """
doubled = b"Subject: $wanted\\r\\n" + d5.letter
names = "from:to:subject:date:from:subject:received"
""",
                "What do honest servers add on the way",
            ),
        ],
    },
    "D6": {
        "right": """
lag, slow = map(int, "$hours".split())
plan = {"publish": 0, "sign": lag + 1, "withdraw": lag + slow + 2}
""",
        "wrong": [
            # All in one minute.
            (
                """
plan = {"publish": 0, "sign": 0, "withdraw": 0}
""",
                "and when did you begin to sign with it?",
            ),
            # The old key goes when the new one comes.
            (
                """
lag, slow = map(int, "$hours".split())
plan = {"publish": 0, "sign": lag + 1, "withdraw": lag + 1}
""",
                "What was there for it to be checked with when it came?",
            ),
            # The old one goes before anybody signs with the new one.
            (
                """
lag, slow = map(int, "$hours".split())
plan = {"publish": 0, "sign": lag + 3, "withdraw": 0}
""",
                "When do you go over to",
            ),
            # To be on the safe side the old key stays.
            (
                """
lag, slow = map(int, "$hours".split())
plan = {"publish": 0, "sign": lag + 1, "withdraw": 1000}
""",
                "whom does it serve?",
            ),
        ],
    },
    "D7": {
        "right": CULPRITS,
        "wrong": [
            # What the verifier calls it, without a second look.
            (
                CULPRITS.replace(
                    "return next(name for name, value in copied(letter).items() if fields(letter)[name] != value)",
                    'return "b="',
                ),
                "Compare z= with the letter.",
            ),
            # The selector is blamed for what is missing under it.
            (CULPRITS.replace('return f"{one.selector}._domainkey.{one.domain}"', 'return "s="'), "you said s=."),
            # A letter that expired is one whose signature is bad.
            (CULPRITS.replace('"dkim.expired": "x="', '"dkim.expired": "t="'), "until when it is to be believed"),
        ],
    },
}
