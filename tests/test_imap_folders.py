"""Mailboxes by name: LIST as RFC 9051 prints it, special uses, what may be created, renamed and deleted."""

import random
import re
import time

import pytest
from imap_stage import ALICE, BOB, call, letter, logged_in, reader, stage, untagged
from pump import Stage

from mailedu.acts import Store
from mailedu.imap.folders import LONGEST, SPECIAL, matches
from mailedu.mailbox import Mailbox


def having(*names: str, subscribed: str = "") -> Stage:
    here = stage(0, *names)
    here.boxes[BOB].subscribed.update(dict.fromkeys(subscribed.split()))
    return here


def told(here: Stage, asked: str, *lines: str) -> list[str]:
    """The LIST responses, without the INBOX and without what every one has."""
    replies = untagged(logged_in(here, *lines).send(f"l LIST {asked}"))
    assert all(
        re.fullmatch(r'\* (LIST \([^)]*\) "/" "[^"]*"( \("CHILDINFO" \([^)]*\)\))?|STATUS .*)', one) for one in replies
    )
    return [one.removeprefix("* LIST ").replace(' "/"', "") for one in replies if '"INBOX"' not in one]


# -- patterns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern, name, fits",
    [
        ("*", "a/b", True), ("%", "a/b", False), ("%/%", "a/b", True), ("a%", "a", True), ("a%b", "a/b", False),
        ("a*b", "a/b", True), ("", "", True), ("", "a", False), ("inbox", "INBOX", True), ("in%", "INBOX", True),
        ("a", "A", False), ("*b*", "abc", True), ("**%%*", "x/y/z", True), ("a/%", "a/", True), ("%/", "a/", True),
    ],
)  # fmt: skip
def test_patterns(pattern, name, fits):
    assert matches(pattern, name) is fits


def test_patterns_at_random_and_hostile_ones():
    dice = random.Random(1)
    for _ in range(5_000):
        name = "".join(dice.choice("ab/") for _ in range(dice.randint(0, 8)))
        pattern = "".join(dice.choice("ab/*%%") for _ in range(dice.randint(0, 6)))
        expected = "".join({"*": ".*", "%": "[^/]*"}.get(one, re.escape(one)) for one in pattern)
        assert matches(pattern, name) == (re.fullmatch(expected, name) is not None), (pattern, name)
    began = time.process_time()
    assert matches("*a" * 400, "a" * LONGEST) and not matches("%a" * 400 + "b", "a" * LONGEST)
    assert time.process_time() - began < 0.5


# -- LIST, by the examples of RFC 9051 §6.3.9.8 ----------------------------------------------------------------------

GROCERIES = ("Fruit", "Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable", "Vegetable/Broccoli", "Vegetable/Corn")
LIKED = "Fruit/Banana Fruit/Peach Vegetable Vegetable/Broccoli"


def test_example_2_subscribed_mailboxes():
    assert told(having(*GROCERIES, subscribed=LIKED), '(SUBSCRIBED) "" *') == [
        '(\\Subscribed \\HasNoChildren) "Fruit/Banana"',
        '(\\NonExistent \\Subscribed) "Fruit/Peach"',
        '(\\Subscribed \\HasChildren) "Vegetable"',
        '(\\Subscribed \\HasNoChildren) "Vegetable/Broccoli"',
    ]


def test_example_3_children():
    assert told(having(*GROCERIES), '() "" % RETURN (CHILDREN)') == [
        '(\\HasChildren) "Fruit"',
        '(\\HasNoChildren) "Tofu"',
        '(\\HasChildren) "Vegetable"',
    ]


def test_example_6_subscriptions_of_what_is_there():
    lines = told(having(*GROCERIES, subscribed=LIKED), '(REMOTE) "" * RETURN (SUBSCRIBED)')
    assert len(lines) == 7 and [line for line in lines if "Subscribed" in line] == [
        '(\\Subscribed \\HasNoChildren) "Fruit/Banana"',
        '(\\Subscribed \\HasChildren) "Vegetable"',
        '(\\Subscribed \\HasNoChildren) "Vegetable/Broccoli"',
    ]


