"""P1 to P5: other right answers pass, lucky ones do not, and every seed has a fair world."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lessons import judged_by_cell, play, run_source

from mailedu.exercises import check
from mailedu.exercises.frame import kind
from mailedu.exercises.maildrop import held, lines_of, pile, quoted, sessions, some
from mailedu.exercises.pop3 import BODIES, LETTERS, MOST

STUDENTS = [f"student {number}" for number in range(40)]


@pytest.fixture(autouse=True)
def no_progress(monkeypatch) -> None:
    monkeypatch.setenv("MAILEDU_PROGRESS", "")


def said(result) -> str:
    return " ".join(str(result).split())


def judged(id: str, text: str, student: str = "ada"):
    return judged_by_cell(id, text, student)


# -- what is read from the trace ---------------------------------------------------------------------------------------


def test_sessions_are_what_was_typed() -> None:
    lab = kind("P4")("ada").lab
    user = kind("P4")("ada").user
    pop = lab.pop3(user)
    for line in (
        f"USER {user}",
        "PASS wrong",
        "AUTH PLAIN",
        "*",
        f"USER {user}",
        f"PASS {lab.password(user)}",
        "dele 1",
    ):
        pop.send(line)
    lab.clock.advance(minutes=10)
    [session] = sessions(held(lab.trace))
    assert [one.verb for one in session.said] == ["USER", "PASS", "AUTH", "USER", "PASS", "DELE"]
    assert [one.ok for one in session.said] == [True, False, False, True, True, True]
    assert session.said[-1].line == "dele 1" and session.said[-1].number == 1
    assert session.opened is session.said[4] and session.state == "CLOSED"
    assert session.gone and session.gone.name == "pop3.silent" and not session.bids_goodbye
    assert session.said[2].reply == "-ERR cancelled, as you wish\n"
    trace = held(lab.trace)
    assert {step.actor for step in trace} == {f"pop.{user.partition('@')[2]}"}
    assert trace.step(session.said[0].step).act.title == "USER"


def test_small_words() -> None:
    assert some([1]) == "1" and some([1, 2]) == "1 and 2" and some([1, 2, 3, 4, 5]) == "1, 2, 3 and 2 more"
    assert quoted("a`b\x07") == '"`a\'b\\x07`"' and len(quoted("x" * 99)) == 64
    assert lines_of("a\r\nb\r\n") == lines_of(b"a\nb") == ("a", "b")


# -- P1 ----------------------------------------------------------------------------------------------------------------


FETCH = """
pop.send(f"USER {p1.user}")
pop.send(f"PASS {p1.password}")
count = int(pop.send("STAT").split()[1])
for n in range(1, count + 1):
    lines = pop.send(f"RETR {n}").split("\\n")[1:-1]
    letters.append("\\r\\n".join(line.removeprefix(".") for line in lines) + "\\r\\n")
