"""The picture of a maildrop: every letter and every mark in it is the trace's."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode

import pytest

from mailedu import Lab, LabError, Trace
from mailedu.views.drawing import Box, Line, Polygon, Words
from mailedu.views.maildrop import MOST, piles, read

BOB = "bob@beta.example"


def run(lines, silence=0, subjects=("Lunch", "Invoice", "Photos"), hangs_up=False) -> Trace:
    lab = Lab(seed=6, tls=False, opinions=False)
    for subject in subjects:
        lab.send("alice@alpha.example", BOB, subject=subject, text="See you soon.", read=False)
    pop = lab.pop3(BOB)
    for line in ["USER bob", "PASS lab-bob", *lines]:
        pop.send(line)
    lab.clock.advance(minutes=silence)
    if hangs_up:
        pop.hangup()
    look = lab.pop3(BOB)  # somebody else looks; the picture is the first session's
    for line in ["USER bob", "PASS lab-bob", "DELE 2", "QUIT"]:
        look.send(line)
    return lab.trace


def told(lane) -> list[tuple]:
    return [(one.said, one.told, one.pile, set(one.marked)) for one in lane.moments]


@pytest.mark.parametrize(
    "lines, silence, moments",
    [
        (["RETR 1", "QUIT"], 0, [("RETR 1", "copied", (1, 2, 3), set()), ("QUIT", "UPDATE", (1, 2, 3), set())]),
        (
            ["retr 1", "DELE 1"],
            11,
            [
                ("retr 1", "copied", (1, 2, 3), set()),
                ("DELE 1", "marked", (1, 2, 3), {1}),
                ("10 min of silence", "no UPDATE", (1, 2, 3), set()),
            ],
        ),
        (
            ["DELE 1", "DELE 3", "RSET", "DELE 2", "DELE 2", "RETR 9", "NOOP", "QUIT"],
            0,
            [
                ("DELE 1", "marked", (1, 2, 3), {1}),
                ("DELE 3", "marked", (1, 2, 3), {1, 3}),
                ("RSET", "no marks", (1, 2, 3), set()),
                ("DELE 2", "marked", (1, 2, 3), {2}),
                ("QUIT", "UPDATE", (1, 3), set()),
            ],
        ),
        (["DELE 1"], 0, [("DELE 1", "marked", (1, 2, 3), {1})]),  # it goes on: no end is drawn
    ],
)
def test_a_lane_is_what_the_session_did(lines, silence, moments) -> None:
    lane = read(run(lines, silence), BOB)
    assert lane.pile == (1, 2, 3) and told(lane) == moments
    assert dict(lane.subjects) == {1: "Lunch", 2: "Invoice", 3: "Photos"}


def test_a_line_that_breaks_removes_nothing() -> None:
    lane = read(run(["DELE 1"], hangs_up=True), BOB)
    assert told(lane)[-1] == ("the line breaks", "no UPDATE", (1, 2, 3), set()) and lane.left == (1, 2, 3)


def test_numbers_are_of_the_pile_that_the_session_found() -> None:
    lab = Lab(seed=6, tls=False, opinions=False)
    for subject in ("Lunch", "Invoice", "Photos"):
        lab.send("alice@alpha.example", BOB, subject=subject, text="…", read=False)
    imap = lab.imap(BOB)
    for line in ("a LOGIN bob lab-bob", "b SELECT INBOX", r"c STORE 1 +FLAGS (\Deleted)", "d EXPUNGE"):
        imap.send(line)
    pop = lab.pop3(BOB)
    for line in ("USER bob", "PASS lab-bob", "DELE 1", "QUIT"):
        pop.send(line)
    lane = read(lab.trace, BOB)
    assert lane.pile == (2, 3) and lane.left == (3,)


def test_in_words_and_as_a_picture() -> None:
    made = piles([run(["RETR 1", "QUIT"]), run(["DELE 1"], 11), run(["DELE 1", "QUIT"])], BOB)
    assert str(made).splitlines() == [
        "run 1: 3 letters, RETR 1 (copied), QUIT (UPDATE): 3 left",
        "run 2: 3 letters, DELE 1 (marked), 10 min of silence (no UPDATE): 3 left",
        "run 3: 3 letters, DELE 1 (marked), QUIT (UPDATE): 2 left",
    ]
    root = ET.fromstring(made._repr_svg_())
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("Lunch") == 3 + 3 + 2 and words.count("gone") == 1 and words.count("no UPDATE") == 1
    assert [word for word in words if word.endswith(" left")] == ["3 left", "3 left", "2 left"]
    assert sum(shape.style == "dashed" for shape in made.drawing.shapes if isinstance(shape, Line)) == 2 * (1 + 1 + 1)
    assert made.figure().get_size_inches()[0] > 10


@pytest.mark.parametrize("letters, lines", [(1, 0), (3, 4), (3, 40), (12, 12), (60, 60)])
def test_it_stays_on_its_sheet(letters, lines) -> None:
    subjects = [f"{'A long subject' * 5} {number}" for number in range(letters)]
    said = [f"RETR {1 + number % letters}" for number in range(lines)]
    made = piles([run(said, 11, subjects=subjects), run([*said, "QUIT"], subjects=subjects)], BOB)
    drawing = made.drawing
    for shape in drawing.shapes:
        if isinstance(shape, Line | Polygon):
            xs = [x for x, _ in shape.points]
        elif isinstance(shape, Box):
            xs = [shape.x, shape.x + shape.width]
        else:
            assert isinstance(shape, Words)
            xs = [shape.x]
        assert all(0 <= x <= drawing.width for x in xs), shape
    assert ("…" in drawing.words()) is (lines > MOST)


def test_hostile_subjects_are_words() -> None:
    trace = run(["RETR 1", "QUIT"], subjects=["<script>", "a\u202eb", "]]>"])
    text = piles([trace], BOB)._repr_svg_()
    assert "<script>" not in text and "\u202e" not in text
    ET.fromstring(text)


def test_nobody_opened_it() -> None:
    with pytest.raises(LabError, match="let one log in"):
        read(Trace(), BOB)
    assert str(piles([], BOB)) == "" and piles([], BOB)._repr_svg_().startswith("<svg")


def test_in_a_page_it_is_as_wide_as_there_is_room_and_dark_by_night() -> None:
    made = piles([run(["RETR 1", "QUIT"], subjects=['"><script>', "b"])], BOB)
    html = made._repr_html_()
    assert "<script" not in html and html.count("<img ") == 2 and html.count("data:image/svg+xml;base64,") == 2
    light, dark = (b64decode(one).decode() for one in re.findall('base64,([^"]*)', html))
    assert light == made._repr_svg_() != dark
    assert 'alt="run 1: 2 letters' in html and html.count("display: none") == 1 and 'style="display:none"' in html
