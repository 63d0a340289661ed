"""Answers to the exercises of lesson 01, for teachers and for the tests.  `journey.py` says how they are written."""

LETTER_1 = r"""
letter = "From: $sender\r\nTo: $recipient\r\nSubject: $subject\r\n\r\n$text\r\n."
"""
LETTER_3 = r"""
def hand_over(text):
    for line in ["EHLO mx.alpha.example", "MAIL FROM:<$sender>", "RCPT TO:<$recipient>", "DATA", "Subject: Dots", ""]:
        smtp.send(line)
    for line in [*text, ".", "QUIT"]:
        smtp.send(line)
"""
LETTER_5 = r"""
def letter(recipient, subject):
    for line in ["MAIL FROM:<$sender>", f"RCPT TO:<{recipient}>", "DATA",
                 f"From: $sender\r\nSubject: {subject}\r\n\r\nHello.\r\n."]:
        smtp.send(line)

smtp.send("EHLO mx.alpha.example")
"""
CODES = r"""
import base64

beta = s2.lab.smtp("mx.beta.example")
for line in ["EHLO client.example", "FROG", "EHLO", "RCPT TO:<bob@beta.example>", "MAIL FROM:<a@client.example>",
             "RCPT TO:<nobody@beta.example>", "RCPT TO:<bob@beta.example>", "DATA"]:
    beta.send(line)

def log_in(password):
    smtp.send("AUTH PLAIN " + base64.b64encode(f"\0{s2.user}\0{password}".encode()).decode())

smtp.send("EHLO client.example")
"""
ROWS = """
rows = [
    ("GREETED", "EHLO", "READY"), ("GREETED", "HELO", "READY"), ("GREETED", "RSET", "GREETED"),
    ("READY", "EHLO", "READY"), ("READY", "HELO", "READY"), ("READY", "RSET", "READY"), ("READY", "MAIL", "MAIL"),
    ("MAIL", "EHLO", "READY"), ("MAIL", "HELO", "READY"), ("MAIL", "RSET", "READY"), ("MAIL", "RCPT", "RCPT"),
    ("RCPT", "EHLO", "READY"), ("RCPT", "HELO", "READY"), ("RCPT", "RSET", "READY"), ("RCPT", "RCPT", "RCPT"),
    ("RCPT", "DATA", "DATA"), ("DATA", ".", "READY"),
]
for state in ["GREETED", "READY", "MAIL", "RCPT"]:
    rows += [(state, "NOOP", state), (state, "QUIT", "CLOSED")]
"""