"""


@pytest.mark.parametrize(
    "more",
    [
        'pop.send("QUIT")',
        'pop.send("TOP 1 5")\npop.send("LIST")\npop.send("BOO")\npop.send("QUIT")',
        'pop.send("QUIT")\nletters[:] = [letter.encode() for letter in letters]',
        'pop.send("QUIT")\nletters = tuple(letters)',
        'pop.hangup()\npop = p1.lab.pop3(p1.user)\npop.send("QUIT")',
    ],
)
def test_p1_other_right_ways(more) -> None:
    assert judged("P1", FETCH + more)


@pytest.mark.parametrize(
    "more, words",
    [
        ("pop.hangup()", "did not end with a QUIT"),
        ("p1.lab.clock.advance(minutes=10)", "did not end with a QUIT"),
        ('pop.send("QUIT")\nletters.reverse()', "What happened to that line between the wire and your list?"),
        ('pop.send("QUIT")\nletters.pop()', "Was the list empty when you began"),
        ('pop.send("QUIT")\nletters = "".join(letters)', "what is wanted is a list of strings"),
        (
            'pop.send("QUIT")\nimap = p1.lab.imap(p1.user)\nfor line in (f"a LOGIN {p1.user} {p1.password}", "b SELECT '
            'INBOX", "c STORE 1 +FLAGS (\\\\Deleted)", "d EXPUNGE"):\n    imap.send(line)',
            "by which protocol?",
        ),
    ],
)
def test_p1_other_wrong_ways(more, words) -> None:
    result = judged("P1", FETCH + more)
    assert not result and words in said(result)


@pytest.mark.parametrize("student", STUDENTS)
def test_p1_every_world_has_its_two_dots(student) -> None:
    world = kind("P1")(student)
    assert 4 <= len(world.before) <= 6 and len({one.name for one in world.before}) == len(world.before)
    lines = [line for one in world.before for line in one.lines]
    assert lines.count(".") == 1 and lines.count("..hidden") == 1
    assert not any("." in one.lines and "..hidden" in one.lines for one in world.before)


# -- P2 ----------------------------------------------------------------------------------------------------------------

TRAIN = """
pop.send(f"USER {p2.user}")
assert pop.send(f"PASS {p2.password}") == "+OK maildrop open"
%s
again = lab.pop3(p2.user)
again.send(f"USER {p2.user}")
again.send(f"PASS {p2.password}")
%s
again.send("QUIT")
"""
MARK = 'pop.send("DELE 2")\nassert pop.send("QUIT") == ""'


@pytest.mark.parametrize(
    "before, after",
    [
        (MARK, 'if again.send("STAT").split()[1] == "5":\n    again.send("DELE 2")'),
        (MARK, 'if len(again.send("LIST").split("\\n")) == 7:\n    again.send("DELE 2")'),
        (
            'name = pop.send("TOP 2 0").split("Subject: ")[1].split("\\n")[0]\n' + MARK,
            'if f"Subject: {name}\\n" in again.send("TOP 2 0"):\n    again.send("DELE 2")',
        ),
    ],
)
def test_p2_other_ways_to_look(before, after) -> None:
    for student in ("ada", "bob", "eve"):
        assert judged("P2", TRAIN % (before, after), student), student


@pytest.mark.parametrize(
    "before, after, words",
    [
        (MARK, 'again.send("DELE 2")\nagain.send("STAT")', "What was number 2 when you logged in again?"),
        ('pop.send("DELE 3")\npop.send("QUIT")', "", "Whose number did you mark"),
        ('pop.send("STAT")\n' + MARK, 'if len(lab.mailbox(p2.user)) == 5:\n    again.send("DELE 2")', "not have known"),
    ],
)
def test_p2_other_wrong_ways(before, after, words) -> None:
    result = judged("P2", TRAIN % (before, after))
    assert not result and words in said(result)


def test_p2_nobody_knows_which_train_is_which() -> None:
    worlds = [kind("P2")(student) for student in STUDENTS]
    assert {tuple(world.lost.values()) for world in worlds} == {("request", "reply"), ("reply", "request")}
    for world in worlds:
        assert [one.lines[-1] for one in world.before["lab_a"]] == [one.lines[-1] for one in world.before["lab_b"]]
        assert len({one.subject for one in world.before["lab_a"]}) == 5


def test_p2_the_two_silences_are_the_same_to_the_client() -> None:
    world = kind("P2")("ada")
    heard = []
    for lab in (world.lab_a, world.lab_b):
        pop = lab.pop3(world.user)
        lines = [f"USER {world.user}", f"PASS {world.password}", "DELE 2", "QUIT", "NOOP"]
        heard.append([pop.send(line) for line in lines])
    assert heard[0] == heard[1] and heard[0][3:] == ["", ""]
    assert sorted(len(pile(lab, world.user)) for lab in (world.lab_a, world.lab_b)) == [4, 5]


# -- P3 ----------------------------------------------------------------------------------------------------------------

EACH = """
for line in pop.send("UIDL").split("\\n")[1:-1]:
    number, name = line.split()
    reply = "" if name in store else pop.send("RETR " + number)
    if reply:
"""
BYE = '\npop.send("QUIT")'
KEEP = '"\\n".join(line.removeprefix(".") for line in reply.split("\\n")[1:-1])'


@pytest.mark.parametrize(
    "body",
    [
        # The newest first.
        f"""
for line in reversed(pop.send("UIDL").split("\\n")[1:-1]):
    number, name = line.split()
    if name not in store:
        reply = pop.send("RETR " + number)
        if reply:
            store[name] = {KEEP}
pop.send("QUIT")
""",
        # One name at a time, bytes for text, numbers kept beside the letters.
        f"""
for n in range(1, int(pop.send("STAT").split()[1]) + 1):
    told = pop.send(f"uidl {{n}}")
    if not told:
        return
    name = told.split()[2]
    if name not in store:
        reply = pop.send(f"retr {{n}}").strip()
        if reply.endswith("\\n."):
            store[name] = {KEEP}.encode()
