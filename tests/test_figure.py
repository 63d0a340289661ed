"""Diagrams: drawn from the rows and the steps, legible, the same by matplotlib and as SVG, and safe."""

import io
import math
import re
import warnings
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from stories import ALICE, delivery, fetched, hostile, judgement, retries
from test_trace import traces

from mailedu.acts import LabError
from mailedu.imap.commands import TABLE as IMAP
from mailedu.pop3 import TABLE as POP3
from mailedu.smtp import TABLE as SMTP
from mailedu.table import Row, Table
from mailedu.trace import Trace
from mailedu.views.drawing import DARK, LIGHT, Box, Disc, Line, Polygon, Words, length, shortened, wrapped
from mailedu.views.figure import figure, sequence, state_diagram
from mailedu.views.sequence import LEVELS, sequence_drawing
from mailedu.views.states import Sheet, said, state_drawing
from mailedu.views.svg import path, sequence_svg, state_svg, svg

TABLES = [POP3, IMAP, SMTP]
STORIES = {"delivery": delivery, "refused": lambda: delivery(refuse=True), "fetched": fetched, "judgement": judgement,
           "retries": retries}  # fmt: skip
a_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
a_level = pytest.mark.parametrize("level", LEVELS)
a_story = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


# -- is it legible? ------------------------------------------------------------------------------------------------