SOLUTIONS = {
    "S1": {
        "right": LETTER_1
        + """
for line in ["EHLO mx.alpha.example", "MAIL FROM:<$sender>", "RCPT TO:<$recipient>", "DATA", letter, "QUIT"]:
    smtp.send(line)
""",
        "wrong": [
            # No line with a dot, so the letter goes on, and QUIT is a line of it.
            (
                LETTER_1
                + """
for line in ["EHLO mx.alpha.example", "MAIL FROM:<$sender>", "RCPT TO:<$recipient>", "DATA", letter[:-3], "QUIT"]:
    smtp.send(line)
""",
                "in the state DATA",
            ),
            # No empty line between header and text.
            (
                LETTER_1
                + r"""
letter = letter.replace("\r\n\r\n", "\r\n")
for line in ["EHLO mx.alpha.example", "MAIL FROM:<$sender>", "RCPT TO:<$recipient>", "DATA", letter, "QUIT"]:
    smtp.send(line)
""",
                "has no empty line",
            ),
            # A space after the colon, as people write it on paper.
            (
                LETTER_1
                + """
for line in ["EHLO mx.alpha.example", "MAIL FROM: <$sender>", "RCPT TO: <$recipient>", "DATA", letter, "QUIT"]:
    smtp.send(line)
""",
                "What does the server want to hear instead",
            ),
            # By the lab's own client.
            (
                """
s1.lab.send("$sender", "$recipient", subject="$subject", text="$text")
""",
                "You used lab.send",
            ),
            # From: is right, and the envelope names somebody else.
            (
                LETTER_1
                + """
for line in ["EHLO mx.alpha.example", "MAIL FROM:<postmaster@alpha.example>", "RCPT TO:<$recipient>", "DATA", letter,
             "QUIT"]:
    smtp.send(line)
""",
                "Which command tells the server who sends?",
            ),
            # Nobody said goodbye.
            (
                LETTER_1
                + """
for line in ["EHLO mx.alpha.example", "MAIL FROM:<$sender>", "RCPT TO:<$recipient>", "DATA", letter]:
    smtp.send(line)
""",
                "the server did not hear QUIT",
            ),
        ],
    },
    "S2": {
        "right": CODES
        + """
smtp.send("MAIL FROM:<$user>")                             # 530
log_in("wrong")                                            # 535
log_in(s2.password)
smtp.send("MAIL FROM:<$user> SIZE=99999999")               # 552
smtp.send("MAIL FROM:<$user>")
for number in range(101):
    smtp.send(f"RCPT TO:<n{number}@gamma.example>")        # 452 to the last
other = s2.lab.smtp("mx.beta.example")
for line in ["EHLO client.example", "MAIL FROM:<a@client.example>", *(f"RCPT TO:<{one}>" for one in s2.lab.people)]:
    other.send(line)                                       # 450 for one of them
s2.lab.clock.advance(minutes=6)                            # 421
""",
        "wrong": [
            # All that can be had at once; nobody was ever silent.
            (
                CODES
                + """
smtp.send("MAIL FROM:<$user>")
log_in("wrong")
log_in(s2.password)
smtp.send("MAIL FROM:<$user> SIZE=99999999")
smtp.send("MAIL FROM:<$user>")
for number in range(101):
    smtp.send(f"RCPT TO:<n{number}@gamma.example>")
beta.send("RCPT TO:<$busy>")
""",
                "still to come: 421, 450.",
            ),
            # At port 25 nobody can log in, so nobody can fail to.
            (
                CODES
                + """
for line in ["EHLO client.example", "AUTH PLAIN AGFsaWNlAHdyb25n", "MAIL FROM:<a@client.example>",
             "RCPT TO:<$busy>", "MAIL FROM:<a@client.example> SIZE=99999999"]:
    s2.lab.smtp("mx.beta.example").send(line)
s2.lab.clock.advance(minutes=6)
""",
                "530, 535",
            ),
        ],
    },
    "S3": {
        "right": LETTER_3
        + r"""
hand_over("." + line if line.startswith(".") else line for line in s3.text.split("\n"))
""",
        "wrong": [
            # As it is.
            (
                LETTER_3
                + r"""
hand_over(s3.text.split("\n"))
""",
                "is a single dot, and there the letter ends",
            ),
            # Only the dangerous line is changed.
            (
                LETTER_3
                + r"""
hand_over(".." if line == "." else line for line in s3.text.split("\n"))
""",
                "has lost a dot",
            ),
            # A dot before every line.
            (
                LETTER_3
                + r"""
hand_over("." + line for line in s3.text.split("\n"))
""",
                "is empty, and there the letter ends",
            ),
            # Every dot twice.
            (
                LETTER_3
                + r"""
hand_over(line.replace(".", "..") for line in s3.text.split("\n"))
""",
                "has a dot too many",
            ),
        ],
    },
    "S4": {
        "right": r"""
smtp.send("EHLO mx.alpha.example")
smtp.send("MAIL FROM:<$sender>")
for one in s4.recipients:
    if smtp.send(f"RCPT TO:<{one}>").startswith("5"):
        nobody = one
smtp.send("DATA")
smtp.send("From: $sender\r\nSubject: For all\r\n\r\nHello.\r\n.")
smtp.send("QUIT")
""",
        "wrong": [
            # One after the other.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
for one in s4.recipients:
    smtp.send("MAIL FROM:<$sender>")
    if smtp.send(f"RCPT TO:<{one}>").startswith("5"):
        nobody = one
        smtp.send("RSET")
    else:
        smtp.send("DATA")
        smtp.send("From: $sender\r\nSubject: For all\r\n\r\nHello.\r\n.")
""",
                "The server said 354 2 times",
            ),
            # The first no ends it.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
smtp.send("MAIL FROM:<$sender>")
for one in s4.recipients:
    if smtp.send(f"RCPT TO:<{one}>").startswith("5"):
        nobody = one
        break
smtp.send("RSET")
smtp.send("QUIT")
""",
                "and you gave up",
            ),
            # One recipient is forgotten.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
smtp.send("MAIL FROM:<$sender>")
for one in s4.recipients[:2]:
    if smtp.send(f"RCPT TO:<{one}>").startswith("5"):
        nobody = one
smtp.send("DATA")
smtp.send("From: $sender\r\nSubject: For all\r\n\r\nHello.\r\n.")
""",
                "You never asked for",
            ),
            # The answers counted from the wrong end.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
smtp.send("MAIL FROM:<$sender>")
for one in s4.recipients:
    smtp.send(f"RCPT TO:<{one}>")
smtp.send("DATA")
smtp.send("From: $sender\r\nSubject: For all\r\n\r\nHello.\r\n.")
nobody = s4.recipients[-1]
""",
                "Which command does an answer belong to?",
            ),
        ],
    },
    "S5": {
        "right": LETTER_5
        + """
letter("$first", "$one")
smtp.send("MAIL FROM:<$sender>")
smtp.send("RCPT TO:<$mistaken>")
smtp.send("RSET")
letter("$second", "$two")
smtp.send("QUIT")
""",
        "wrong": [
            # A new MAIL is no way to take the old one back.
            (
                LETTER_5
                + """
letter("$first", "$one")
smtp.send("MAIL FROM:<$sender>")
smtp.send("RCPT TO:<$mistaken>")
letter("$second", "$two")
smtp.send("QUIT")
""",
                "Your second MAIL was answered",
            ),
            # Hanging up takes it back too, but then it is another call.
            (
                LETTER_5
                + """
letter("$first", "$one")
smtp.send("MAIL FROM:<$sender>")
smtp.send("RCPT TO:<$mistaken>")
smtp.send("QUIT")
smtp = s5.lab.smtp("mx.beta.example", client=s5.client)
smtp.send("EHLO mx.alpha.example")
letter("$second", "$two")
smtp.send("QUIT")
""",
                "The letters came in two calls.",
            ),
            # An empty letter is a letter.
            (
                LETTER_5
                + """
letter("$first", "$one")
smtp.send("MAIL FROM:<$sender>")
smtp.send("RCPT TO:<$mistaken>")
smtp.send("DATA")
smtp.send(".")
letter("$second", "$two")
smtp.send("QUIT")
""",
                "got an empty letter",
            ),
            # Taken back before anything was there.
            (
                LETTER_5
                + """
letter("$first", "$one")
smtp.send("MAIL FROM:<$sender>")
smtp.send("RSET")
letter("$second", "$two")
smtp.send("QUIT")
""",
                "How far must it get",
            ),
        ],
    },
    "S8": {
        "right": r"""
offers = {}
if reply.startswith("250"):
    for line in reply.split("\n")[1:]:
        word, *values = line[4:].split()
        offers[word.upper()] = values
return offers
""",
        "wrong": [
            # The greeting is taken for an offer.
            (
                r"""
offers = {}
if reply.startswith("250"):
    for line in reply.split("\n"):
        word, *values = line[4:].split()
        offers[word.upper()] = values
return offers
""",
                "Which of the lines only greets?",
            ),
            # The last line has no hyphen.
            (
                r"""
offers = {}
for line in reply.split("\n")[1:]:
    if line.startswith("250-"):
        word, *values = line[4:].split()
        offers[word.upper()] = values
return offers
""",
                "How does the last line of a reply differ",
            ),
            # Letters as they come.
            (
                r"""
offers = {}
if reply.startswith("250"):
    for line in reply.split("\n")[1:]:
        word, *values = line[4:].split()
        offers[word] = values
return offers
""",
                "Does case matter in a keyword",
            ),
            # Whatever is said is read.
            (
                r"""
offers = {}
for line in reply.split("\n")[1:]:
    word, *values = line[4:].split()
    offers[word.upper()] = values
return offers
""",
                "Which digits come before everything else?",
            ),
            # One text instead of a list.
            (
                r"""
offers = {}
if reply.startswith("250"):
    for line in reply.split("\n")[1:]:
        word, _, values = line[4:].partition(" ")
        offers[word.upper()] = values
return offers
""",
                "How many words may stand behind a keyword",
            ),
        ],
    },
    "S9": {
        "right": r"""
smtp.send("EHLO mx.alpha.example")
commands = ["MAIL FROM:<$sender>", *(f"RCPT TO:<{one}>" for one in s9.recipients), "DATA"]
replies = smtp.send("\r\n".join(commands)).split("\n")[1:]
smtp.send("From: $sender\r\nSubject: $subject\r\n\r\nHello.\r\n.\r\nQUIT")
refused = [one for one, reply in zip(s9.recipients, replies) if reply.startswith("5")]
""",
        "wrong": [
            # One thing at a time.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
smtp.send("MAIL FROM:<$sender>")
refused = [one for one in s9.recipients if smtp.send(f"RCPT TO:<{one}>").startswith("5")]
smtp.send("DATA")
smtp.send("From: $sender\r\nSubject: $subject\r\n\r\nHello.\r\n.")
smtp.send("QUIT")
""",
                "You sent something and waited 15 times",
            ),
            # EHLO along with the rest, before anybody knows that this server can do it.
            (
                r"""
commands = ["EHLO mx.alpha.example", "MAIL FROM:<$sender>", *(f"RCPT TO:<{one}>" for one in s9.recipients), "DATA"]
replies = smtp.send("\r\n".join(commands)).split("\n")[-11:]
smtp.send("From: $sender\r\nSubject: $subject\r\n\r\nHello.\r\n.\r\nQUIT")
refused = [one for one, reply in zip(s9.recipients, replies) if reply.startswith("5")]
""",
                "before you had heard the answer to EHLO",
            ),
            # The letter along with DATA, in the hope of a 354.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
commands = ["MAIL FROM:<$sender>", *(f"RCPT TO:<{one}>" for one in s9.recipients), "DATA"]
commands += ["From: $sender", "Subject: $subject", "", "Hello.", "."]
replies = smtp.send("\r\n".join(commands)).split("\n")[1:]
smtp.send("QUIT")
refused = [one for one, reply in zip(s9.recipients, replies) if reply.startswith("5")]
""",
                "before you had heard the answer to DATA",
            ),
            # The reply to MAIL counted as the first recipient's.
            (
                r"""
smtp.send("EHLO mx.alpha.example")
commands = ["MAIL FROM:<$sender>", *(f"RCPT TO:<{one}>" for one in s9.recipients), "DATA"]
replies = smtp.send("\r\n".join(commands)).split("\n")
smtp.send("From: $sender\r\nSubject: $subject\r\n\r\nHello.\r\n.\r\nQUIT")
refused = [one for one, reply in zip(s9.recipients, replies) if reply.startswith("5")]
""",
                "Which reply belongs to which command?",
            ),
        ],
    },
    "S10": {
        "right": """
what = {"2": "done", "3": "go on", "4": "again"}.get(code[:1], "give up")
return what, SUBJECTS[int(enhanced.split(".")[1])] if enhanced else ""
""",
        "wrong": [
            # A list of the codes one knows.
            (
                """
what = {"250": "done", "354": "go on", "421": "again", "450": "again", "451": "again", "452": "again"}
return what.get(code, "give up"), SUBJECTS[int(enhanced.split(".")[1])] if enhanced else ""
""",
                "Is that code in a list of yours?",
            ),
            # The enhanced code, where there is one.
            (
                """
what = {"2": "done", "3": "go on", "4": "again"}.get((enhanced or code)[:1], "give up")
return what, SUBJECTS[int(enhanced.split(".")[1])] if enhanced else ""
""",
                "The two halves contradict each other",
            ),
            # There always is an enhanced code, one thinks.
            (
                """
what = {"2": "done", "3": "go on", "4": "again"}.get(code[:1], "give up")
return what, SUBJECTS[int(enhanced.split(".")[1])]
""",
                "IndexError",
            ),
            # What is no no is a yes.
            (
                """
what = {"3": "go on", "4": "again", "5": "give up"}.get(code[:1], "done")
return what, SUBJECTS[int(enhanced.split(".")[1])] if enhanced else ""
""",
                "No reply of SMTP begins with that digit",
            ),
            # The last number.
            (
                """
what = {"2": "done", "3": "go on", "4": "again"}.get(code[:1], "give up")
return what, SUBJECTS[int(enhanced.split(".")[2]) % 8] if enhanced else ""
""",
                "Which of the three numbers is the subject",
            ),
        ],
    },
    "S11": {
        "right": ROWS,
        "wrong": [
            # RSET as if the call began anew.
            (
                ROWS
                + """
rows = [(state, command, "GREETED" if command == "RSET" else then) for state, command, then in rows]
""",
                "It was in the state GREETED",
            ),
            # A new MAIL in the place of the old one.
            (
                ROWS
                + """
rows += [("MAIL", "MAIL", "MAIL"), ("RCPT", "MAIL", "MAIL")]
""",
                "your server said 250, and should say 503",
            ),
            # Added, and the wrong ones left in.
            (
                ROWS
                + """
rows = s11.rows + [row for row in rows if row not in s11.rows]
""",
                "There are two rows for",
            ),
        ],
    },
}
