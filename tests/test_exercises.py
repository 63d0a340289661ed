"""The frame of exercises: worlds, hints, checks that never raise, results, guesses, the map."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lessons import EXERCISES, HOUSE, STUDENT, cell_of, judged_by_cell, notebook_of, play, read, solution

from mailedu import DnsTimeout, Lab, LabError, Trace
from mailedu.exercises import check, controls, exercise, frame, predict, progress
from mailedu.exercises.course import LESSONS
from mailedu.exercises.frame import DOORS, ZONE_DOORS, Exercise, Result, Work, handed_in, judged, kind
from mailedu.exercises.plain import NotPlain, pack, unpack
from mailedu.exercises.words import Note, plain

every_exercise = pytest.mark.parametrize("id", EXERCISES)


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch) -> Path:
    file = tmp_path / "kept" / "progress.json"
    monkeypatch.setenv("MAILEDU_PROGRESS", str(file))
    return file


# -- worlds ------------------------------------------------------------------------------------------------------------


@every_exercise
def test_the_same_student_gets_the_same_world(id) -> None:
    one, two = exercise(id, student="ada"), exercise(id, student="ada")
    assert one is not two and one.lab is not two.lab
    assert one.lab.inputs == two.lab.inputs and one.task == two.task
    assert one.lab.trace.story() == two.lab.trace.story()  # TLS's own octets are random


def handed_out(world: Exercise) -> str:
    """What a student has to work with: the task, what was done to the lab, and what the exercise gives besides."""
    everybodys = {*dir(Exercise), *vars(exercise("J1", student=STUDENT))}
    own = [name for name in dir(world) if not name.startswith("_") and name not in everybodys]
    extra = {name: repr(value) for name in own if not callable(value := getattr(world, name))}
    return f"{world.task} {world.lab.inputs} {extra}"


@every_exercise
def test_students_get_different_worlds(id) -> None:
    worlds = [exercise(id, student=f"student {number}") for number in range(12)]
    assert len({handed_out(world) for world in worlds}) > 6


@every_exercise
def test_a_world_is_made_by_the_labs_own_doors(id) -> None:
    """So the work can be done again: the inputs alone lead to the same world."""
    made = exercise(id, student=STUDENT)
    again = made.lab.history.again(made.lab.inputs)
    assert again.trace.story() == made.lab.trace.story()
    assert {past.name for past in made.lab.inputs} <= DOORS | ZONE_DOORS


@every_exercise
def test_an_exercise_has_a_user_with_a_password_and_shows_its_task(id) -> None:
    begun = exercise(id.lower(), student=STUDENT)
    assert begun.id == id
    if begun.user in begun.lab.people:
        assert begun.password == "lab-" + begun.user.partition("@")[0]
    else:  # somebody of a domain of its own, who logs in nowhere
        with pytest.raises(LabError):
            _ = begun.password
    assert begun.task in begun._repr_markdown_() and begun.title in repr(begun)
    assert f"check({id.lower()}" in begun.task
    assert "`" not in repr(begun) and "**" not in repr(begun)


@every_exercise
def test_hints_come_one_at_a_time_and_the_last_stays(id) -> None:
    begun = exercise(id, student=STUDENT)
    hints = [str(begun.hint()) for _ in range(len(begun.hints) + 1)]
    assert len(begun.hints) >= 2
    assert [hint.split(".")[0] for hint in hints[:-1]] == [
        f"Hint {number} of {len(begun.hints)}" for number in range(1, len(hints))
    ]
    assert hints[-1] == hints[-2]
    assert exercise(id, student=STUDENT).hinted == 0


@pytest.mark.parametrize("student", ["\ud800", "x" * 100_000, "' or 1 --", 7, None])
def test_any_name_is_a_students(student) -> None:
    assert not check(exercise("J2", student=student))
    assert exercise("J1", student=" ADA ").lab.inputs == exercise("J1", student="ada").lab.inputs


def test_an_exercise_may_have_several_labs() -> None:
    class J1(kind("J1")):
        labs = ("lab", "other")

        def set_up(self):
            super().set_up()
            self.other = Lab(seed=2)

        def judge(self, answer):
            if self.other.clock.now != 60:
                yield frame.Wrong("the other lab's clock")
            return "both"

    kinds = frame.kind
    try:
        frame.kind = lambda id: J1
        begun = J1(STUDENT)
        assert not check(begun)
        begun.other.clock.advance(60)
        assert check(begun)
        begun.other = None
        assert not check(begun)
    finally:
        frame.kind = kinds


def test_an_unknown_exercise_is_answered_with_those_there_are() -> None:
    with pytest.raises(LabError, match="J1, J2"):
        exercise("Z9")


# -- checking ----------------------------------------------------------------------------------------------------------


@every_exercise
def test_a_check_can_be_asked_again(id) -> None:
    names = play(id, solution(id)["right"])
    (statement,) = ast.parse(cell_of(read(notebook_of(id)), f"{id}-check").source).body
    asked = compile(ast.Expression(statement.test), "<check>", "eval")
    assert all(eval(asked, names) for _ in range(2))


def test_a_check_by_id_takes_the_one_that_was_begun_last(capsys) -> None:
    frame.latest.pop("J1", None)
    assert not check("J1")
    assert 'j1 = exercise("J1"' in capsys.readouterr().out
    exercise("J1", student="eve")
    begun = exercise("J1", student=STUDENT)
    assert not check("J1")
    assert begun.waiting in capsys.readouterr().out


def test_a_check_leaves_the_learners_world_alone() -> None:
    begun = exercise("J1", student=STUDENT)
    before = len(begun.lab.trace), list(begun.lab.inputs), begun.lab.zone.text(), begun.lab.mailbox(begun.waiting)
    check(begun)
    check(begun)
    assert before == (len(begun.lab.trace), begun.lab.inputs, begun.lab.zone.text(), begun.lab.mailbox(begun.waiting))


def test_a_wrong_result_is_falsy_says_what_was_seen_and_leads_to_the_step() -> None:
    result = check(exercise("J1", student=STUDENT))
    assert not result and result.passed is False
    assert repr(result) == "<J1: not yet>" and str(result).startswith("J1: not yet.\n")
    assert "these checks passed" not in str(result)
    assert result.trace.step(result.steps[0]).act.name == "mta.no-answer"
    assert result.player().cursor == result.steps[0]
    bundle, _ = result._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and bundle["text/plain"] == repr(result)


def test_a_right_result_says_these_checks_and_never_all() -> None:
    result = judged_by_cell("J1", solution("J1")["right"])
    assert result and "these checks passed" in str(result)
    assert "all checks" not in str(result).lower()
    assert result._repr_mimebundle_() == {"text/plain": "<J1: these checks passed>"}


def test_the_work_counts_and_not_what_the_notebook_says_of_it() -> None:
    """The learner's lab, exercise and mail can be bent as one likes."""
    begun = exercise("J1", student=STUDENT)
    begun.judge = lambda answer: iter(())
    begun.waiting = begun.lucky
    begun.mail = None
    begun.lab.world.boxes[begun.waiting] = begun.lab.world.boxes[begun.lucky]
    begun.lab.zone.edit = lambda *_, **__: None
    assert not check(begun)


