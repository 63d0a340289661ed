"""Queues read out of traces, and drawn: what happened to each recipient, when, and by whose word."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given, settings
from matplotlib.backends.backend_agg import FigureCanvasAgg
from player_traces import HOSTILE
from test_figure import assert_inside, assert_legible
from test_trace import traces

from mailedu import Lab, LabError
from mailedu.acts import Open, Rule, Store
from mailedu.mta.house import Setup
from mailedu.mta.queue import schedule
from mailedu.trace import Trace
from mailedu.views.lanes import as_data, lanes, span
from mailedu.views.queue import Scale, in_words, queue_drawing, queue_figure, queue_picture, queue_svg
from mailedu.views.score import score

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=4, tls=False, opinions=False)


def ends(trace: Trace) -> dict[str, str]:
    return {lane.recipient: lane.told for lane in lanes(trace)}


# -- what the trace says


def test_one_of_three_waits_one_is_refused_one_is_taken(lab) -> None:
    lab.send(ALICE, [BOB, "450-twice@beta.example", "nobody@beta.example"], subject="Lunch", read=False)
    lab.clock.advance(hours=2)
    bob, later, nobody, report = lanes(lab.trace)
    assert (bob.told, [one.word for one in bob.tries]) == ("delivered at once, 1 attempt", ["taken"])
    assert later.told == "delivered after 45 min, 3 attempts"
    assert [(one.at, one.word, one.mood) for one in later.tries] == [
        (0, "450", "later"),
        (900, "450", "later"),
        (2700, "taken", "good"),
    ]
    assert nobody.told == "bounced at once, 1 attempt"
    assert nobody.tries[0].reply == "550 5.1.1 there is no mailbox nobody@beta.example here", "and not what 450- heard"
    assert (report.sender, report.recipient, report.about) == ("", ALICE, nobody.step)
    assert {lane.host for lane in (bob, later, nobody, report)} == {"mx.alpha.example"}
    assert (bob.sender, bob.subject, report.subject) == (ALICE, "Lunch", "Undelivered mail returned to sender")


def test_the_attempts_are_those_of_the_schedule_and_then_it_is_over(lab) -> None:
    lab.send(ALICE, "450@beta.example", read=False)
    lab.clock.advance(days=6)
    lane = lanes(lab.trace)[0]
    assert [one.at for one in lane.tries] == list(schedule(Setup()))
    assert (lane.end, lane.ended) == ("expired", 5 * DAY)


def test_what_waits_says_when_it_is_tried_next(lab) -> None:
    lab.stop("mx.beta.example")
    lab.send(ALICE, BOB, read=False)
    lab.clock.advance(minutes=20)
    [lane] = lanes(lab.trace)
    assert (lane.end, lane.ended, lane.due, lane.told) == ("waits", None, 45 * MINUTE, "waits, 2 attempts so far")
    assert [one.host for one in lane.tries] == ["mx.beta.example"] * 2


def test_every_step_that_is_named_is_what_it_is_said_to_be(lab) -> None:
    lab.send(ALICE, [BOB, "450-twice@beta.example", "550@beta.example"], read=False)
    lab.clock.advance(hours=2)
    for lane in lanes(lab.trace):
        assert isinstance(lab.trace.step(lane.step).act, Store)
        for one in lane.tries:
            assert isinstance(lab.trace.step(one.step).act, Open)
            assert one.step < one.told and lab.trace.step(one.told).at == one.at
        assert lane.last and lab.trace.step(lane.last).at == lane.ended


@pytest.mark.parametrize(
    "recipient, more, told",
    [
        ("450-once@beta.example", {}, "delivered after 15 min, 2 attempts"),
        ("greylist@beta.example", {}, "delivered after 15 min, 2 attempts"),
        ("550@beta.example", {"notify": "NEVER"}, "dropped at once, 1 attempt"),
        ("x@nowhere.example", {}, "bounced at once, 1 attempt"),
        ("554-after-data@beta.example", {}, "bounced at once, 1 attempt"),
        ("disconnect-after-data-once@beta.example", {}, "delivered after 15 min, 2 attempts"),
    ],
)
def test_every_end(lab, recipient: str, more: dict, told: str) -> None:
    lab.send(ALICE, recipient, read=False, **more)
    lab.clock.advance(days=6)
    assert lanes(lab.trace)[0].told == told


def test_a_bounce_s_bounce_is_dropped(lab) -> None:
    lab.send("bob@beta.example", "nobody@gamma.example", read=False)
    assert ends(lab.trace)[BOB].startswith("delivered")
    other = Lab(seed=4, tls=False, opinions=False)
    other.faults.error("mx.alpha.example:25", "RCPT", "550 5.7.1 no")
    other.send(ALICE, "nobody@beta.example", read=False)
    assert ends(other.trace)[ALICE] == "dropped at once, 1 attempt"


def test_a_host_that_falls_over_goes_on_in_the_same_lane(lab) -> None:
    lab.stop("mx.beta.example")
    lab.send(ALICE, BOB, read=False)
    lab.clock.advance(minutes=20)
    lab.restart("mx.alpha.example")
    lab.clock.advance(minutes=40)
    lab.start("mx.beta.example")
    lab.clock.advance(hours=3)
    [lane] = lanes(lab.trace)
    assert lane.end == "delivered" and 20 * MINUTE in [one.at for one in lane.tries]


def test_a_backup_has_a_queue_of_its_own(lab) -> None:
    lab.zone.edit("beta.example", MX=["10 mx.beta.example.", "20 mx.gamma.example."])
    lab.configure("mx.gamma.example", backup_for=["beta.example"])
    lab.stop("mx.beta.example")
    lab.send(ALICE, BOB, read=False)
    lab.clock.advance(hours=1)
    lab.start("mx.beta.example")
    lab.clock.advance(hours=3)
    assert [(lane.host, lane.end) for lane in lanes(lab.trace)] == [
        ("mx.alpha.example", "delivered"),
        ("mx.gamma.example", "delivered"),
    ]


@settings(deadline=None, max_examples=60)
@given(traces())
def test_any_trace_can_be_read(trace: Trace) -> None:
    json.dumps(as_data(trace))


# -- what the player gets


def test_where_all_was_taken_at_once_there_is_no_pane(lab) -> None:
    lab.send(ALICE, BOB)
    assert as_data(lab.trace) == [] and "queue" not in score(lab.trace, {}, {})
    lab.send(ALICE, "450-once@beta.example", read=False)
    assert len(score(lab.trace, {}, {})["queue"]) == 2


def test_the_rules_that_put_off_and_refuse_say_whom_they_concern(lab) -> None:
    lab.send(ALICE, ["450@beta.example", "451@beta.example", "550@beta.example"], read=False)
    rules = {step.act.name: step.act.because for step in lab.trace.only(Rule)}
    assert rules["mta.later"]["recipients"] == "450@beta.example, 451@beta.example"
    assert [line[:3] for line in rules["mta.later"]["replies"].split("\n")] == ["450", "451"]
    assert rules["mta.bounce"]["replies"] == "550 5.1.1 there is no such mailbox"


# -- the picture


def busy(lab: Lab) -> Trace:
    lab.stop("mx.gamma.example")
    lab.send(ALICE, [BOB, "450-twice@beta.example", "nobody@beta.example"], subject="Lunch on Friday", read=False)
    lab.send(ALICE, ["carol@gamma.example", "450@beta.example"], subject="Minutes", read=False)
    lab.clock.advance(days=3)
    lab.start("mx.gamma.example")
    lab.send(ALICE, "450-3-times@beta.example", read=False)
    lab.clock.advance(days=3)
    return lab.trace


def test_the_picture_has_a_lane_for_each_and_says_how_it_ended(lab) -> None:
    trace = busy(lab)
    drawing = queue_drawing(trace)
    assert_legible(drawing)
    told = list(drawing.words())
    for lane in lanes(trace):
        assert lane.recipient in told and lane.end in told
    for words in ("0 min", "1 h", "1 d", "5 d", "450", "550", "taken", "waits in the queue"):
        assert words in told
    FigureCanvasAgg(queue_figure(trace)).draw()
    FigureCanvasAgg(queue_figure(trace, dark=True)).draw()
    ET.fromstring(queue_svg(trace))
    assert queue_svg(trace) != queue_svg(trace, dark=True)


@pytest.mark.parametrize("wait", [0, 1, 20 * MINUTE, 2 * HOUR, 2 * DAY, 40 * DAY])
def test_it_is_legible_at_any_moment(lab, wait: int) -> None:
    lab.send(ALICE, [BOB, "450@beta.example", "552-after-data@beta.example"], read=False)
    lab.clock.advance(seconds=wait)
    assert_legible(queue_drawing(lab.trace))


def test_as_text_it_is_a_line_for_each_recipient(lab) -> None:
    lab.send(ALICE, "450-twice@beta.example", read=False)
    lab.clock.advance(hours=1)
    said = "0 min, 15 min: 450 4.2.1 this mailbox is busy; 45 min: 250 taken"
    assert repr(queue_picture(lab.trace)) == f"450-twice@beta.example: delivered after 45 min, 3 attempts. {said}"
    assert in_words(lanes(lab.trace)[0]) in queue_picture(lab.trace)._repr_mimebundle_()["text/plain"]


def test_very_many_are_counted(lab) -> None:
    lab.send(ALICE, [f"450-{count}-times@beta.example" for count in range(1, 81)], read=False)
    drawing = queue_drawing(lab.trace)
    assert "and 20 more" in drawing.words()
    assert_inside(drawing)


def test_without_a_queue_it_says_what_to_do(lab) -> None:
    with pytest.raises(LabError, match=r"lab\.trace"):
        queue_picture(lab.trace)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_subjects_and_replies_are_drawn_as_text(lab, name: str) -> None:
    octets = HOSTILE[name][:2_000]
    subject = " ".join(octets.decode("latin-1").split())[:300]
    letter = b"From: a@alpha.example\r\nSubject: " + subject.encode("utf-8", "replace") + b"\r\n\r\nx\r\n"
    lab.send(ALICE, "450@beta.example", message=letter, read=False)
    assert_inside(queue_drawing(lab.trace))
    ET.fromstring(queue_svg(lab.trace))
    assert repr(queue_picture(lab.trace)).isprintable()


def test_the_scale_stretches_the_first_hours_and_keeps_their_order() -> None:
    scale = Scale(0, 5 * DAY)
    places = [scale(at) for at in schedule(Setup())]
    assert places == sorted(places) and (places[0], round(places[-1], 9)) == (0, 1)
    assert min(b - a for a, b in pairwise(places) if b < 1) > 0.03


SPANS = {0: "0 min", 20: "1 min", 900: "15 min", 27_900: "7 h 45 min", 5 * DAY: "5 d", 3 * DAY + 7 * HOUR: "3 d 7 h"}


@pytest.mark.parametrize("seconds, said", SPANS.items())
def test_a_span_in_words(seconds: float, said: str) -> None:
    assert span(seconds) == said
