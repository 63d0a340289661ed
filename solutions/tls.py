"""Answers to the exercises of lesson 05, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.
"""

READ = """
for name in t1.calls:
    for words in t1.lab.tap(name).passwords:
        address, password = words.split(" · ")
        found = (address, password)
"""

TABLE = """
table = {"none": [], "testing": [], "enforce": []}
for situation in t4.situations:
    stripped, good = "stripped" in situation, situation.startswith("its own")
    table["none"].append("clear" if stripped else "TLS")
    table["testing"].append("clear" if stripped else "TLS")
    table["enforce"].append("TLS" if good else "waits")
"""

SOLUTIONS = {
    "T1": {
        "right": READ + 't1.lab.configure("mx.alpha.example", plain_needs_tls=True)\n',
        "wrong": [
            # Read, and nothing mended.
            (READ, "What does the server offer before there is TLS?"),
            # 530 comes when the password has been shown already.
            (
                READ + 't1.lab.configure("mx.alpha.example", tls_required=True)\n',
                "Which of the server's settings speaks before the password does?",
            ),
            # The attacker is sent home, and comes back.
            (READ + "t1.lab.attacker.stop()\n", "Who decides whether he sits there"),
            # No log-in at all is safe, and useless.
            (
                READ + 't1.lab.configure("mx.alpha.example", without=["AUTH"])\n',
                "is not among nothing",
            ),
            # A server that is off.
            (READ + 't1.lab.stop("mx.alpha.example")\n', "nobody listens on"),
            # Somebody else.
            (
                READ
                + """
other = next(one for one in t1.people if one != found[0])
found = (other, t1.lab.password(other))
t1.lab.configure("mx.alpha.example", plain_needs_tls=True)
""",
                "In which of the three calls does somebody log in without TLS?",
            ),
            # The base64 as it stood on the wire.
            (
                READ
                + """
found = (found[0], "AGFsaWNlAGxhYi1hbGljZQ==")
t1.lab.configure("mx.alpha.example", plain_needs_tls=True)
""",
                "What does the tap write under the base64, after the sign =?",
            ),
        ],
    },
    "T2": {
        "right": """
    reply = smtp.send("EHLO laptop.alpha.example")
    words = [line[4:].strip().upper() for line in reply.split("\\n")[1:]]
    if "STARTTLS" not in words or not smtp.send("STARTTLS").startswith("220"):
        smtp.send("QUIT")
        return False
    if smtp.starttls():
        return False
    smtp.send("EHLO laptop.alpha.example")
    return smtp.send("AUTH PLAIN " + token).startswith("235")
""",
        "wrong": [
            # What stood there: it takes TLS where it can.
            (
                """
    reply = smtp.send("EHLO laptop.alpha.example")
    if "STARTTLS" in reply:
        smtp.send("STARTTLS")
        smtp.starttls()
        smtp.send("EHLO laptop.alpha.example")
    return smtp.send("AUTH PLAIN " + token).startswith("235")
""",
                "STARTTLS is stripped: your program said",
            ),
            # 454 is not looked at: the handshake does not come, and it goes on.
            (
                """
    if "STARTTLS" not in smtp.send("EHLO laptop.alpha.example"):
        smtp.send("QUIT")
        return False
    if smtp.send("STARTTLS").startswith("220"):
        smtp.starttls()
    smtp.send("EHLO laptop.alpha.example")
    return smtp.send("AUTH PLAIN " + token).startswith("235")
""",
                "The server says 454 to STARTTLS: your program said",
            ),
            # No second EHLO.
            (
                """
    if "STARTTLS" not in smtp.send("EHLO laptop.alpha.example") or not smtp.send("STARTTLS").startswith("220"):
        smtp.send("QUIT")
        return False
    if smtp.starttls():
        return False
    return smtp.send("AUTH PLAIN " + token).startswith("235")
""",
                "What has the server forgotten at the handshake?",
            ),
            # Never logs in: safe, and of no use.
            (
                """
    smtp.send("EHLO laptop.alpha.example")
    smtp.send("QUIT")
    return False
""",
                "Does it do the handshake, where STARTTLS is offered?",
            ),
            # Leaves without a word.
            (
                """
    if "STARTTLS" not in smtp.send("EHLO laptop.alpha.example") or not smtp.send("STARTTLS").startswith("220"):
        return False
    if smtp.starttls():
        return False
    smtp.send("EHLO laptop.alpha.example")
    return smtp.send("AUTH PLAIN " + token).startswith("235")
""",
                "How does a server learn that you are done?",
            ),
            # The reply instead of True or False.
            (
                """
    reply = smtp.send("EHLO laptop.alpha.example")
    if "STARTTLS" not in reply or not smtp.send("STARTTLS").startswith("220"):
        smtp.send("QUIT")
        return "no TLS"
    if smtp.starttls():
        return False
    smtp.send("EHLO laptop.alpha.example")
    return smtp.send("AUTH PLAIN " + token).startswith("235")
""",
                "What does whoever calls it want to know?",
            ),
        ],
    },
    "T3": {
        "right": """
    if pieces[0][1][0] == 0x16:
        return "implicit"
    if any(who == "server" and octets[0] == 0x16 for who, octets in pieces):
        return "starttls"
    return "clear"
""",
        "wrong": [
            # The word is offered.
            (
                """
    if pieces[0][1][0] == 0x16:
        return "implicit"
    if any(b"STARTTLS" in octets or b"STLS" in octets for who, octets in pieces):
        return "starttls"
    return "clear"
""",
                "Is an offer of STARTTLS the same as TLS?",
            ),
            # The client has said it.
            (
                """
    if pieces[0][1][0] == 0x16:
        return "implicit"
    for who, octets in pieces:
        if who == "client" and octets.strip().upper().endswith((b"STARTTLS", b"STLS")):
            return "starttls"
    return "clear"
""",
                "Is it the word that makes TLS, or what comes behind it?",
            ),
            # Any octet 16, also a letter's.
            (
                """
    if pieces[0][1][0] == 0x16:
        return "implicit"
    return "starttls" if any(octets[0] == 0x16 for who, octets in pieces) else "clear"
""",
                "Who has sent those octets, and what has the other side answered?",
            ),
            # TLS is TLS.
            (
                """
    return "starttls" if any(who == "server" and octets[0] == 0x16 for who, octets in pieces) else "clear"
""",
                "Who speaks first, in TLS and without?",
            ),
            # Whether it begins in the clear.
            (
                """
    return "implicit" if pieces[0][1][0] == 0x16 else "clear"
""",
                "Which octet shows that a handshake begins, and where do you look for it?",
            ),
        ],
    },
    "T4": {
        "right": TABLE,
        "wrong": [
            # A sender minds certificates by itself.
            (
                TABLE + 'table["none"] = ["TLS" if "its own" in one else "waits" for one in t4.situations]\n',
                "Mode none",
            ),
            # testing is enforce.
            (TABLE + 'table["testing"] = table["enforce"]\n', "What does testing do to a letter, and what to a report"),
            # enforce minds the certificate, and sends in the clear where there is none.
            (
                TABLE
                + 'table["enforce"] = ["clear" if "stripped" in one else word for one, word in '
                + 'zip(t4.situations, table["enforce"])]\n',
                "What may a sender under enforce do with a host that fails",
            ),
            # Nothing filled in.
            ("pass\n", "three words are wanted"),
        ],
    },
}