def test_another_lab_in_the_place_of_the_exercises_own_is_noticed(capsys) -> None:
    begun = exercise("J1", student=STUDENT)
    begun.lab = Lab(seed=1)
    assert not check(begun)
    begun.lab = None
    assert not check(begun)
    said = capsys.readouterr().out
    assert "not the world that the exercise began with" in said and "lost its lab" in said


class Evil(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        raise RuntimeError("repr")


class Loud:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


endless: list = []
endless.append(endless)


@pytest.mark.parametrize("id", [*EXERCISES])
@pytest.mark.parametrize(
    "answer",
    [None, 7, Evil(3), "text", b"\xff", [1, [2]], {"a": 1}, {1, 2}, object(), Loud(), endless, len, int, lambda t: 1,
     print, Trace(), Lab, iter(()), float("nan"), 10**400, "\ud800", "\x1b[31m", Exercise, ...],
    ids=lambda answer: type(answer).__name__,
)  # fmt: skip
def test_no_answer_makes_a_check_raise(id, answer) -> None:
    result = check(exercise(id, student=STUDENT), answer)
    assert isinstance(result, Result) and not result
    assert "\x1b" not in str(result)


@pytest.mark.parametrize("begun", [None, 7, "", "J99", "\x1b[2J", Lab, object(), ["J1"]])
def test_nothing_that_is_no_exercise_makes_a_check_raise(begun) -> None:
    result = check(begun)
    assert isinstance(result, Result) and not result and "\x1b" not in str(result)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(EXERCISES), values)
