"""The player as a widget, on the kernel's side: traits, branches, what the notebook file gets, cells run again."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from player_traces import READERS, TABLES, long, reading

from mailedu import Lab
from mailedu.acts import LabError
from mailedu.trace import Trace
from mailedu.views import score as scores
from mailedu.views import widget
from mailedu.views.score import Branch
from mailedu.views.widget import MOST, Player


def player(**more) -> Player:
    return Player(reading(), READERS, TABLES, **more)


def unpacked(packed: bytes) -> dict:
    return json.loads(gzip.decompress(packed))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list:
    """What players tell the page by message."""
    messages: list = []
    monkeypatch.setattr(Player, "send", lambda self, message, buffers=None: messages.append(message))
    return messages


def say(made: Player, **message) -> None:
    """What arrives when the page sends a message."""
    made._handle_custom_msg({"type": "branch", "branch": "", **message}, [])


def test_the_page_gets_the_score_once_and_steps_by_itself() -> None:
    made = player()
    assert unpacked(made.packed)["title"] == "bob reads his mail"
    assert made.get_state()["cursor"] == 0
    assert len(made.packed) < 6_000
    assert made.branching is False


def test_the_cursor_can_be_set_from_both_sides() -> None:
    made = player()
    made.set_state({"cursor": 28})
    assert made.cursor == 28


def test_a_branch_is_really_asked_for_and_kept(sent: list) -> None:
    asked = []

    def on_branch(at: int, text: str):
        asked.append((at, text))
        return long(100)

    made = player(on_branch=on_branch)
    assert made.branching is True
    say(made, at=26, text="PASS lab-bob")
    assert asked == [(26, "PASS lab-bob")]
    (branch,) = made.branches
    assert (branch["id"], branch["parent"], branch["at"], branch["title"]) == ("b1", "", 26, "PASS lab-bob")
    assert unpacked(branch["packed"])["title"] == "PASS lab-bob"
    assert sent == []


def test_a_branch_can_be_branched_again(sent: list) -> None:
    made = player(on_branch=lambda at, text: (reading(), lambda at, text: reading()))
    say(made, at=26, text="one")
    say(made, at=36, text="two", branch="b1")
    assert [(branch["id"], branch["parent"]) for branch in made.branches] == [("b1", ""), ("b2", "b1")]
    say(made, at=36, text="three", branch="b2")
    assert sent == [
        {"type": "refused", "why": "Nothing can be branched here: this trace came without the lab that made it."}
    ]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"at": 9_999, "text": "x"}, "no step 9999"),
        ({"at": -1, "text": "x"}, "no step -1"),
        ({"at": "26", "text": "x"}, "no step 26"),
        ({"at": True, "text": "x"}, "no step True"),
        ({"text": "x"}, "no step None"),
        ({"at": 26, "text": ""}, "Type a line"),
        ({"at": 26, "text": "x" * (MOST + 1)}, "Type a line"),
        ({"at": 26, "text": 5}, "Type a line"),
        ({"at": 26, "text": "x", "branch": "b7"}, "Nothing can be branched"),
        ({"at": 26, "text": "x", "branch": ["b7"]}, "Nothing can be branched"),
    ],
)
def test_what_cannot_be_branched_is_refused_with_a_sentence(message: dict, why: str, sent: list) -> None:
    made = player(on_branch=lambda at, text: reading())
    say(made, **message)
    assert made.branches == []
    assert why in sent[0]["why"]


def test_several_lines_are_said_with_the_line_ends_of_mail(sent: list) -> None:
    asked = []
    made = player(on_branch=lambda at, text: asked.append(text) or reading())
    say(made, at=26, text="Subject: Hello\n\nHi!\r\n.")
    assert asked == ["Subject: Hello\r\n\r\nHi!\r\n."]
    assert sent == []


def test_a_whole_message_can_be_typed_in_place_of_one_that_was_sent() -> None:
    call = Lab(seed=1).smtp("mx.beta.example")
    for line in ("EHLO me.example", "MAIL FROM:<>", "RCPT TO:<bob@beta.example>", "DATA", "Subject: one\r\n\r\n1\r\n."):
        call.send(line)
    made = call.player()
    rows = unpacked(made.packed)["rows"]
    at = next(row["n"] for row in rows if row["label"].startswith("354"))
    made.branch(at, "Subject: two\n\n2\n.")
    (branch,) = made.branches
    labels = [row["label"] for row in unpacked(branch["packed"])["rows"] if row["kind"] == "say"]
    assert "Subject: two" in labels and "Subject: one" not in labels
    assert labels[-1].startswith("250 ")


def test_the_forks_of_a_call_come_along(tmp_path) -> None:
    call = Lab(seed=1).smtp("mx.beta.example")
    call.send("EHLO me.example")
    other = call.fork(at=1)
    other.send("VRFY bob")
    deeper = other.fork(at=0)
    deeper.send("QUIT")
    call.send("RSET")
    made = call.player()
    assert [(one["id"], one["parent"], one["title"]) for one in made.branches] == [
        ("b1", "", "VRFY bob"),
        ("b2", "b1", "QUIT"),
    ]
    rows = unpacked(made.packed)["rows"]
    (last,) = [row for row in rows if made.branches[0]["at"] in (row["n"], *row.get("also", ()))]
    assert last["label"] == "EHLO me.example", "it parts after the exchange it was forked at"
    call.to_html(tmp_path / "call.html")
    assert '"title": "VRFY bob"' in (tmp_path / "call.html").read_text("utf-8")


def test_a_reply_is_explained_by_the_catalogue() -> None:
    call = Lab(seed=1).smtp("mx.beta.example")
    for line in ("EHLO me.example", "MAIL FROM:<>", "RCPT TO:<nobody@beta.example>"):
        call.send(line)
    told = unpacked(call.player().packed)
    (row,) = [row for row in told["rows"] if row["label"].startswith("550 ")]
    assert row["means"] == ["550", "5.1.1"]
    says, source = told["codes"]["5.1.1"]
    assert "mailbox" in says
    assert source.startswith("RFC 3463")


def test_futures_that_there_are_already_come_along_and_are_branched_like_others(sent: list) -> None:
    other = Branch("b1", "", 18, "NOOP", reading(b"NOOP\r\n"), lambda at, text: reading())
    made = player(on_branch=lambda at, text: reading(), grown=[other])
    say(made, at=17, text="VRFY", branch="b1")
    there = [(one["id"], one["parent"], one["title"]) for one in made.branches]
    assert there == [("b1", "", "NOOP"), ("b2", "b1", "VRFY")]
    assert sent == []


def test_the_trace_itself_comes_along_unless_it_is_very_long(monkeypatch: pytest.MonkeyPatch) -> None:
    made = player(on_branch=lambda at, text: reading(b"NOOP\r\n"))
    made.branch(26, "NOOP")
    assert Trace.from_json(gzip.decompress(made.recorded).decode()) == reading()
    assert Trace.from_json(gzip.decompress(made.branches[0]["recorded"]).decode()) == reading(b"NOOP\r\n")
    monkeypatch.setattr(scores, "MOST_RECORDED", 10)
    assert player().recorded == b""


def test_a_player_is_written_as_a_page_with_its_branches(tmp_path) -> None:
    made = player(on_branch=lambda at, text: reading())
    made.branch(26, "VRFY root")
    made.to_html(tmp_path / "page.html")
    assert '"title": "VRFY root"' in (tmp_path / "page.html").read_text("utf-8")


def test_what_is_asked_before_a_step_can_be_written_plainly() -> None:
    asked = ("What comes back?", {"+OK": "No: the password is wrong.", "-ERR": True})
    rows = unpacked(player(predict={28: asked}).packed)["rows"]
    (row,) = [row for row in rows if "predict" in row]
    assert row["n"] == 28
    assert row["predict"] == {
        "ask": "What comes back?",
        "choices": [
            {"text": "+OK", "right": False, "hint": "No: the password is wrong."},
            {"text": "-ERR", "right": True, "hint": ""},
        ],
    }
    assert unpacked(player(predict={"-ERR [AUTH]": asked}).packed) == unpacked(player(predict={28: asked}).packed)


@pytest.mark.parametrize(
    "predict",
    [
        {9_999: ("?", {"a": True, "b": "no"})},
        {"250 nowhere": ("?", {"a": True, "b": "no"})},
        {28: "What?"},
        {28: ("What?", ["a", "b"])},
        {28: ("What?", {"a": True})},
        {28: ("What?", {"a": "no", "b": "no"})},
    ],
)
def test_what_cannot_be_asked_is_said_so(predict: dict) -> None:
    with pytest.raises(LabError):
        player(predict=predict)


def test_the_labs_own_no_reaches_the_page(sent: list) -> None:
    def on_branch(at: int, text: str):
        raise LabError("Here nobody was typing.")

    say(player(on_branch=on_branch), at=26, text="x")
    assert sent == [{"type": "refused", "why": "Here nobody was typing."}]


def test_a_bug_behind_a_branch_is_not_hidden_from_the_page(sent: list) -> None:
    def on_branch(at: int, text: str):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        player(on_branch=on_branch).branch(26, "x")


def test_other_messages_are_none_of_ours(sent: list) -> None:
    made = player()
    for message in ({"type": "else"}, {}, "text", None, ["branch"]):
        made.hear(made, message, [])
    assert sent == []


def test_a_notebook_file_gets_a_page_and_a_line_of_text() -> None:
    made = player()
    data, _ = made._repr_mimebundle_()
    assert data["text/plain"] == "Player: bob reads his mail, 88 steps"
    assert data["text/html"].startswith('<iframe sandbox="allow-scripts')
    assert "allow-same-origin" not in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_very_long_trace_is_not_put_into_the_file_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "LARGEST_PAGE", 100)
    data, _ = player()._repr_mimebundle_()
    assert "text/html" not in data


def test_a_cell_that_is_run_again_closes_what_it_made_before(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"metadata": {"cellId": "c1"}, "header": {"msg_id": "1"}}
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: request))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(widget, "made", {})
    closed = []
    monkeypatch.setattr(Player, "close", lambda self: closed.append(self))
    first, second = player(), player()
    assert closed == [], "two players of one run stay"
    request["header"] = {"msg_id": "2"}
    third = player()
    assert closed == [first, second]
    request.update(metadata={"cellId": "c2"}, header={"msg_id": "3"})
    player()
    assert closed == [first, second], "another cell's stay"
    assert widget.made["c1"] == ("2", [third])


def test_without_jupyter_there_is_nothing_to_close() -> None:
    assert widget.running() == ("", "")


def test_the_page_about_the_player_says_what_is_true(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its examples are run, one after the other."""
    text = (Path(__file__).parent.parent / "docs" / "player.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        exec(compile(example, "docs/player.md", "exec"), names)
    assert {path.name for path in tmp_path.iterdir()} == {"journey.html", "queue.pdf", "sequence.pdf", "states.pdf"}
    rows = unpacked(names["shown"].packed)["rows"]
    assert [row["label"][:10] for row in rows if "predict" in row] == ["550 5.7.26"]
