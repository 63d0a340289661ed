"""Answers to the exercises of lesson 00, for teachers and for the tests.

Each is what stands between the two marks of its answer cell.  `right` passes.  Each of `wrong` is an answer that
somebody might well give, with words that the check must say to it.  `$host` and the like are the exercise's `.host`.
"""

SOLUTIONS = {
    "J1": {
        "right": """
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
j1.lab.clock.advance(minutes=20)
""",
        "wrong": [
            # Repaired, and nobody waited for the queue.
            (
                """
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
""",
                "When does a queue try again",
            ),
            # The record is gone instead of right: then the domain itself would have to take mail.
            (
                """
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=None)
j1.lab.clock.advance(minutes=20)
""",
                "none at all",
            ),
            # A host that sounds right.
            (
                """
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 smtp.{domain}.")
j1.lab.clock.advance(minutes=20)
""",
                "Which host of",
            ),
            # Repaired, and the letter written again, instead of waiting for the first one.
            (
                """
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
j1.lab.send(j1.user, j1.waiting, subject=j1.subject, text="See you soon.")
""",
                "it is another one",
            ),
            # Repaired, and DMARC switched off on the way, to be on the safe side.
            (
                """
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
j1.lab.zone.edit("_dmarc.alpha.example", TXT=None)
j1.lab.clock.advance(minutes=20)
""",
                "You also changed the TXT record of _dmarc.alpha.example",
            ),
            # Repaired too late: the queue had given up.
            (
                """
j1.lab.clock.advance(days=6)
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
j1.lab.clock.advance(days=1)
""",
                "has gone back to",
            ),
        ],
    },
    "J2": {
        "right": """
return len([step for step in trace.only(Ask) if step.actor == "$host"])
""",
        "wrong": [
            # Everybody's questions.
            (
                """
return len(trace.only(Ask))
""",
                "is what everybody asked together",
            ),
            # Its queue's questions too: a queue is an actor of its own.
            (
                """
return len([step for step in trace.only(Ask) if "$host" in step.actor])
""",
                "as their actor, and nobody else?",
            ),
            # A number, counted once on the screen.
            (
                """
return 6
""",
                "Does it look at the trace that it is given?",
            ),
            # Printed, not returned.
            (
                """
print(len([step for step in trace.only(Ask) if step.actor == "$host"]))
""",
                "Does your function end in return?",
            ),
        ],
    },
}