def test_no_plain_answer_makes_a_check_raise(id, answer) -> None:
    assert not check(exercise(id, student=STUDENT), answer)


@settings(max_examples=200, deadline=None)
@given(values.filter(lambda value: value == value))
def test_plain_data_comes_back_as_it_went(value) -> None:
    assert repr(unpack(json.loads(json.dumps(pack(value))))) == repr(value)


def test_what_is_of_a_learners_own_kind_comes_back_plain() -> None:
    assert type(unpack(pack(Evil(3)))) is int and unpack(pack(Evil(3))) == 3
    assert isinstance(unpack(pack(DnsTimeout())), DnsTimeout)
    trace = Lab(seed=1, tls=False).send("alice@alpha.example", "bob@beta.example").trace
    assert unpack(json.loads(json.dumps(pack(trace)))) == trace
    for thing in (object(), endless, len):
        with pytest.raises(NotPlain):
            pack(thing)


def test_an_answer_that_is_too_large_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setattr(frame, "LARGEST", 10_000)
    assert not check(exercise("J2", student=STUDENT), "x" * 20_000)
    assert "10,000 octets" in capsys.readouterr().out


def test_work_goes_to_json_and_back() -> None:
    begun = play("J1", solution("J1")["right"])["j1"]
    work = handed_in(begun, None)
    assert Work.from_json(work.to_json()) == work
    assert judged(Work.from_json(work.to_json()))


@pytest.mark.parametrize(
    "done",
    [[["__init__", [], {"$map": []}]], [["zone.__init__", [""], {"$map": []}]], [["become", [[]], {"$map": []}]]],
)
def test_forged_work_opens_no_other_doors(done) -> None:
    work = handed_in(exercise("J1", student=STUDENT), None)
    with pytest.raises(LabError, match="Nothing can be done"):
        judged(work._replace(done={"lab": work.done["lab"] + done}))


def test_typed_lines_hang_ups_and_switches_are_done_again() -> None:
    """Whatever a learner does by hand reaches the judge, octet for octet."""
    begun = exercise("J1", student=STUDENT)
    pop = begun.lab.pop3(begun.lucky)
    for line in (f"USER {begun.lucky}", f"PASS {begun.lab.password(begun.lucky)}", b"DELE 1\r\n"):
        pop.send(line)
    pop.hangup(lose="reply")
    pop.send("QUIT")
    begun.lab.stop("pop.beta.example")
    begun.lab.zone.fault("beta.example", "MX", DnsTimeout())
    begun.lab.clock.advance(minutes=20)
    work = handed_in(begun, None)
    seen = {}

    class J1(kind("J1")):
        def judge(self, answer):
            seen["inputs"], seen["story"] = list(self.lab.inputs), self.lab.trace.story()
            return "seen"
            yield

    kinds = frame.kind
    try:
        frame.kind = lambda id: J1
        judged(work._replace(id="J1"))
    finally:
        frame.kind = kinds
    assert [past.name for past in seen["inputs"]] == [past.name for past in begun.lab.inputs]
    assert seen["story"] == begun.lab.trace.story()


