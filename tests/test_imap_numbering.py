"""Numbers and UIDs: who is told what and when, and that nobody is ever wrong about a number."""

import random
import re

import pytest
from imap_stage import BOB, logged_in, reader, stage, untagged
from pump import Stage

from mailedu.acts import Flag, Refused, Remove, Rule, Store, Watch
from mailedu.imap.numbering import View, each, in_order, inside, merge, merge_numbers
from mailedu.mailbox import Mailbox


def box(count: int = 4) -> Mailbox:
    return stage(count).boxes[BOB]


def remove(of: Mailbox, *uids: int) -> None:
    of.perform(Remove(BOB, uids), 0)


def add(of: Mailbox, count: int = 1) -> None:
    for _ in range(count):
        of.perform(Store(BOB, b"x"), 0)


def flag(of: Mailbox, *uids: int) -> None:
    of.perform(Flag(BOB, uids, "+", ("\\Flagged",)), 0)


# -- sequence sets -------------------------------------------------------------------------------------------------


def picked(view: View, *ranges, uid=False) -> list[int]:
    return [number for number, _ in view.pick(ranges, uid)]


def test_a_sequence_set_is_picked_ascending_each_once():
    view = View(BOB, box(5))
    assert picked(view, (4, 2), (3, 3), (None, None)) == [2, 3, 4, 5]
    assert picked(view, (1, None)) == picked(view, (None, 1)) == [1, 2, 3, 4, 5]
    assert view.pick(((2, 3),)) == [(2, 2), (3, 3)]


def test_numbers_that_nobody_has_are_a_mistake_and_uids_are_not():
    here = box(5)
    remove(here, 2, 4)
    view = View(BOB, here)  # UIDs 1, 3, 5
    for wrong in [((4, 4),), ((1, 9),), ((1, 1), (7, None))]:
        with pytest.raises(Refused, match="there are 3 messages"):
            view.pick(wrong)
    assert view.pick(((2, 4), (9, 99)), uid=True) == [(2, 3)]
    assert view.pick(((559, None),), uid=True) == [(3, 5)]  # a range with * has always the last one (§6.4.9)
    empty = View(BOB, Mailbox())
    assert empty.pick(((1, None),), uid=True) == []
    with pytest.raises(Refused):
        empty.pick(((1, None),))  # also "*" (§9, seq-number)


def test_sixteen_thousand_ranges_cost_no_more_than_one():
    view = View(BOB, box(0))
    view.uids = list(range(1, 10_001))
    assert len(view.pick(((1, None),) * 16_000)) == 10_000
    assert merge((n, n + 2) for n in range(0, 100_000, 3))[:2] == [(0, 2), (3, 5)]


@pytest.mark.parametrize(
    "spans, merged",
    [
        ([], []),
        ([(1, 1)], []),
        ([(5, 9), (1, 3), (2, 6)], [(1, 9)]),
        ([(1, 2), (2, 3)], [(1, 3)]),
        ([(1, 2), (3, 4)], [(1, 2), (3, 4)]),
        ([(1, 9), (2, 3)], [(1, 9)]),
    ],
)
def test_merge(spans, merged):
    assert merge(spans) == merged


def test_sets_and_what_is_in_them():
    assert in_order(4, 2, 9) == (2, 4) and in_order(4, None, 9) == (4, 9) and in_order(None, 11, 9) == (9, 11)
    merged = merge_numbers(((7, 5), (1, 1), (None, None)), 20)
    assert [n for n in range(22) if inside(merged, n)] == [1, 5, 6, 7, 20] and not inside([], 1)
    assert list(each(((1, 2), (5, 5)))) == [1, 2, 5]
    dice = random.Random(3)
    for _ in range(300):
        ranges = tuple(
            (dice.randint(1, 30), dice.choice([None, dice.randint(1, 30)])) for _ in range(dice.randint(1, 5))
        )
        wanted = {n for low, high in ranges for n in range(min(low, high or 20), max(low, high or 20) + 1)}
        merged = merge_numbers(ranges, 20)
        assert {n for n in range(40) if inside(merged, n)} == wanted