def test_example_7_childinfo():
    foo = ("Foo", "Foo/Bar", "Foo/Baz", "Moo")
    asked = '(SUBSCRIBED RECURSIVEMATCH) "" %'
    assert told(having(*foo, subscribed="Foo/Baz"), '(SUBSCRIBED) "" %') == []
    assert told(having(*foo, subscribed="Foo/Baz"), asked) == ['(\\HasChildren) "Foo" ("CHILDINFO" ("SUBSCRIBED"))']
    assert told(having(*foo, subscribed="Foo Foo/Baz"), asked) == [
        '(\\Subscribed \\HasChildren) "Foo" ("CHILDINFO" ("SUBSCRIBED"))'
    ]
    assert told(having("Foo/Bar", "Foo/Baz", "Moo", subscribed="Foo/Baz"), asked) == [
        '(\\NonExistent \\HasChildren) "Foo" ("CHILDINFO" ("SUBSCRIBED"))'
    ]
    assert told(having(*foo), asked) == []
    assert told(having(*foo, subscribed="Foo Moo"), asked + " RETURN (CHILDREN)") == [
        '(\\Subscribed \\HasChildren) "Foo"',
        '(\\Subscribed \\HasNoChildren) "Moo"',
    ]


def test_example_8_children_that_do_not_match():
    names = (
        "foo2",
        "foo2/bar1",
        "foo2/bar2",
        "baz2",
        "baz2/bar2",
        "baz2/bar22",
        "baz2/bar222",
        "eps2",
        "eps2/mamba",
        "qux2/bar2",
    )
    liked = "foo2/bar1 foo2/bar2 baz2/bar2 baz2/bar22 baz2/bar222 eps2 eps2/mamba qux2/bar2"
    assert told(having(*names, subscribed=liked), '(RECURSIVEMATCH SUBSCRIBED) "" *2') == [
        '(\\Subscribed \\HasNoChildren) "baz2/bar2"',
        '(\\Subscribed \\HasNoChildren) "baz2/bar22"',
        '(\\Subscribed \\HasNoChildren) "baz2/bar222"',
        '(\\Subscribed \\HasChildren) "eps2" ("CHILDINFO" ("SUBSCRIBED"))',
        '(\\HasChildren) "foo2" ("CHILDINFO" ("SUBSCRIBED"))',
        '(\\Subscribed \\HasNoChildren) "foo2/bar2"',
        '(\\Subscribed \\HasNoChildren) "qux2/bar2"',
    ]


def test_example_9_a_child_that_is_only_subscribed():
    here = having("foo", subscribed="foo/bar")
    assert told(here, '(SUBSCRIBED) "" "foo/*"') == ['(\\NonExistent \\Subscribed) "foo/bar"']
    assert told(here, '(SUBSCRIBED RECURSIVEMATCH) "" foo RETURN (CHILDREN)') == [
        '(\\HasNoChildren) "foo" ("CHILDINFO" ("SUBSCRIBED"))'
    ]


def test_example_10_levels_that_are_no_mailboxes():
    here = having("music/rock")
    assert told(here, '() "" %') == ['(\\NonExistent \\HasChildren) "music"']
    assert told(here, '"" %') == ['(\\Noselect \\HasChildren) "music"']  # in the old form, its old word
    assert told(here, '"" *') == told(here, '"" ("*" music/rock "")') == ['(\\HasNoChildren) "music/rock"']


def test_example_11_status():
    here = having("foo", "bar/baz", subscribed="foo bar/baz")
    assert told(here, '"" % RETURN (STATUS (MESSAGES UNSEEN))') == [
        '(\\NonExistent \\HasChildren) "bar"',
        '(\\HasNoChildren) "foo"',
        '* STATUS "foo" (MESSAGES 0 UNSEEN 0)',
    ]
    assert told(here, '(SUBSCRIBED RECURSIVEMATCH) "" % RETURN (STATUS (MESSAGES))') == [
        '(\\NonExistent \\HasChildren) "bar" ("CHILDINFO" ("SUBSCRIBED"))',
        '(\\Subscribed \\HasNoChildren) "foo"',
        '* STATUS "foo" (MESSAGES 0)',
    ]


def test_lsub():
    here = having("a", subscribed="a a/b c/d")
    imap = logged_in(here)
    assert untagged(imap.send('l LSUB "" *')) == [
        '* LSUB () "/" "a"', '* LSUB () "/" "a/b"', '* LSUB () "/" "c/d"'
    ]  # fmt: skip
    assert untagged(imap.send('l LSUB "" %')) == ['* LSUB () "/" "a"', '* LSUB (\\Noselect) "/" "c"']