def test_checking_needs_neither_widgets_nor_network() -> None:
    program = """
import sys
class Away:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ipywidgets", "anywidget", "traitlets", "IPython", "matplotlib", "nbclient"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Away())
sys.addaudithook(lambda event, args: event in ("socket.connect", "socket.bind", "socket.getaddrinfo") and 1 / 0)
from mailedu.exercises import check, controls, exercise, predict, progress
j1 = exercise("J1", student="ada")
print(repr(j1), j1._repr_markdown_(), j1.hint(), progress(), predict("?", ["a", "b"]))
print(predict("?", ["a", "b"])._repr_mimebundle_())
assert not check(j1)
assert "text/plain" in check(j1)._repr_mimebundle_()[0]
for domain in ("beta.example", "gamma.example"):
    j1.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
j1.lab.clock.advance(minutes=20)
assert check(j1)
"""
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# -- progress ----------------------------------------------------------------------------------------------------------


def test_what_passed_is_kept_in_one_file_and_shown(progress_file) -> None:
    assert "J1 ○" in str(progress())
    assert not check(exercise("J1", student=STUDENT)) and not progress_file.exists()
    assert judged_by_cell("J1", solution("J1")["right"])
    assert json.loads(progress_file.read_text()) == {"passed": ["J1"]}
    assert "J1 ✓" in str(progress()) and "J2 ○" in str(progress())
    assert "J1 ✓" in progress()._repr_markdown_() and str(progress_file) in str(progress()).replace("\n", "")
    assert list(progress_file.parent.iterdir()) == [progress_file]
    assert STUDENT not in progress_file.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"passed": 3}', '{"passed": [1, null]}', "\udcff"])
def test_a_spoilt_file_is_as_good_as_none(progress_file, text) -> None:
    progress_file.parent.mkdir()
    progress_file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "J1 ○" in str(progress())
    assert judged_by_cell("J1", solution("J1")["right"])
    assert json.loads(progress_file.read_text()) == {"passed": ["J1"]}


def test_where_nothing_can_be_kept_nothing_breaks(tmp_path, monkeypatch) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    monkeypatch.setenv("MAILEDU_PROGRESS", str(blocked / "progress.json"))
    assert judged_by_cell("J1", solution("J1")["right"])
    monkeypatch.setenv("MAILEDU_PROGRESS", "")
    assert judged_by_cell("J1", solution("J1")["right"])
    assert "Nothing is kept" in str(progress())


