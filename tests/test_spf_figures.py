"""Pictures of SPF: legible, by matplotlib and as SVG the same, whatever the record; each result has its own sign."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from player_traces import HOSTILE
from test_figure import assert_inside, assert_legible
from test_spf_program import NESTED

from mailedu import Lab, LabError, Zone, check_spf
from mailedu.trace import Trace
from mailedu.views.drawing import Words
from mailedu.views.spf import RESULTS, map_drawing, map_svg, sign, spf_map, spf_tree, tree_drawing, tree_svg


def traced(zone: Zone = NESTED, mail_from: str = "x@a.example") -> Trace:
    return check_spf(ip="192.0.2.77", helo="mail.a.example", mail_from=mail_from, dns=zone).trace


def painted(figure) -> None:
    FigureCanvasAgg(figure).draw()


def words(drawing) -> list[str]:
    return [shape.text for shape in drawing.shapes if isinstance(shape, Words)]


def test_a_tree_shows_every_term_with_its_outcome_its_cost_and_its_section() -> None:
    drawing = tree_drawing(traced())
    assert_legible(drawing)
    told = words(drawing)
    for text in (
        "include:b.example",
        "exists:%{ir}.x.b.example",
        "match → fail",
        "not reached",
        "RFC 7208 §5.2",
        "a.example",
    ):
        assert text in told
    assert "6 of 10, 2 of 2 void" in told
    painted(spf_tree(traced()))
    ET.fromstring(tree_svg(traced(), dark=True))


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1",
        "v=spf1 bogus",
        "v=spf1 include:a.example",
        "v=spf1 " + "a " * 40,
        "v=spf1 a:" + "x" * 60 + ".example " * 3,
        "",
    ],
)
def test_whatever_the_record_it_is_legible(record: str) -> None:
    zone = Zone()
    zone.edit("a.example", TXT=record)
    drawing = tree_drawing(traced(zone))
    assert_legible(drawing)
    painted(spf_tree(traced(zone)))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_are_drawn_as_text(name: str) -> None:
    zone = Zone()
    zone.edit("a.example", TXT=f"v=spf1 a:{HOSTILE[name][:500].decode('latin-1')} -all".replace("\n", " "))
    drawing = tree_drawing(traced(zone))
    assert_inside(drawing)
    tree = ET.fromstring(tree_svg(traced(zone)))
    assert {element.tag.partition("}")[2] for element in tree.iter()} <= {
        "svg",
        "title",
        "rect",
        "path",
        "circle",
        "text",
    }


def test_a_letters_trace_has_a_tree_and_one_without_spf_says_what_to_take() -> None:
    letter = Lab(seed=1).send("alice@alpha.example", "bob@beta.example", read=False)
    assert "include:_spf.alpha.example" in words(tree_drawing(letter.trace))
    with pytest.raises(LabError, match=r"lab\.check_spf"):
        tree_drawing(Trace())


def test_a_verdict_is_its_own_figure_and_picture() -> None:
    verdict = Lab(seed=1).check_spf(ip="192.0.2.25", helo="mx.alpha.example", mail_from="alice@alpha.example")
    painted(verdict.figure())
    assert verdict.picture().startswith("<svg")


# -- maps


def every(network: str, result: str = "pass") -> dict[str, str]:
    return {str(address): result for address in ipaddress.ip_network(network)}


@pytest.mark.parametrize(
    "results",
    [
        {"192.0.2.7": "pass"},
        every("192.0.2.0/24"),
        {**every("192.0.2.0/28", "fail"), **every("198.51.100.64/27", "softfail"), **every("203.0.113.0/25", "none")},
        every("2001:db8::/121", "permerror"),
        {f"192.0.2.{number}": result for number, result in enumerate(RESULTS)},
        {**every("192.0.2.8/29"), "2001:db8::7": "temperror"},
    ],
)
def test_a_map_is_legible_and_has_a_square_for_each_address(results: dict[str, str]) -> None:
    drawing = map_drawing(results, "who may send")
    assert_legible(drawing)
    legend = " ".join(words(drawing))
    for result in set(results.values()):
        assert f"{result} {list(results.values()).count(result):,}" in legend
    painted(spf_map(results, title="who may send"))
    ET.fromstring(map_svg(results, dark=True))


def test_each_result_has_a_sign_of_its_own_without_its_colour() -> None:
    shapes = {}
    for result in RESULTS:
        told = []
        for shape in sign(0, 0, result):
            told.append(
                (
                    type(shape).__name__,
                    getattr(shape, "text", ""),
                    len(getattr(shape, "points", ())),
                    getattr(shape, "points", ()),
                )
            )
        shapes[result] = tuple(told)
    assert len(set(shapes.values())) == len(RESULTS)


def test_there_is_no_map_of_nothing() -> None:
    with pytest.raises(LabError, match="at least one address"):
        map_drawing({})
