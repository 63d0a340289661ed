"""Answers to the exercises of lesson 06, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$user` and the like are the exercise's `.user`.
"""

SOLUTIONS = {
    "P1": {
        "right": """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
count = int(pop.send("STAT").split()[1])
for n in range(1, count + 1):
    lines = pop.send(f"RETR {n}").split("\\n")[1:-1]
    letters.append("\\n".join(line[1:] if line.startswith(".") else line for line in lines))
pop.send("QUIT")
""",
        "wrong": [
            # The whole reply, with the server's first line and the dot.
            (
                """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
for n in range(1, int(pop.send("STAT").split()[1]) + 1):
    letters.append(pop.send(f"RETR {n}"))
pop.send("QUIT")
""",
                "Did somebody write those, or do they belong to the server's reply?",
            ),
            # Doubled dots stay doubled.
            (
                """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
for n in range(1, int(pop.send("STAT").split()[1]) + 1):
    letters.append("\\n".join(pop.send(f"RETR {n}").split("\\n")[1:-1]))
pop.send("QUIT")
""",
                "What does the server do to a line that begins with a dot, and who undoes it?",
            ),
            # All right, and no goodbye.
            (
                """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
for n in range(1, int(pop.send("STAT").split()[1]) + 1):
    lines = pop.send(f"RETR {n}").split("\\n")[1:-1]
    letters.append("\\n".join(line[1:] if line.startswith(".") else line for line in lines))
""",
                "Who holds the key?",
            ),
            # Marked, and thought better of it.
            (
                """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
for n in range(1, int(pop.send("STAT").split()[1]) + 1):
    lines = pop.send(f"RETR {n}").split("\\n")[1:-1]
    letters.append("\\n".join(line[1:] if line.startswith(".") else line for line in lines))
    pop.send(f"DELE {n}")
pop.send("RSET")
pop.send("QUIT")
""",
                'There was a "DELE 1" at step 5',
            ),
            # One too few: Python's ranges end before their end.
            (
                """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
for n in range(1, int(pop.send("STAT").split()[1])):
    lines = pop.send(f"RETR {n}").split("\\n")[1:-1]
    letters.append("\\n".join(line[1:] if line.startswith(".") else line for line in lines))
pop.send("QUIT")
""",
                "does your loop go that far?",
            ),
            # Read from the lab's mailbox, and never fetched.
            (
                """
letters += [mail.decode() for mail in p1.lab.mailbox(p1.user)]
""",
                "Nobody has fetched a letter yet",
            ),
        ],
    },
    "P2": {
        "right": """
pop.send(f"USER {p2.user}")
pop.send(f"PASS {p2.password}")
name = pop.send("UIDL 2").split()[2]
pop.send("DELE 2")
pop.send("QUIT")
again = lab.pop3(p2.user)
again.send(f"USER {p2.user}")
again.send(f"PASS {p2.password}")
for line in again.send("UIDL").split("\\n")[1:-1]:
    if line.split()[1] == name:
        again.send(f"DELE {line.split()[0]}")
again.send("QUIT")
""",
        "wrong": [
            # The marks are thought to wait for us.
            (
                """
pop.send(f"USER {p2.user}")
pop.send(f"PASS {p2.password}")
pop.send("DELE 2")
pop.send("QUIT")
again = lab.pop3(p2.user)
again.send(f"USER {p2.user}")
again.send(f"PASS {p2.password}")
again.send("QUIT")
""",
                "Your marks belonged to the session that broke",
            ),
            # The same again, without looking.
            (
                """
pop.send(f"USER {p2.user}")
pop.send(f"PASS {p2.password}")
pop.send("DELE 2")
pop.send("QUIT")
again = lab.pop3(p2.user)
again.send(f"USER {p2.user}")
again.send(f"PASS {p2.password}")
again.send("DELE 2")
again.send("QUIT")
""",
                "What was number 2 when you logged in again?",
            ),
            # Right, by a look over the server's shoulder that no client has.
            (
                """
pop.send(f"USER {p2.user}")
pop.send(f"PASS {p2.password}")
pop.send("DELE 2")
pop.send("QUIT")
again = lab.pop3(p2.user)
again.send(f"USER {p2.user}")
again.send(f"PASS {p2.password}")
if len(lab.mailbox(p2.user)) == 5:
    again.send("DELE 2")
again.send("QUIT")
""",
                "you could not have known that",
            ),
            # Marked, and gone.
            (
                """
pop.send(f"USER {p2.user}")
pop.send(f"PASS {p2.password}")
pop.send("DELE 2")
pop.hangup()
""",
                "Did you give up before you said goodbye?",
            ),
        ],
    },
    "P3": {
        "right": """
for line in pop.send("UIDL").split("\\n")[1:-1]:
    number, name = line.split()
    if name not in store:
        reply = pop.send(f"RETR {number}")
        if not reply.endswith("\\n."):
            return
        lines = reply.split("\\n")[1:-1]
        store[name] = "\\n".join(line[1:] if line.startswith(".") else line for line in lines)
pop.send("QUIT")
""",
        "wrong": [
            # Numbers for names.
            (
                """
for n in range(1, int(pop.send("STAT").split()[1]) + 1):
    if n not in store:
        reply = pop.send(f"RETR {n}")
        if not reply.endswith("\\n."):
            return
        store[n] = "\\n".join(line[1:] if line.startswith(".") else line for line in reply.split("\\n")[1:-1])
pop.send("QUIT")
""",
                "Whose number was 3 in run 1?",
            ),
            # All names noted before anything is safe.
            (
                """
new = [line.split() for line in pop.send("UIDL").split("\\n")[1:-1] if line.split()[1] not in store]
for number, name in new:
    store[name] = ""
for number, name in new:
    reply = pop.send(f"RETR {number}")
    if not reply.endswith("\\n."):
        return
    store[name] = "\\n".join(line[1:] if line.startswith(".") else line for line in reply.split("\\n")[1:-1])
pop.send("QUIT")
""",
                "Note a name when the letter is safe, not before",
            ),
            # Everything, every time.
            (
                """
for line in pop.send("UIDL").split("\\n")[1:-1]:
    number, name = line.split()
    reply = pop.send(f"RETR {number}")
    if not reply.endswith("\\n."):
        return
    store[name] = "\\n".join(line[1:] if line.startswith(".") else line for line in reply.split("\\n")[1:-1])
pop.send("QUIT")
""",
                "What do you know about a letter before you ask for it?",
            ),
            # What was fetched is removed: then there is nothing to compare.
            (
                """
for line in pop.send("UIDL").split("\\n")[1:-1]:
    number, name = line.split()
    reply = pop.send(f"RETR {number}")
    if not reply.endswith("\\n."):
        return
    store[name] = "\\n".join(line[1:] if line.startswith(".") else line for line in reply.split("\\n")[1:-1])
    pop.send(f"DELE {number}")
pop.send("QUIT")
""",
                "Who else wants to read what lies there?",
            ),
            # A dead line is not thought of.
            (
                """
for line in pop.send("UIDL").split("\\n")[1:-1]:
    number, name = line.split()
    if name not in store:
        first, *lines, dot = pop.send(f"RETR {number}").split("\\n")
        store[name] = "\\n".join(line[1:] if line.startswith(".") else line for line in lines)
pop.send("QUIT")
""",
                "What does .send return when the line is gone?",
            ),
            # The reply as it came.
            (
                """
for line in pop.send("UIDL").split("\\n")[1:-1]:
    number, name = line.split()
    if name not in store:
        reply = pop.send(f"RETR {number}")
        if not reply.endswith("\\n."):
            return
        store[name] = reply
pop.send("QUIT")
""",
                "Did somebody write those",
            ),
        ],
    },
    "P4": {
        "right": """
first.send(f"USER {p4.user}")
first.send(f"PASS {p4.password}")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
first.send("QUIT")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
second.send("RETR 1")
""",
        "wrong": [
            # Refused, for another reason.
            (
                """
first.send(f"USER {p4.user}")
first.send(f"PASS {p4.password}")
second.send(f"USER {p4.user}")
second.send("PASS wrong")
first.send("QUIT")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
second.send("RETR 1")
""",
                "that is not about the lock",
            ),
            # Connecting is thought to take the lock.
            (
                """
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
second.send("RETR 1")
""",
                "Which step takes the lock: connecting, USER, or PASS?",
            ),
            # A third connection gets in.
            (
                """
first.send(f"USER {p4.user}")
first.send(f"PASS {p4.password}")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
first.send("QUIT")
third = p4.lab.pop3(p4.user)
third.send(f"USER {p4.user}")
third.send(f"PASS {p4.password}")
third.send("RETR 1")
""",
                "let in was session 3, another connection",
            ),
            # Refused, and nobody goes away.
            (
                """
first.send(f"USER {p4.user}")
first.send(f"PASS {p4.password}")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
""",
                "Name two ways for it to end",
            ),
            # The clock counts for both.
            (
                """
first.send(f"USER {p4.user}")
first.send(f"PASS {p4.password}")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
p4.lab.clock.advance(minutes=11)
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
second.send("RETR 1")
""",
                "What does any word from the second one do to its own ten minutes?",
            ),
        ],
    },
    "P5": {
        "right": """
pop.send(f"USER {p5.user}")
pop.send(f"PASS {p5.password}")
for n in range(1, 51):
    header = "\\n".join(pop.send(f"TOP {n} 0").split("\\n")[1:-1]).replace("\\n ", " ")
    subjects += [line[9:] for line in header.split("\\n") if line.startswith("Subject: ")]
pop.send("QUIT")
""",
        "wrong": [
            # The whole letter for one line.
            (
                """
import email

pop.send(f"USER {p5.user}")
pop.send(f"PASS {p5.password}")
for n in range(1, 51):
    letter = email.message_from_string("\\n".join(pop.send(f"RETR {n}").split("\\n")[1:-1]))
    subjects.append(letter["Subject"].replace("\\n", ""))
pop.send("QUIT")
""",
                "RETR sends the body too",
            ),
            # A little of the body, to be on the safe side.
            (
                """
import email

pop.send(f"USER {p5.user}")
pop.send(f"PASS {p5.password}")
for n in range(1, 51):
    letter = email.message_from_string("\\n".join(pop.send(f"TOP {n} 10").split("\\n")[1:-1]))
    subjects.append(letter["Subject"].replace("\\n", ""))
pop.send("QUIT")
""",
                "You asked for 10 body lines 50 times",
            ),
            # One line of a field that has two.
            (
                """
pop.send(f"USER {p5.user}")
pop.send(f"PASS {p5.password}")
for n in range(1, 51):
    for line in pop.send(f"TOP {n} 0").split("\\n"):
        if line.startswith("Subject: "):
            subjects.append(line[9:])
pop.send("QUIT")
""",
                "To which line does a line belong that begins with a blank?",
            ),
            # The last line that looks like a subject, of a letter that speaks of subjects.
            (
                """
pop.send(f"USER {p5.user}")
pop.send(f"PASS {p5.password}")
for n in range(1, 51):
    text = pop.send(f"TOP {n} 1").replace("\\n ", " ")
    subjects.append([line[9:] for line in text.split("\\n") if line.startswith("Subject: ")][-1])
pop.send("QUIT")
""",
                "what is a line worth that comes after that?",
            ),
            # Nothing came over the line.
            (
                """
import email

for mail in p5.lab.mailbox(p5.user):
    subjects.append(email.message_from_bytes(mail)["Subject"].replace("\\r\\n", ""))
""",
                "Nobody asked the server for anything of letter 1",
            ),
        ],
    },
}