@pytest.mark.parametrize(
    "system, variables, ends",
    [
        ("linux", {"XDG_DATA_HOME": "/d"}, "/d/mailedu/progress.json"),
        ("linux", {}, "/.local/share/mailedu/progress.json"),
        ("darwin", {}, "/Library/Application Support/mailedu/progress.json"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/mailedu/progress.json"),
    ],
)
def test_each_system_keeps_it_where_it_keeps_such_things(monkeypatch, system, variables, ends) -> None:
    from mailedu.exercises import map

    for name in ("MAILEDU_PROGRESS", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(map.sys, "platform", system)
    assert map.place().as_posix().endswith(ends)


def test_the_map_shows_the_lessons_that_exist_and_no_others() -> None:
    shown = progress()._repr_markdown_()
    for lesson in LESSONS:
        assert f"[{lesson.number} · {lesson.title}]({lesson.notebook})" in shown
        assert (HOUSE / "notebooks" / lesson.notebook).is_file()
    assert shown.count(".ipynb") == len(LESSONS)


# -- predict, then reveal ----------------------------------------------------------------------------------------------

TOLD = {"A": "Two would be gone.", "B": "RETR **copies**.", "C": "You may mix commands."}


def test_a_guess_is_committed_and_stays(capsys) -> None:
    guess = predict("How many letters?", ["2", "3", "-ERR"])
    assert "How many letters?" in repr(guess) and "B · 3" in repr(guess)
    assert "have not guessed" in str(guess.reveal("B", TOLD)) and "RETR" not in str(guess.reveal("B", TOLD))
    guess.choose("a")
    guess.choose("2")  # the same again
    with pytest.raises(LabError, match="Your guess is A"):
        guess.choose("B")
    assert guess.chosen == "A"


def test_the_reveal_answers_the_misconception_that_was_chosen() -> None:
    told = str(predict("How many?", ["2", "3", "-ERR"]).choose("-ERR").reveal("3", TOLD))
    assert told.startswith("B · 3. RETR copies.")
    assert told.index("You said C") < told.index("You may mix commands") < told.index("Others say A")
    right = str(predict("How many?", ["2", "3", "-ERR"]).choose("B").reveal("3", TOLD))
    assert "Your guess was right." in right and "You said" not in right


def test_mistakes_of_whoever_writes_a_prediction_are_told() -> None:
    for choices in (["one"], [], "text", ["x"] * 27):
        with pytest.raises(LabError):
            predict("?", choices)
    with pytest.raises(LabError, match="none of the choices"):
        predict("?", ["a", "b"]).choose("z")
    with pytest.raises(LabError, match="C has none"):
        predict("?", ["2", "3", "4"]).choose("A").reveal("A", {"A": "", "B": ""})


def test_a_guess_is_neither_scored_nor_stored(progress_file) -> None:
    predict("How many?", ["2", "3", "-ERR"]).choose("A").reveal("B", TOLD)
    assert not progress_file.exists()


def test_the_buttons_do_what_choose_does() -> None:
    guess = predict("<b>How</b> many?", ["2", "<i>3</i>"])
    box = guess.widget()
    heading, radio, button, said = box.children
    assert "&lt;b&gt;" in heading.value and button.disabled
    radio.value = "B"
    assert not button.disabled and guess.chosen == ""
    button.click()
    assert guess.chosen == "B" and radio.disabled and button.disabled and "B" in said.value
    assert guess.widget().children[1].value == "B"
    assert "application/vnd.jupyter.widget-view+json" in guess._repr_mimebundle_()[0]


# -- controls ----------------------------------------------------------------------------------------------------------


def test_controls_do_what_the_plain_call_does() -> None:
    calls = []

    def forge_under(policy, number=1):
        calls.append((policy, number))
        return Lab(seed=number).send("alice@alpha.example", "bob@beta.example", subject=policy)

    menus = controls(forge_under, policy=["reject", "none"], number=[1, 2])
    assert "forge_under" in repr(menus)
    box = menus.widget()
    policy, number, said, player = box.children
    assert calls == [("reject", 1)] and "alice" in said.value
    policy.value = "none"
    assert calls[-1] == ("none", 1) and box.children[-1] is not player and player.comm is None
    number.value = 2
    assert calls[-1] == ("none", 2)
    assert menus.call(policy="reject").title == "alice@alpha.example writes to bob@beta.example"


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "markdown, text",
    [
        ("**Right.** Say `QUIT`, *then* go.", "Right. Say QUIT, then go."),
        ("2 * 3 * 4 and a_b", "2 * 3 * 4 and a_b"),
        ("Run:\n```python\nx = a*b*c  # `q`\n```\nDone.", "Run:\nx = a*b*c  # `q`\nDone."),
    ],
)
def test_a_note_reads_well_in_a_terminal(markdown, text) -> None:
    assert plain(markdown) == text
    assert Note(markdown)._repr_markdown_() == markdown


def test_long_lines_are_folded_and_commands_are_not_cut() -> None:
    command = "j1.lab.zone.edit('beta.example', MX='10 mx.beta.example.')"
    lines = str(Note(f"  {'word ' * 30}{command}")).splitlines()
    assert all(len(line) <= 100 for line in lines) and all(line.startswith("  ") for line in lines)