def frame(words: Words) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a text, as it was reckoned."""
    wide = length(words.text, words.size, words.mono, words.bold)
    left = words.x - {"start": 0, "middle": wide / 2, "end": wide}[words.anchor]
    return left, words.y - words.size * 0.42, left + wide, words.y + words.size * 0.42


def overlap(one, two) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def assert_legible(drawing) -> None:
    texts = [(shape.text, frame(shape)) for shape in drawing.shapes if isinstance(shape, Words) and shape.text]
    for number, (text, box) in enumerate(texts):
        for other, place in texts[number + 1 :]:
            assert not overlap(box, place), f"{text!r} is written over {other!r}"
    assert_inside(drawing)


def assert_inside(drawing) -> None:
    for shape in drawing.shapes:
        if isinstance(shape, Words):
            left, top, right, bottom = frame(shape)
            assert min(left, top) >= 0 and right <= drawing.width + 1 and bottom <= drawing.height, shape
        for x, y in points_of(shape):
            assert 0 <= x <= drawing.width and 0 <= y <= drawing.height, shape


def points_of(shape):
    match shape:
        case Line(points) | Polygon(points):
            return points
        case Box(x, y, width, height):
            return (x, y), (x + width, y + height)
        case Disc(x, y, radius):
            return (x - radius, y - radius), (x + radius, y + radius)
    return ()


def assert_no_line_through_a_word(drawing) -> None:
    texts = [(shape.text, frame(shape)) for shape in drawing.shapes if isinstance(shape, Words)]
    for shape in drawing.shapes:
        if isinstance(shape, Line):
            for (ax, ay), (bx, by) in zip(shape.points, shape.points[1:], strict=False):
                stroke = min(ax, bx), min(ay, by) - 0.1, max(ax, bx) + 0.1, max(ay, by) + 0.1
                for text, box in texts:
                    assert not overlap(stroke, box), f"a line crosses {text!r}"


# -- state tables --------------------------------------------------------------------------------------------------


@a_table
def test_a_state_diagram_is_legible(table):
    for here in ("", *table.states):
        drawing = state_drawing(table, here)
        assert_legible(drawing)
        assert_no_line_through_a_word(drawing)


@a_table
def test_a_state_diagram_fits_on_a_slide(table):
    """Not higher than that its smallest text, on a slide of 7.5 inches, has about eight points."""
    drawing = state_drawing(table)
    smallest = min(shape.size for shape in drawing.shapes if isinstance(shape, Words))
    assert smallest * 7.5 * 72 / max(drawing.height, drawing.width * 9 / 16) >= 7.5


@a_table
def test_every_state_and_every_command_is_in_the_diagram(table):
    text = " ".join(state_drawing(table).words())
    for state in table.states:
        assert state in text
    for command in table.commands - {"."}:
        assert command.removeprefix("UID ") in text


def drawn(table: Table) -> dict[tuple[str, str, str], set[str]]:
    """(state, command, outcome) -> where the diagram says that leads, read off the sheet."""
    sheet = Sheet(table, "")
    edges = [edge for state in sheet.states.values() for edge, begins in state.right + state.left if begins]
    found: dict[tuple[str, str, str], set[str]] = {}
    for edge in [*sheet.below.values(), *edges]:
        for row in edge.rows:
            found.setdefault((row.state, row.command, row.outcome), set()).add(edge.end)
    for end, state in sheet.states.items():
        for commands, *where in state.entered:
            named = " ".join(where)
            for row in table:
                others = named.partition(" but ")[2].split(" and ") if "any state" in named else []
                from_here = row.state not in others if "any state" in named else row.state in named
                if from_here and row.next == end != row.state and re.search(rf"\b{re.escape(row.command)}\b", commands):
                    found.setdefault((row.state, row.command, row.outcome), set()).add(end)
    return found


@a_table
def test_the_diagram_has_each_row_that_leads_elsewhere_and_no_other(table):
    wanted = {(row.state, row.command, row.outcome): {row.next} for row in table if row.next != row.state}
    assert drawn(table) == wanted


STATES = ["A", "B", "C", "D", "E"]
WHAT = st.tuples(st.sampled_from(["GO", "RUN", "STOP"]), st.sampled_from(["ok", "err"]))
ROWS = st.lists(
    st.tuples(st.sampled_from(STATES), WHAT, st.sampled_from(STATES)),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_so_does_the_diagram_of_any_table(rows):
    table = Table("ANY", [Row(start, *what, end, "1") for start, what, end in rows])
    assert drawn(table) == {(row.state, row.command, row.outcome): {row.next} for row in table if row.next != row.state}
    assert_legible(state_drawing(table))


def test_only_what_a_refusal_leads_to_is_dashed_and_red():
    rows = [("A", "GO", "ok", "B"), ("A", "GO", "err", "C"), ("B", "RUN", "ok", "C"), ("B", "RUN", "err", "C")]
    drawing = state_drawing(Table("ANY", [Row(*row, "1") for row in rows]))
    assert [shape.style for shape in drawing.shapes if isinstance(shape, Line) and shape.colour == "bad"] == ["dashed"]
    assert [shape.text for shape in drawing.shapes if isinstance(shape, Words) and shape.colour == "bad"] == ["err: GO"]
    assert "ok or not: RUN" in list(drawing.words())


def test_the_state_where_one_is_is_lit_and_named():
    plain, lit = state_drawing(POP3), state_drawing(POP3, "TRANSACTION")
    assert "here" not in list(plain.words()) and "here" in list(lit.words())
    assert [shape.edge for shape in lit.shapes if isinstance(shape, Box)].count("now") == 1


def test_a_state_that_there_is_not():
    with pytest.raises(LabError, match="POP3 has no state 'TRANSIT'; its states are AUTHORIZATION, PASSWORD"):
        state_diagram(POP3, "TRANSIT")


def test_commands_by_numbers_and_by_uids_are_said_once():
    assert said(["FETCH", "UID FETCH", "UID EXPUNGE", "NOOP"]) == "(UID) FETCH, UID EXPUNGE, NOOP"
    assert said(["."]) == "the dot"


# -- traces --------------------------------------------------------------------------------------------------------


@a_level
@a_story
def test_a_sequence_diagram_is_legible(story, level):
    drawing = sequence_drawing(story(), level)
    assert_legible(drawing)


@a_level
@a_story
def test_its_numbers_are_steps_and_each_level_has_those_of_the_one_before(story, level):
    trace = story()
    drawings = {level: sequence_drawing(trace, level) for level in LEVELS}
    numbers = {level: [int(s.text) for s in drawing.shapes if is_number(s)] for level, drawing in drawings.items()}
    assert all(0 <= number < len(trace) for number in numbers[level])
    assert len(set(numbers[level])) == len(numbers[level])
    assert set(numbers["journey"]) <= set(numbers["conversation"]) <= set(numbers["exchange"])
    assert set(numbers["conversation"]) <= set(numbers["message"]) <= set(numbers["decision"])


def is_number(shape) -> bool:
    return isinstance(shape, Words) and shape.anchor == "end" and shape.x == 50 and shape.text.isdecimal()


@pytest.mark.parametrize("level", ["exchange", "message"])
def test_a_refusal_has_a_shape_and_a_word(level):
    good, bad = sequence_drawing(delivery(), level), sequence_drawing(delivery(refuse=True), level)
    octagons = [[s for s in drawing.shapes if isinstance(s, Polygon) and len(s.points) == 8] for drawing in (good, bad)]
    assert [len(found) for found in octagons] == [0, 1]
    assert "550 refused" in list(bad.words()) and "550 refused" not in list(good.words())


def test_tls_is_a_handshake_with_a_word_and_tubes_after_it():
    secret, clear = sequence_drawing(delivery(), "message"), sequence_drawing(delivery(tls=False), "message")
    assert "TLS handshake" in list(secret.words()) and "TLS handshake" not in list(clear.words())
    tubes = [[s for s in drawing.shapes if isinstance(s, Box) and s.fill == "tls-bg"] for drawing in (secret, clear)]
    at = next(s.y for s in secret.shapes if isinstance(s, Words) and s.text == "TLS handshake")
    assert len(tubes[0]) > 8 and not tubes[1] and min(s.y for s in tubes[0]) > at - 12


def test_what_one_sees_at_the_first_level_that_matters():
    words = list(sequence_drawing(delivery(refuse=True), "exchange").words())
    assert {"alice", "beta", "dns", "MAIL FROM:<alice@alpha.example>", "250 2.1.0 sender ok"} <= set(words)
    assert "0:01:00 on the lab's clock" in words
    assert "SMTP, port 25, from 192.0.2.25" in words and words[0] == f"{ALICE} writes to bob@beta.example"
    assert "RFC 1939 §3" in list(sequence_drawing(judgement(), "decision").words())
    assert "→ TRANSACTION" in list(sequence_drawing(fetched(), "message").words())
    assert list(sequence_drawing(retries(), "exchange").words()).count("nobody answers") == 2


def test_nothing_and_a_level_that_there_is_not():
    assert list(sequence_drawing(Trace(), "decision").words()) == ["Nothing happened"]
    with pytest.raises(LabError, match="level is one of journey, conversation, exchange, message, decision"):
        sequence(delivery(), level="bytes")


def test_a_title_of_ones_own():
    assert next(sequence_drawing(delivery(), "journey", "A letter").words()) == "A letter"


# -- by matplotlib -------------------------------------------------------------------------------------------------


def test_text_is_not_wider_than_was_reckoned():
    """matplotlib measures every text; had it more room than it was given, it would run into its neighbour."""
    drawings = [*map(state_drawing, TABLES), *(sequence_drawing(story(), "decision") for story in STORIES.values())]
    for drawing in drawings:
        made = figure(drawing)
        made.set_dpi(200)  # on a coarse screen letters stand on whole pixels
        renderer, axes = FigureCanvasAgg(made).get_renderer(), made.axes[0]
        scale = made.bbox.width / drawing.width
        texts = [shape for shape in drawing.shapes if isinstance(shape, Words)]
        for words, text in zip(texts, axes.texts, strict=True):
            measured = text.get_window_extent(renderer).width / scale
            assert measured <= length(words.text, words.size, words.mono, words.bold) + 1, words.text


def test_a_figure_is_as_wide_as_asked_and_on_its_own_ground():
    made = state_diagram(POP3, width=10)
    drawing = state_drawing(POP3)
    assert made.get_size_inches() == pytest.approx([10, 10 * drawing.height / drawing.width])
    dark = sequence(delivery(), dark=True)
    assert dark.get_size_inches()[0] == pytest.approx(13.333)
    assert (made.get_facecolor()[:3], dark.get_facecolor()[:3]) == ((1, 1, 1), (0x13 / 255, 0x14 / 255, 0x16 / 255))


def test_it_can_be_saved_as_png_pdf_and_svg_and_leaves_nothing_open():
    import matplotlib._pylab_helpers

    for kind in ("png", "pdf", "svg"):
        out = io.BytesIO()
        sequence(delivery(refuse=True), level="exchange").savefig(out, format=kind)
        assert len(out.getvalue()) > 5000
    assert not matplotlib._pylab_helpers.Gcf.figs


def test_it_shows_itself_in_a_notebook():
    from IPython.core.formatters import DisplayFormatter

    data, metadata = DisplayFormatter().format(state_diagram(POP3, width=10))
    assert data["image/png"].startswith(b"\x89PNG") and metadata["image/png"] == {"width": 960}


def test_a_dollar_is_a_dollar_and_a_letter_the_font_lacks_is_spelt_out():
    trace = hostile("pay $x^{2}$ \\frac{ now 見 \u202e")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of letters it has not
        made = sequence(trace, level="decision")
        made.canvas.draw()
    texts = [text.get_text() for text in made.axes[0].texts if not text.get_parse_math()]
    assert any("$x^{2}$" in text and "\\u898b" in text and "\\u202e" in text for text in texts)


# -- as SVG --------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {"svg", "title", "rect", "path", "circle", "text"}
EVIL = [
    "</text><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b\x00\u202e\ud800\ufffe]]>",
    "&lt;b&gt; &#60;",
]


@pytest.mark.parametrize("words", EVIL, ids=ascii)
def test_hostile_words_stay_words(words):
    for level in LEVELS:
        root = ET.fromstring(sequence_svg(hostile(words), level=level))
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= TAGS
        for element in root.iter():
            assert not [name for name in element.attrib if name.startswith("on") or "href" in name]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_words_make_well_formed_xml(words):
    text = sequence_svg(hostile(words), level="decision")
    ET.fromstring(text)
    assert text.isprintable() and text.encode()


def test_svg_has_the_same_words_and_as_many_shapes_as_the_drawing():
    drawing = sequence_drawing(delivery(refuse=True), "decision")
    root = ET.fromstring(svg(drawing))
    assert [element.text for element in root.iter(f"{SVG}text")] == list(drawing.words())
    assert len(root) == len(drawing.shapes) + 2, "a title and the ground"
    assert root.get("role") == "img" and root.get("aria-label") == root.find(f"{SVG}title").text == drawing.title
    assert root.get("viewBox") == f"0 0 1100 {drawing.height:.0f}"


def test_svg_is_small_and_the_same_each_time():
    text = sequence_svg(delivery())
    assert text == sequence_svg(delivery()) != sequence_svg(delivery(), dark=True)
    assert len(text) < 20_000 and len(state_svg(IMAP)) < 20_000


def test_round_bends():
    assert path(((0, 0), (10, 0), (10, 10))) == "M0 0L10 0L10 10"
    assert path(((0, 0), (10, 0), (10, 10)), 4) == "M0 0L6 0Q10 0 10 4L10 10"
    assert path(((0, 0), (4, 0), (4, 10)), 4) == "M0 0L2 0Q4 0 4 4L4 10", "no more than half of a stretch"
    assert path(((0, 0), (0, 0), (4, 4)), 4).startswith("M0 0")


# -- colours and text ----------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """As WCAG 2 reckons it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_contrast_in_every_colour_it_is_written_in(palette):
    drawings = [*map(state_drawing, TABLES), state_drawing(POP3, "TRANSACTION")]
    drawings += [sequence_drawing(story(), "decision") for story in STORIES.values()]
    used = {shape.colour for drawing in drawings for shape in drawing.shapes if isinstance(shape, Words)}
    assert used <= palette.keys() and LIGHT.keys() == DARK.keys()
    for colour in used:
        for ground in ("bg", "raised", "now-bg" if colour in ("ink", "now", "quiet") else "bg"):
            one, two = sorted([luminance(palette[colour]), luminance(palette[ground])])
            assert (two + 0.05) / (one + 0.05) >= 4.5, f"{colour} on {ground}"


@settings(max_examples=200)
@given(st.text(st.sampled_from("ab cW見"), max_size=60), st.integers(5, 300), st.integers(1, 4))
def test_text_is_wrapped_into_its_room(text, room, most):
    lines = wrapped(text, 10, room, most)
    assert 1 <= len(lines) <= most
    assert all(length(line, 10) <= room or line == "…" for line in lines)
    if math.fsum(length(letter, 10) for letter in text) <= room:
        assert lines == [text]


def test_what_has_no_room_is_cut_and_says_so():
    assert shortened("abcdef", 10, 1000) == "abcdef"
    assert shortened("abcdef", 10, 20) == "a…"
    assert shortened("abcdef", 10, 1) == "…"


@settings(max_examples=100, deadline=None)
@given(traces(), st.sampled_from(LEVELS), st.sampled_from([None, 1, 3]))
def test_any_acts_in_any_tree_can_be_drawn(trace, level, keep):
    """Also what no machine would do, and what is left of it when the oldest steps were dropped."""
    trace.cap(keep, None)
    drawing = sequence_drawing(trace, level)
    ET.fromstring(svg(drawing))
    assert_inside(drawing)