# -- what is told --------------------------------------------------------------------------------------------------


def test_expunge_then_exists_then_fetch():
    here = box(4)
    view = View(BOB, here)
    remove(here, 1, 3)
    add(here)
    flag(here, 2, 5)
    assert view.tell() == [
        b"* 1 EXPUNGE\r\n",
        b"* 2 EXPUNGE\r\n",
        b"* 3 EXISTS\r\n",
        b"* 3 RECENT\r\n",
        b"* 1 FETCH (UID 2 FLAGS (\\Flagged \\Recent))\r\n",
        b"* 3 FETCH (UID 5 FLAGS (\\Flagged \\Recent))\r\n",
    ]
    assert view.tell() == [] and not here.gone


def test_expunge_is_kept_back_and_all_else_is_told():
    here = box(4)
    view = View(BOB, here)
    remove(here, 2)
    add(here)
    flag(here, 3)
    assert view.tell(expunge=False)[::2] == [b"* 5 EXISTS\r\n", b"* 3 FETCH (UID 3 FLAGS (\\Flagged \\Recent))\r\n"]
    assert view.pick(((2, 3),)) == [(2, 2), (3, 3)] and here.read(2).data
    assert view.tell() == [b"* 2 EXPUNGE\r\n"] and view.pick(((2, 2),)) == [(2, 3)]


def test_what_is_pending_can_be_looked_at():
    here = box(3)
    view = View(BOB, here)
    remove(here, 2)
    view.tell(expunge=False)
    add(here)
    flag(here, 1)
    for _ in range(2):
        assert view.pending() == [("removed", 2), ("added", 4), ("flagged", 1)] and view.uids == [1, 2, 3]
    view.tell()
    assert view.pending() == []


def test_who_came_and_went_between_two_tellings_never_had_a_number():
    here = box(2)
    view = View(BOB, here)
    add(here, 2)
    remove(here, 3)
    assert view.tell() == [b"* 3 EXISTS\r\n", b"* 3 RECENT\r\n"] and view.uids == [1, 2, 4]
    add(here)
    remove(here, 5)
    assert view.tell() == [] and not here.gone


def test_a_view_that_closes_lets_go_of_what_it_was_not_told():
    here = box(4)
    one, two = View(BOB, here), View(BOB, here)
    remove(here, 1)
    two.tell(expunge=False)
    remove(here, 2)
    assert set(here.gone) == {1, 2}
    two.leave()
    assert set(here.gone) == {1, 2} and one.tell() and not here.gone and here.views == 1
    one.leave()
    assert here.views == 0


def test_keywords_are_made_known_before_they_are_used():
    here = box(2)
    view = View(BOB, here)
    here.perform(Flag(BOB, (2,), "+", ("work",)), 0)
    assert view.tell() == [
        b"* FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen work)\r\n",
        b"* 2 FETCH (UID 2 FLAGS (\\Recent work))\r\n",
    ]


def test_vanished_instead_of_expunge():
    here = box(5)
    view = View(BOB, here)
    add(here)
    remove(here, 4, 2, 6)  # of 6 the client never heard
    flag(here, 1)
    assert view.tell(modseq=True, vanished=True) == [
        b"* VANISHED 2,4\r\n", b"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent) MODSEQ (11))\r\n"
    ]  # fmt: skip


def test_a_cache_is_warned_of_removals_that_are_kept_back():
    here = box(3)
    view = View(BOB, here)
    remove(here, 1)  # at 5
    flag(here, 2)  # at 6
    assert view.tell(expunge=False, modseq=True, vanished=True)[0] == b"* OK [HIGHESTMODSEQ 4] more was removed\r\n"
    view.tell()
    assert view.modseq == here.modseq == 6