pop.send("QUIT")
""",
    ],
)
def test_p3_other_right_programs(body) -> None:
    for student in ("ada", "bob"):
        result = judged("P3", body, student)
        assert result, str(result)


@pytest.mark.parametrize(
    "body, words",
    [
        ('return None\npop.send("QUIT")', "and no run fetched it"),
        ('while True:\n    pop.send("NOOP")', "It did not return within"),
        ('pop.send("STAT")["x"]', "In run 1 your function was called. It stopped with TypeError"),
        ("pop.quit()", "In run 1 your function was called. It stopped with AttributeError"),
        (EACH + "        store[name] = name" + BYE, "What happened to that line between the wire and your list?"),
        (EACH + "        store[name] = True" + BYE, "Under which name do you keep a letter"),
        (EACH + f"        store[name] = {KEEP}", "Who can log in now?"),
    ],
)
def test_p3_other_wrong_programs(body, words) -> None:
    names = play("P3", None)
    # Defined as in the notebook, and not called there: some of these end in a traceback, one does not end.
    run_source("def sync(pop, store):\n" + textwrap.indent(body, "    "), names, f"<P3 {words}>")
    result = check(names["p3"], names["sync"])
    assert not result and words in said(result), str(result)


def test_p3_wants_the_function_itself() -> None:
    begun = kind("P3")("ada")
    assert "without brackets" in said(check(begun, {"a": "b"})) and "without brackets" in said(check(begun))


# -- P4 ----------------------------------------------------------------------------------------------------------------

REFUSED = """
first.send(f"USER {p4.user}")
first.send(f"PASS {p4.password}")
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
"""
LET_IN = """
second.send(f"USER {p4.user}")
second.send(f"PASS {p4.password}")
second.send("RETR 1")
"""


@pytest.mark.parametrize(
    "between, how",
    [
        ('first.send("QUIT")', "after its QUIT"),
        ("first.hangup()", "after its line broke"),
        (
            'p4.lab.clock.advance(minutes=6)\nsecond.send("CAPA")\np4.lab.clock.advance(minutes=6)',
            "after ten minutes of its silence",
        ),
    ],
)
def test_p4_three_ways_for_the_first_session_to_end(between, how) -> None:
    result = judged("P4", REFUSED + between + LET_IN)
    assert result and how in said(result)
    assert "refused at its step 2" in said(result)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "nobody was refused. Session 1 was in AUTHORIZATION then."),
        ("second.send(f'USER {p4.user}')", "Session 1 was in AUTHORIZATION"),
        (REFUSED + 'first.send("QUIT")', "has not logged in again"),
        (REFUSED + 'first.send("QUIT")' + LET_IN.replace("RETR", "TOP"), "has not fetched letter 1"),
        (REFUSED + 'first.send("DELE 2")\nfirst.send("QUIT")' + LET_IN, "which command removes"),
        (REFUSED.replace("first", "second") + "first.hangup()", "Which step takes the lock"),
    ],
)
def test_p4_other_wrong_ways(text, words) -> None:
    result = judged("P4", text)
    assert not result and words.lower() in said(result).lower(), str(result)


# -- P5 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS[:25])
def test_p5_the_budget_lets_top_0_pass_with_room_and_not_top_10(student) -> None:
    """For every seed: so one is not right, or wrong, by chance."""
    world = kind("P5")(student)
    box = world.lab.world.boxes[world.user]
    data = [message.data for message in box.messages.values()]
    headers = [mail.index(b"\r\n\r\n") + 4 for mail in data]
    total = sum(map(len, data))
    assert len(data) == LETTERS and BODIES < total < 1.2 * BODIES
    assert all(700 <= header <= 1000 for header in headers) and all(len(mail) > 2_500 for mail in data)
    pop = world.lab.pop3(world.user)
    pop.send(f"USER {world.user}")
    pop.send(f"PASS {world.password}")
    costs = {lines: sum(len(pop.send(f"TOP {n} {lines}")) for n in range(1, LETTERS + 1)) for lines in (0, 10)}
    assert 4 < 100 * costs[0] / total < 7
    assert 100 * costs[10] / total > MOST + 0.5
    assert sum(b"\r\n " in mail[mail.index(b"Subject") : mail.index(b"Date")] for mail in data) == 3
    bodies = [mail.partition(b"\r\n\r\n")[2] for mail in data]
    assert sum(body.startswith(b"Subject:") for body in bodies) == 2


ASK = """
pop.send(f"USER {p5.user}")
pop.send(f"PASS {p5.password}")
for n in range(1, 51):
    header = %s
    subjects += [line[9:] for line in header.split("\\n") if line.startswith("Subject: ")]
"""


def test_p5_a_fold_may_stay_and_a_goodbye_is_not_asked_for() -> None:
    kept = 'pop.send(f"TOP {n} 0").replace("\\n ", "\\t")'
    assert judged("P5", ASK % kept)


@pytest.mark.parametrize(
    "text, words",
    [
        (ASK % '[pop.send(f"TOP {n} 0") for _ in "ab"][0].replace("\\n ", " ")', "more than once"),
        (ASK.replace("51", "50") % 'pop.send(f"TOP {n} 0").replace("\\n ", " ")', "anything of letter 50"),
        (ASK % 'pop.send(f"TOP {n} 0").replace("\\n ", " ")' + "subjects.append('x')", "there are 50 letters"),
        (ASK % 'pop.send(f"TOP {n} 0").replace("\\n ", " ")' + "subjects[0] = 7", "a list of strings"),
    ],
)
def test_p5_other_wrong_ways(text, words) -> None:
    result = judged("P5", text)
    assert not result and words in said(result), str(result)


# -- any answer --------------------------------------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.parametrize("id", ["P1", "P2", "P3", "P4", "P5"])
def test_no_plain_answer_makes_a_check_raise(id) -> None:
    names = play(id, SOLVED.get(id))

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(PLAIN)
    def any_answer(answer) -> None:
        check(names[id.lower()], answer)

    any_answer()


SOLVED = {"P1": FETCH + 'pop.send("QUIT")', "P5": ASK % 'pop.send(f"TOP {n} 0").replace("\\n ", " ")'}
