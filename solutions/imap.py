"""Answers to the exercises of lesson 07, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$user` and the like are the exercise's `.user`.
"""

LOG_IN = """
imap.send(f"a LOGIN {i2.user} {i2.password}")
imap.send("b SELECT INBOX")
"""

SOLUTIONS = {
    "I1": {
        "right": """
responses, start, at = [], 0, 0
while at < len(data):
    end = data.find(b"\\r\\n", at)
    literal = re.search(rb"\\{(\\d+)\\}\\Z", data[at:end])
    at = end + 2
    if literal:
        at += int(literal[1])
    else:
        responses.append(data[start:end])
        start = at
return responses
""",
        "wrong": [
            # Each line is taken for a response.
            (
                """
return data.removesuffix(b"\\r\\n").split(b"\\r\\n")
""",
                "What does a number in braces at the end of a line announce?",
            ),
            # One literal a response, and no more.
            (
                """
responses, at = [], 0
while at < len(data):
    end = data.find(b"\\r\\n", at)
    literal = re.search(rb"\\{(\\d+)\\}\\Z", data[at:end])
    if literal:
        end = data.find(b"\\r\\n", end + 2 + int(literal[1]))
    responses.append(data[at:end])
    at = end + 2
return responses
""",
                "and how many literals are in it?",
            ),
            # Braces anywhere in a line.
            (
                """
responses, start, at = [], 0, 0
while at < len(data):
    end = data.find(b"\\r\\n", at)
    literal = re.search(rb"\\{(\\d+)\\}", data[at:end])
    at = end + 2
    if literal:
        at += int(literal[1])
    else:
        responses.append(data[start:end])
        start = at
return responses
""",
                "is that brace at the end of a line?",
            ),
            # The line end stays on.
            (
                """
responses, start, at = [], 0, 0
while at < len(data):
    end = data.find(b"\\r\\n", at)
    literal = re.search(rb"\\{(\\d+)\\}\\Z", data[at:end])
    at = end + 2
    if literal:
        at += int(literal[1])
    else:
        responses.append(data[start:at])
        start = at
return responses
""",
                "and does it belong to it?",
            ),
        ],
    },
    "I2": {
        "right": LOG_IN
        + """
def uid(letter):
    return imap.send(f"s UID SEARCH SUBJECT {letter.subject}").split("\\n")[0].split()[-1]

imap.send(f"c CREATE {i2.target}")
imap.send(f"d UID MOVE {uid(i2.move_1)},{uid(i2.move_2)} {i2.target}")
imap.send(f"e UID STORE {uid(i2.flag)} +FLAGS (\\\\Flagged)")
imap.send(f"f UID STORE {uid(i2.drop)} +FLAGS.SILENT (\\\\Deleted)")
imap.send(f"g UID EXPUNGE {uid(i2.drop)}")
""",
        "wrong": [
            # Expunges whatever is marked.
            (
                LOG_IN
                + """
def uid(letter):
    return imap.send(f"s UID SEARCH SUBJECT {letter.subject}").split("\\n")[0].split()[-1]

imap.send(f"c CREATE {i2.target}")
imap.send(f"d UID MOVE {uid(i2.move_1)},{uid(i2.move_2)} {i2.target}")
imap.send(f"e UID STORE {uid(i2.flag)} +FLAGS (\\\\Flagged)")
imap.send(f"f UID STORE {uid(i2.drop)} +FLAGS.SILENT (\\\\Deleted)")
imap.send("g EXPUNGE")
""",
                "Which command expunges one letter, and no other?",
            ),
            # By numbers.
            (
                LOG_IN
                + """
def number(letter):
    return imap.send(f"s SEARCH SUBJECT {letter.subject}").split("\\n")[0].split()[-1]

imap.send(f"c CREATE {i2.target}")
imap.send(f"e STORE {number(i2.flag)} +FLAGS (\\\\Flagged)")
imap.send(f"d MOVE {number(i2.move_1)},{number(i2.move_2)} {i2.target}")
imap.send(f"f STORE {number(i2.drop)} +FLAGS.SILENT (\\\\Deleted)")
imap.send(f"g UID EXPUNGE {i2.drop.uid}")
""",
                "Which word in front makes it a UID?",
            ),
            # A copy stays behind.
            (
                LOG_IN
                + """
imap.send(f"c CREATE {i2.target}")
imap.send(f"d UID COPY {i2.move_1.uid},{i2.move_2.uid} {i2.target}")
imap.send(f"e UID STORE {i2.flag.uid} +FLAGS (\\\\Flagged)")
imap.send(f"f UID STORE {i2.drop.uid} +FLAGS.SILENT (\\\\Deleted)")
imap.send(f"g UID EXPUNGE {i2.drop.uid}")
""",
                "What does COPY leave behind, and what does MOVE?",
            ),
            # Looks for the subjects by reading.
            (
                LOG_IN
                + """
imap.send("c UID FETCH 1:* (BODY[HEADER.FIELDS (SUBJECT)])")
imap.send(f"c CREATE {i2.target}")
imap.send(f"d UID MOVE {i2.move_1.uid},{i2.move_2.uid} {i2.target}")
imap.send(f"e UID STORE {i2.flag.uid} +FLAGS (\\\\Flagged)")
imap.send(f"f UID STORE {i2.drop.uid} +FLAGS.SILENT (\\\\Deleted)")
imap.send(f"g UID EXPUNGE {i2.drop.uid}")
""",
                "Which FETCH marks a letter as read, and which one peeks?",
            ),
            # Marked, and nothing carries it out.
            (
                LOG_IN
                + """
imap.send(f"c CREATE {i2.target}")
imap.send(f"d UID MOVE {i2.move_1.uid},{i2.move_2.uid} {i2.target}")
imap.send(f"e UID STORE {i2.flag.uid} +FLAGS (\\\\Flagged)")
imap.send(f"f UID STORE {i2.drop.uid} +FLAGS.SILENT (\\\\Deleted)")
""",
                "What carries a mark out?",
            ),
        ],
    },
    "I3": {
        "right": """
now = list(uids)
for line in lines:
    number, kind = int(line.split()[1]), line.split()[2]
    uid = re.search(r"UID (\\d+)", line)
    if kind == "EXPUNGE":
        del now[number - 1]
    elif kind == "EXISTS":
        now += [None] * (number - len(now))
    elif kind == "FETCH" and uid:
        now[number - 1] = int(uid[1])
return now
""",
        "wrong": [
            # Every EXPUNGE is thought to count as at the beginning.
            (
                """
now, gone = list(uids), set()
for line in lines:
    number, kind = int(line.split()[1]), line.split()[2]
    if kind == "EXPUNGE":
        gone.add(number)
return [uid for n, uid in enumerate(now, 1) if n not in gone]
""",
                "Which letter had that number at that moment, after the lines before it?",
            ),
            # What comes in is not counted.
            (
                """
now = list(uids)
for line in lines:
    number, kind = int(line.split()[1]), line.split()[2]
    if kind == "EXPUNGE":
        del now[number - 1]
return now
""",
                "How many are there now, and how many did it know of?",
            ),
            # RECENT is taken for news of letters.
            (
                """
now = list(uids)
for line in lines:
    number, kind = int(line.split()[1]), line.split()[2]
    if kind == "EXPUNGE":
        del now[number - 1]
    elif kind == "EXISTS":
        now += [None] * (number - len(now))
    elif kind == "RECENT":
        now += [None] * number
return now
""",
                "Does that line say anything about numbers?",
            ),
            # What FETCH tells is passed over.
            (
                """
now = list(uids)
for line in lines:
    number, kind = int(line.split()[1]), line.split()[2]
    if kind == "EXPUNGE":
        del now[number - 1]
    elif kind == "EXISTS":
        now += [None] * (number - len(now))
return now
""",
                "Whose UID does that line tell?",
            ),
        ],
    },
    "I4": {
        "right": """
imap.send(f"a LOGIN {i4.user} {i4.password}")
imap.send("b SELECT INBOX")
number = imap.send("c SEARCH LARGER 50000").split("\\n")[0].split()[-1]
shape = imap.send(f"d FETCH {number} (BODYSTRUCTURE)")
found = re.search(r'"BASE64" (\\d+) .*?"filename" "([^"]+)"', shape)
name, size = found[2], int(found[1])
""",
        "wrong": [
            # Fetches all of it, and looks.
            (
                """
imap.send(f"a LOGIN {i4.user} {i4.password}")
imap.send("b SELECT INBOX")
number = imap.send("c SEARCH LARGER 50000").split("\\n")[0].split()[-1]
letter = imap.send(f"d FETCH {number} (BODY.PEEK[])")
name, size = re.search(r'filename="?([\\w.-]+)', letter)[1], 1000
""",
                "Does peeking at a body send less of it?",
            ),
            # The size of the whole letter.
            (
                """
imap.send(f"a LOGIN {i4.user} {i4.password}")
imap.send("b SELECT INBOX")
number = imap.send("c SEARCH LARGER 50000").split("\\n")[0].split()[-1]
shape = imap.send(f"d FETCH {number} (RFC822.SIZE BODYSTRUCTURE)")
name = re.search(r'"filename" "([^"]+)"', shape)[1]
size = int(re.search(r"RFC822.SIZE (\\d+)", shape)[1])
""",
                "Which number belongs to that part alone?",
            ),
            # What it has when it is decoded.
            (
                """
imap.send(f"a LOGIN {i4.user} {i4.password}")
imap.send("b SELECT INBOX")
number = imap.send("c SEARCH LARGER 50000").split("\\n")[0].split()[-1]
shape = imap.send(f"d FETCH {number} (BODYSTRUCTURE)")
found = re.search(r'"BASE64" (\\d+) .*?"filename" "([^"]+)"', shape)
lines = -(-int(found[1]) // 78)
name, size = found[2], (int(found[1]) - 2 * lines) * 3 // 4
""",
                "How big is it as it travels?",
            ),
            # Reads the text of the letter on the way.
            (
                """
imap.send(f"a LOGIN {i4.user} {i4.password}")
imap.send("b SELECT INBOX")
number = imap.send("c SEARCH LARGER 50000").split("\\n")[0].split()[-1]
shape = imap.send(f"d FETCH {number} (BODYSTRUCTURE BODY[1])")
found = re.search(r'"BASE64" (\\d+) .*?"filename" "([^"]+)"', shape)
name, size = found[2], int(found[1])
""",
                "Which items of FETCH leave a letter as it was?",
            ),
        ],
    },
    "I5": {
        "right": """
for call in (phone, laptop):
    call.send(f"a LOGIN {i5.user} {i5.password}")
    call.send("b SELECT INBOX")
phone.send(f"c UID STORE {i5.letter.uid} +FLAGS (\\\\Flagged)")
laptop.send("c NOOP")
""",
        "wrong": [
            # The laptop comes too late to be told.
            (
                """
phone.send(f"a LOGIN {i5.user} {i5.password}")
phone.send("b SELECT INBOX")
phone.send(f"c UID STORE {i5.letter.uid} +FLAGS (\\\\Flagged)")
laptop.send(f"a LOGIN {i5.user} {i5.password}")
laptop.send("b SELECT INBOX")
laptop.send("c NOOP")
""",
                "What has to be true before the phone says STORE?",
            ),
            # It asks.
            (
                """
for call in (phone, laptop):
    call.send(f"a LOGIN {i5.user} {i5.password}")
    call.send("b SELECT INBOX")
phone.send(f"c UID STORE {i5.letter.uid} +FLAGS (\\\\Flagged)")
laptop.send("c FETCH 1:* (FLAGS)")
""",
                "That is asking.",
            ),
            # It says nothing, and is told nothing.
            (
                """
for call in (phone, laptop):
    call.send(f"a LOGIN {i5.user} {i5.password}")
    call.send("b SELECT INBOX")
phone.send(f"c UID STORE {i5.letter.uid} +FLAGS (\\\\Flagged)")
""",
                "When may a server speak to a client that says nothing?",
            ),
            # The laptop does it itself.
            (
                """
for call in (phone, laptop):
    call.send(f"a LOGIN {i5.user} {i5.password}")
    call.send("b SELECT INBOX")
laptop.send(f"c UID STORE {i5.letter.uid} +FLAGS (\\\\Flagged)")
phone.send("c NOOP")
""",
                "Who was to do that?",
            ),
        ],
    },
    "I6": {
        "right": """
imap.send(f"a LOGIN {i6.user} {i6.password}")
imap.send("b SELECT INBOX")
for turn in range(7):
    imap.send(f"i{turn} IDLE")
    i6.wait(29)
    imap.send("DONE")
""",
        "wrong": [
            # Asks every five minutes.
            (
                """
imap.send(f"a LOGIN {i6.user} {i6.password}")
imap.send("b SELECT INBOX")
for turn in range(36):
    i6.wait(5)
    imap.send(f"n{turn} NOOP")
""",
                "Which command lets the server speak first?",
            ),
            # One IDLE for the whole night.
            (
                """
imap.send(f"a LOGIN {i6.user} {i6.password}")
imap.send("b SELECT INBOX")
imap.send("c IDLE")
i6.wait(180)
imap.send("DONE")
""",
                "How often does an IDLE have to be said anew?",
            ),
            # Waits outside of IDLE.
            (
                """
imap.send(f"a LOGIN {i6.user} {i6.password}")
imap.send("b SELECT INBOX")
for turn in range(7):
    imap.send(f"i{turn} IDLE")
    imap.send("DONE")
    i6.wait(29)
""",
                "Were you in IDLE at that moment?",
            ),
            # Gives up after an hour.
            (
                """
imap.send(f"a LOGIN {i6.user} {i6.password}")
imap.send("b SELECT INBOX")
for turn in range(2):
    imap.send(f"i{turn} IDLE")
    i6.wait(29)
    imap.send("DONE")
""",
                "Does your loop go through the night?",
            ),
        ],
    },
    "I7": {
        "right": """
opened = imap.send("a SELECT Work")
validity = re.search(r"UIDVALIDITY (\\d+)", opened)[1]
if cache.get("validity") != validity:
    cache["validity"], cache["letters"] = validity, {}
letters = cache["letters"]
there = [int(uid) for uid in imap.send("b UID SEARCH ALL").split("\\n")[0].split()[2:]]
for uid in set(letters) - set(there):
    del letters[uid]
for uid in set(there) - set(letters):
    letters[uid] = imap.send(f"c UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
imap.send("d LOGOUT")
""",
        "wrong": [
            # UIDs are thought to be for ever.
            (
                """
imap.send("a SELECT Work")
letters = cache.setdefault("letters", {})
there = [int(uid) for uid in imap.send("b UID SEARCH ALL").split("\\n")[0].split()[2:]]
for uid in set(letters) - set(there):
    del letters[uid]
for uid in set(there) - set(letters):
    letters[uid] = imap.send(f"c UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
""",
                "Which number in the answer to SELECT says that these are other UIDs?",
            ),
            # No cache at all.
            (
                """
imap.send("a SELECT Work")
letters = cache["letters"] = {}
for uid in imap.send("b UID SEARCH ALL").split("\\n")[0].split()[2:]:
    letters[int(uid)] = imap.send(f"c UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
""",
                "Which UIDs does the cache lack?",
            ),
            # What is gone stays in the cache.
            (
                """
opened = imap.send("a SELECT Work")
validity = re.search(r"UIDVALIDITY (\\d+)", opened)[1]
if cache.get("validity") != validity:
    cache["validity"], cache["letters"] = validity, {}
letters = cache["letters"]
for uid in imap.send("b UID SEARCH ALL").split("\\n")[0].split()[2:]:
    if int(uid) not in letters:
        letters[int(uid)] = imap.send(f"c UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
""",
                "How do you learn what is there now, and what do you forget?",
            ),
            # Numbers for UIDs.
            (
                """
opened = imap.send("a SELECT Work")
validity = re.search(r"UIDVALIDITY (\\d+)", opened)[1]
if cache.get("validity") != validity:
    cache["validity"], cache["letters"] = validity, {}
letters = cache["letters"]
for number in imap.send("b SEARCH ALL").split("\\n")[0].split()[2:]:
    if int(number) not in letters:
        letters[int(number)] = imap.send(f"c FETCH {number} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
""",
                "Are your keys UIDs, and is each one an int?",
            ),
        ],
    },
}