def test_recent_is_for_the_first_session_that_may_keep_it():
    here = box(2)
    looking = View(BOB, here, read_only=True)
    first, second = View(BOB, here), View(BOB, here)
    assert (looking.recent, first.recent, second.recent) == ({1, 2}, {1, 2}, set())
    add(here)
    assert b"* 1 RECENT\r\n" in second.tell() and b"* 2 RECENT\r\n" in first.tell()
    add(here)
    second.leave()  # it was never told of message 4
    assert b"* 3 RECENT\r\n" in first.tell()
    remove(here, 1)
    first.tell()
    assert first.recent == {2, 4}


# -- who comes back ------------------------------------------------------------------------------------------------


def test_what_vanished_since():
    here = box(6)
    remove(here, 2, 5)  # 8, 9
    remove(here, 6)  # 10
    view = View(BOB, here)
    everything = ((1, None),)
    assert view.vanished(everything, 7) == b"* VANISHED (EARLIER) 2,5:6\r\n"
    assert view.vanished(everything, 9) == b"* VANISHED (EARLIER) 6\r\n" and view.vanished(everything, 10) == b""
    assert view.vanished(((1, 4),), 7) == b"* VANISHED (EARLIER) 2\r\n"
    assert view.vanished(everything, 7, above=2) == b"* VANISHED (EARLIER) 5:6\r\n"
    remove(here, 1)
    assert view.vanished(everything, 7) == b"* VANISHED (EARLIER) 2,5:6\r\n"  # 1 has its number here, and is told later


def test_how_far_a_client_agrees():
    here = box(6)
    remove(here, 2)
    view = View(BOB, here)  # 1, 3, 4, 5, 6
    assert view.agrees_up_to(((1, 3),), ((1, 3),)) == 1  # it thinks number 2 is UID 2
    assert view.agrees_up_to(((1, 1), (3, 3)), ((1, 1), (4, 4))) == 4
    assert view.agrees_up_to(((9, 9),), ((4, 4),)) == 0 and view.agrees_up_to((), ()) == 0
    assert view.agrees_up_to(((1, 2**32 - 1),), ((1, 2**32 - 1),)) == 1  # and it takes no time


def test_which_changes_count():
    here = box(3)
    flag(here, 1)
    view = View(BOB, here)
    assert view.changed_since(4, [1, 2], ("\\Flagged",)) == {1}
    assert view.changed_since(4, [1, 2], ("\\Seen",)) == set()
    assert view.changed_since(4, [1, 2], ()) == {1} and view.changed_since(5, [1, 2], ()) == set()
    assert view.changed_since(1, [1, 2], ("\\Seen",)) == {2}  # message 1 had no flag when it was first changed
    assert view.changed_since(0, [3], ("\\Seen",)) == {3}


# -- at random -----------------------------------------------------------------------------------------------------