# -- special uses ----------------------------------------------------------------------------------------------------


def test_special_uses_by_name():
    here = having(*SPECIAL, "Work")
    lines = told(here, '(SPECIAL-USE) "" *')
    assert lines == [f'(\\HasNoChildren \\{name}) "{name}"' for name in sorted(SPECIAL)]
    assert told(here, '"" Work RETURN (SPECIAL-USE)') == ['(\\HasNoChildren) "Work"']
    assert told(having("Old/Junk"), '(SPECIAL-USE) "" *') == []
    assert logged_in(here).send("c CREATE x (USE (\\Drafts))").startswith("c NO [USEATTR]")


def test_mail_that_was_quarantined_is_in_junk():
    """Whoever delivers there makes the box; IMAP finds it, although nobody created it by IMAP."""
    here = stage(0)
    here.boxes[f"{BOB}/Junk"] = Mailbox(77)
    here.change(Store(f"{BOB}/Junk", letter(1)))
    imap = logged_in(here)
    assert '* LIST (\\HasNoChildren \\Junk) "/" "Junk"' in untagged(imap.send('c LIST "" *'))
    assert "* 1 EXISTS" in untagged(imap.send("d SELECT Junk")) and "[UIDVALIDITY 77]" in imap.send("e EXAMINE Junk")
    assert imap.send("f MOVE 1 INBOX").startswith("f NO [READ-ONLY]")
    imap.send("g SELECT Junk")
    imap.send("h UID MOVE 1 INBOX")
    assert list(here.boxes[BOB]) == [letter(1)] and not here.boxes[f"{BOB}/Junk"].messages


def test_nobody_sees_another_one_s():
    here = stage(1, "Work")
    imap = call(here)
    imap.send("a LOGIN alice lab-alice")
    assert untagged(imap.send('b LIST "" *')) == ['* LIST (\\HasNoChildren) "/" "INBOX"']
    for name in ("Work", BOB, f"../{BOB}", f"{BOB}/Work", "/Work"):
        assert imap.send(f'c SELECT "{name}"').startswith("c NO [NONEXISTENT]")
    assert imap.send("d CREATE Work") == "d OK done\r\n" and f"{ALICE}/Work" in here.boxes


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, answer",
    [
        ("x", "OK"), ("a b", "OK"), ("a/b/c/", "OK"), ("Entw&APw-rfe", "OK"), ("x" * LONGEST, "OK"),
        ("INBOX/sub", "OK"), ("..", "OK"), ("", "NO"), ("/", "NO"), ("/x", "NO"), ("a//b", "NO"), ("a*b", "NO"),
        ("a%b", "NO"), ("x" * (LONGEST + 1), "NO"), ("&AAo-", "NO"), ("&ZeVnLIqe", "NO"), ("a\x7fb", "NO"),
        ("&IC4-x", "NO"),  # a mark that turns the writing round
        ("e&AwE-", "NO"),  # é in two pieces: Net-Unicode is composed
    ],
)  # fmt: skip
def test_what_a_mailbox_may_be_called(name, answer):
    here = stage(0)
    reply = logged_in(here).send(f'c CREATE "{name}"')
    assert reply.startswith(f"c {answer}"), reply
    assert (len(here.boxes) > 2) == (answer == "OK")


def test_inbox_stays():
    here = stage(3, "x")
    imap = logged_in(here)
    for line in ("DELETE inbox", "CREATE InBoX", "RENAME x INBOX"):
        assert imap.send(f"c {line}").startswith("c NO ")
    assert imap.send("d RENAME iNbOx Old/Mail") == "d OK done\r\n"
    assert not here.boxes[BOB].messages and list(here.boxes[f"{BOB}/Old/Mail"]) == [letter(n) for n in (1, 2, 3)]
    assert imap.send("e RENAME INBOX Old/Mail").startswith("e NO [ALREADYEXISTS]")


def test_rename_takes_along_what_stands_under_it():
    here = stage(0, "a", "a/b", "a/b/c", "ab")
    boxes = {name: here.boxes[f"{BOB}/{name}"] for name in ("a", "a/b", "a/b/c", "ab")}
    imap = logged_in(here)
    assert imap.send("c RENAME a x/y") == "c OK done\r\n"
    assert here.boxes[f"{BOB}/x/y"] is boxes["a"] and here.boxes[f"{BOB}/x/y/b/c"] is boxes["a/b/c"]
    assert here.boxes[f"{BOB}/ab"] is boxes["ab"] and f"{BOB}/a" not in here.boxes
    for line in ("RENAME x x/y/z", "RENAME x/y ab", "RENAME nowhere z", "RENAME ab ab", "RENAME ab a//b"):
        assert imap.send(f"d {line}").startswith("d NO ")
    imap.send("e DELETE x/y")  # now it is only a level
    assert imap.send("f RENAME x/y z") == "f OK done\r\n" and here.boxes[f"{BOB}/z/b"] is boxes["a/b"]
    assert f"{BOB}/z" not in here.boxes
    assert imap.send(f"g RENAME z {'w' * (LONGEST - 2)}").startswith("g NO [CANNOT]")  # z/b/c would get too long
    assert here.boxes[f"{BOB}/z/b"] is boxes["a/b"]


def test_a_new_mailbox_never_looks_like_an_old_one():
    """§2.3.1.1: the same name with other messages has another UIDVALIDITY."""
    here = stage(0, "x")
    imap = logged_in(here)
    used = {here.boxes[BOB].uidvalidity, here.boxes[f"{BOB}/x"].uidvalidity}
    for _ in range(5):
        for line in ("DELETE x", "CREATE y", "RENAME y x"):
            assert imap.send("c " + line) == "c OK done\r\n"
        assert here.boxes[f"{BOB}/x"].uidvalidity not in used
        used.add(here.boxes[f"{BOB}/x"].uidvalidity)


def test_nobody_saws_off_the_branch_another_sits_on():
    here = stage(1, "a", "a/b")
    one, two = logged_in(here, "b SELECT a/b"), logged_in(here)
    for line in ("RENAME a z", "RENAME a/b z"):
        assert two.send("c " + line).startswith("c NO [INUSE]")
    assert two.send("d DELETE a") == "d OK done\r\n"
    assert one.send("c RENAME a/b new") == "c OK done\r\n"  # its own branch it may rename
    here.change(Store(f"{BOB}/new", letter(1)))
    assert "* 1 EXISTS" in one.send("d NOOP") and one.send("e STORE 1 FLAGS (\\Seen)").endswith("e OK done\r\n")


@pytest.mark.parametrize("by", ["itself", "another"])
def test_who_has_a_mailbox_open_that_is_deleted_can_read_on_and_change_nothing(by):
    here = stage(0, "x")
    here.change(Store(f"{BOB}/x", letter(1)))
    imap = logged_in(here, "b SELECT x")
    assert (imap if by == "itself" else logged_in(here)).send("c DELETE x") == "c OK done\r\n"
    assert imap.send("d FETCH 1 RFC822.SIZE").endswith("d OK done\r\n")
    for line in ("STORE 1 FLAGS (\\Seen)", "FETCH 1 BODY[]", "MOVE 1 INBOX"):
        assert imap.send("e " + line).startswith("e NO [NONEXISTENT]")
    imap.send("f CREATE x")
    assert imap.send("g STORE 1 FLAGS (\\Deleted)").startswith("g NO [NONEXISTENT]")  # it is another one
    assert imap.send("h CLOSE") == "h OK done\r\n" and not here.boxes[f"{BOB}/x"].journal


def test_select_closes_the_one_before_and_says_so():
    imap = reader(stage(1, "Work"))
    assert untagged(imap.send("c SELECT Work"))[0] == "* OK [CLOSED] the one before"
    assert imap.send("d EXAMINE Nowhere") == "* OK [CLOSED] the one before\r\nd NO [NONEXISTENT] no such mailbox\r\n"
    assert imap.machine.state == "AUTHENTICATED" and imap.watched == ""
    assert "CLOSED" not in imap.send("e SELECT Work")


def test_a_name_in_rev2_is_utf8():
    here = stage(0)
    imap = logged_in(here, "b ENABLE IMAP4rev2")
    for name in ("Entwürfe", "&AOk-", "a&b", 'q"\\'):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        assert imap.send(f'c CREATE "{quoted}"'.encode() + b"\r\n") == "c OK done\r\n"
        assert f"{BOB}/{name}" in here.boxes
        lines = untagged(imap.send(f'd SELECT "{quoted}"'.encode() + b"\r\n"))
        assert f'* LIST (\\HasNoChildren) "/" "{quoted}"' in lines