class Client:
    """It believes what it was told, and nothing else."""

    def __init__(self, here: Stage, *lines: str, **options) -> None:
        self.call = logged_in(here, *lines, **options)
        self.uids: list[int | None] = []  # by number; None: not asked yet
        self.flags: dict[int, set[str]] = {}  # by UID, where it was told
        self.send("b SELECT INBOX")

    def send(self, line: str) -> str:
        reply = self.call.send(line)
        for one in untagged(reply):
            self.told(one)
        return reply

    def told(self, line: str) -> None:
        if number := re.match(r"\* (\d+) (EXPUNGE|EXISTS|FETCH)", line):
            n = int(number[1])
            if number[2] == "EXPUNGE":
                del self.uids[n - 1]
            elif number[2] == "EXISTS":
                assert n >= len(self.uids), (line, self.uids)  # only EXPUNGE makes it smaller
                self.uids += [None] * (n - len(self.uids))
            elif uid := re.search(r"UID (\d+)", line):
                assert self.uids[n - 1] in (None, int(uid[1])), (line, self.uids)
                self.uids[n - 1] = int(uid[1])
                if flags := re.search(r"FLAGS \(([^)]*)\)", line):
                    self.flags[int(uid[1])] = set(flags[1].split())
        elif vanished := re.match(r"\* VANISHED ([\d:,]+)", line):
            for one in vanished[1].split(","):
                low, _, high = one.partition(":")
                for uid in range(int(low), int(high or low) + 1):
                    self.lose(uid)

    def lose(self, uid: int) -> None:
        """UIDs ascend: one that it never heard of is among the unknown ones between its neighbours."""
        if uid in self.uids:
            self.uids.remove(uid)
            return
        known = [(at, one) for at, one in enumerate(self.uids) if one is not None]
        first = max((at + 1 for at, one in known if one < uid), default=0)
        last = min((at for at, one in known if one > uid), default=len(self.uids))
        assert self.uids[first:last] and self.uids[first] is None, (uid, self.uids)
        del self.uids[first]

    def hear(self) -> None:
        for line in untagged(self.call.heard()):
            self.told(line)


LINES = [
    "FETCH {n} (UID FLAGS)",
    "UID FETCH 1:* (UID FLAGS)",
    "STORE {n} +FLAGS (\\Deleted)",
    "STORE {n} -FLAGS.SILENT (\\Deleted)",
    "STORE {n} +FLAGS.SILENT (turn{turn})",
    "UID STORE {uid} FLAGS (turn{turn})",
    "SEARCH DELETED",
    "UID SEARCH UNDELETED",
    "SORT (ARRIVAL) UTF-8 ALL",
    "NOOP",
    "EXPUNGE",
    "UID EXPUNGE 1:*",
    "COPY {n} INBOX",
    "MOVE {n} INBOX",
    "UID MOVE {uid} INBOX",
    "APPEND INBOX (\\Seen) {{1+}}\r\nx",
    "FETCH {n} BODY[]",
    "IDLE",
    "FROG",
    "FETCH {n} (FROG)",
]
KEEPS_NUMBERS = ("FETCH", "STORE", "SEARCH", "SORT")


def play(seed: int, **options) -> None:
    """Three clients of three kinds on one mailbox; now and then mail comes in, and nobody reads it yet."""
    dice, here = random.Random(seed), stage(6)
    kinds = [(), ("c ENABLE IMAP4rev2",), ("c ENABLE QRESYNC",)]
    clients = [Client(here, *lines, **options) for lines in kinds]
    mailbox = here.boxes[BOB]
    for turn in range(60):
        client = dice.choice(clients)
        known = [uid for uid in client.uids if uid] or [1]
        n = dice.randint(1, len(client.uids)) if client.uids else 1
        line = dice.choice(LINES).format(n=n, uid=dice.choice(known), turn=turn)
        meant = client.uids[n - 1] if client.uids else None
        reply = client.send(f"x {line}")
        if line == "IDLE":
            here.change(Store(BOB, b"while you wait"))
            here.settle()
            client.hear()
            reply = client.send("DONE")
        if line.startswith(KEEPS_NUMBERS):
            assert " EXPUNGE" not in reply and "VANISHED" not in reply, (seed, turn, line, reply)
        if line.startswith("STORE") and f"turn{turn}" in line:
            hit = {uid for uid, message in mailbox.messages.items() if f"turn{turn}" in message.flags}
            assert hit <= {meant} or meant is None, (seed, turn, line, hit, meant)
        if dice.random() < 0.1:
            here.change(Store(BOB, b"new"))
    for client in clients:
        client.send("y NOOP")
        client.send("z UID FETCH 1:* (UID FLAGS)")
        assert client.uids == list(mailbox.messages), seed
        for uid, message in mailbox.messages.items():
            assert client.flags[uid] - {"\\Recent"} == message.flags, seed
        assert not client.call.machine.opened.waiting
    for client in clients:
        client.send("z LOGOUT")
        assert client.call.is_well_nested()
    assert not mailbox.gone and not mailbox.views, seed


@pytest.mark.parametrize("seed", range(50))
def test_nobody_is_ever_wrong_about_a_number(seed):
    play(seed)


@pytest.mark.long
@pytest.mark.parametrize("block", range(30))
def test_nobody_is_ever_wrong_about_a_number_for_long(block):
    for seed in range(50 + 50 * block, 100 + 50 * block):
        play(seed)


def test_the_random_test_notices_a_broken_server():
    for seed in range(3):
        with pytest.raises(AssertionError):
            play(seed, broken="expunge-early")


def test_what_the_broken_server_does():
    here = stage(4)
    one, two = reader(here, broken="expunge-early"), reader(here, broken="expunge-early")
    one.send("c STORE 1 +FLAGS.SILENT (\\Deleted)")
    one.send("d EXPUNGE")
    assert untagged(two.send("c STORE 2 +FLAGS (mine)"))[0] == "* 1 EXPUNGE"
    assert here.boxes[BOB].messages[3].flags == {"mine"}  # and the client meant UID 2
    assert two.only(Rule)[-1] == Rule("imap.broken", "1")


# -- sessions ------------------------------------------------------------------------------------------------------


def test_silent_hides_ours_and_not_theirs():
    here = stage(2)
    one, two = reader(here), reader(here)
    two.send("c STORE 2 +FLAGS (\\Seen)")
    assert untagged(one.send("c STORE 1 +FLAGS.SILENT (\\Seen)")) == ["* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen))"]
    assert untagged(two.send("d NOOP")) == ["* 1 FETCH (UID 1 FLAGS (\\Seen))"]


def test_a_silent_store_still_tells_of_new_mail():
    here = stage(1)
    one, two = reader(here), reader(here)
    two.send("c APPEND INBOX {5+}\r\nhello")
    assert untagged(one.send("c STORE 1 +FLAGS.SILENT (\\Seen)"))[0] == "* 2 EXISTS"


def test_who_waits_is_told_why():
    here = stage(2)
    one, two = reader(here), reader(here)
    one.send("c STORE 1 +FLAGS.SILENT (\\Deleted)")
    one.send("d EXPUNGE")
    two.send("c FETCH 1 UID")
    assert two.only(Rule)[-1] == Rule("imap.expunge-waits", "1", {"command": "FETCH"})
    assert untagged(two.send("d UID FETCH 2 UID")) == ["* 2 FETCH (UID 2)", "* 1 EXPUNGE"]


def test_a_uid_search_by_message_numbers_is_no_moment_for_expunge_either():
    here = stage(3)
    one, two = reader(here), reader(here)
    one.send("c STORE 1 +FLAGS.SILENT (\\Deleted)")
    one.send("d EXPUNGE")
    assert untagged(two.send("c UID SEARCH 2:3")) == ["* SEARCH 2 3"]
    assert untagged(two.send("d UID SEARCH UID 2:3")) == ["* SEARCH 2 3", "* 1 EXPUNGE"]


def test_a_session_watches_the_box_it_has_open():
    here = stage(1, "Work")
    imap = reader(here, "c SELECT Work", "d CLOSE")
    assert imap.only(Watch) == [Watch(BOB), Watch(""), Watch(f"{BOB}/Work"), Watch("")]


def test_idle_tells_at_once_and_takes_no_news_for_a_line():
    here = stage(1)
    imap = reader(here)
    assert imap.send("c IDLE") == "+ idling\r\n"
    imap.send(b"DO")
    here.change(Store(BOB, b"x"))
    here.settle()
    assert imap.heard() == "* 2 EXISTS\r\n* 2 RECENT\r\n"
    assert imap.send(b"NE\r\n") == "c OK done\r\n"
