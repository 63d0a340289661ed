"""The store: what an act does to it, what it writes down, what it keeps, and who has it."""

import pytest

from mailedu.acts import Ask, Flag, LabError, Remove, Store
from mailedu.mailbox import Change, Mailbox, combined, internal_date

BOX = "bob@beta.example"
MORNING = 1795424400.0  # Mon, 23 Nov 2026 09:00:00 UTC


def filled(count: int = 3, uidvalidity: int = 6) -> Mailbox:
    box = Mailbox(uidvalidity)
    for n in range(1, count + 1):
        box.perform(Store(BOX, b"Subject: %d\r\n\r\n" % n), MORNING)
    return box


def test_a_message_gets_a_uid_a_name_and_a_date_that_stay():
    box = filled(3)
    assert [(m.uid, m.name) for m in box.messages.values()] == [(1, "b6-0001"), (2, "b6-0002"), (3, "b6-0003")]
    assert box.messages[1].date == "23-Nov-2026 09:00:00 +0000"
    box.perform(Remove(BOX, (3,)), 0)
    [added] = box.perform(Store(BOX, b"new"), 0)
    assert added.uid == 4 and box.messages[4].name == "b6-0004"  # 3 is never given again
    assert list(box) == [b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n", b"new"] and len(box) == 3


def test_the_note_of_a_store_may_bring_flags_and_a_date():
    box = Mailbox()
    box.perform(Store(BOX, b"x", {"flags": "\\Seen work", "date": "01-Feb-2020 00:00:00 +0100", "junk": "yes"}), 0)
    assert box.messages[1].flags == {"\\Seen", "work"} and box.messages[1].date == "01-Feb-2020 00:00:00 +0100"


def test_the_receipt_says_what_changed_and_only_that():
    box = filled(3)
    assert box.perform(Flag(BOX, (1, 2, 9), "+", ("\\Seen",)), 0) == [Change(5, "flagged", 1), Change(6, "flagged", 2)]
    assert box.perform(Flag(BOX, (1,), "+", ("\\Seen",)), 0) == []
    assert box.perform(Remove(BOX, (2, 2, 77)), 0) == [Change(7, "removed", 2)]
    assert box.journal == [
        Change(2, "added", 1), Change(3, "added", 2), Change(4, "added", 3),
        Change(5, "flagged", 1), Change(6, "flagged", 2), Change(7, "removed", 2),
    ]  # fmt: skip
    assert box.modseq == 7 and box.since(5) == box.journal[-2:] and box.since(7) == [] and len(box.since(0)) == 6


def test_an_empty_box_has_a_modseq_that_its_first_message_passes():
    box = Mailbox()
    seen = box.modseq
    box.perform(Store(BOX, b"x"), 0)
    assert seen == 1 and [change.uid for change in box.since(seen)] == [1]


@pytest.mark.parametrize("how, after", [("", {"b", "c"}), ("+", {"a", "b", "c"}), ("-", {"a"})])
def test_flags_are_set_added_or_taken_away(how, after):
    assert combined(frozenset("ab"), how, frozenset("bc")) == after


def test_other_flags_make_another_message():
    box = filled(1)
    before = box.messages[1]
    box.perform(Flag(BOX, (1,), "", ("\\Flagged",)), 0)
    assert before.flags == frozenset() and box.messages[1].flags == {"\\Flagged"}
    assert box.messages[1].data is before.data


def test_what_is_removed_is_kept_while_a_view_may_need_it():
    box = filled(3)
    box.perform(Remove(BOX, (1,)), 0)
    assert not box.gone  # nobody is there
    box.join()
    box.join()
    box.perform(Remove(BOX, (2,)), 0)
    assert box.read(2).data == b"Subject: 2\r\n\r\n"
    box.let_go(2)
    assert box.read(2)
    box.let_go(2)
    assert not box.gone
    with pytest.raises(KeyError):
        box.read(2)


def test_the_lock_belongs_to_one_and_only_he_can_give_it_back():
    box, laptop, phone = Mailbox(), object(), object()
    assert box.lock(laptop) and not box.lock(phone)
    box.unlock(phone)
    assert not box.lock(phone)
    box.unlock(laptop)
    assert box.lock(phone)


def test_a_copy_goes_its_own_way():
    box = filled(2)
    box.join()
    box.lock(box)
    copy = box.copy()
    copy.perform(Remove(BOX, (1,)), 0)
    copy.perform(Store(BOX, b"x"), 0)
    assert list(box.messages) == [1, 2] and list(copy.messages) == [2, 3] and len(box.journal) == 2
    assert copy.messages[2] is box.messages[2] and copy.holder is None and not copy.gone


@pytest.mark.parametrize("uidvalidity", [0, -1, 2**32])
def test_a_uidvalidity_fits_its_32_bits(uidvalidity):
    with pytest.raises(LabError):
        Mailbox(uidvalidity)


def test_only_what_changes_a_box_can_be_done_to_it():
    with pytest.raises(TypeError):
        Mailbox().perform(Ask("a.example", "MX"), 0)


def test_internal_date():
    assert internal_date(0) == "01-Jan-1970 00:00:00 +0000"
    assert internal_date(MORNING + 0.9) == "23-Nov-2026 09:00:00 +0000"


def test_keywords_are_spelt_as_they_first_came():
    box = filled(2)
    box.perform(Store(BOX, b"x", {"flags": "Work \\Seen"}), 0)
    box.perform(Flag(BOX, (1,), "+", ("WORK", "$Junk", "$junk")), 0)
    assert box.messages[1].flags in ({"Work", "$Junk"}, {"Work", "$junk"}) and set(box.keywords) == {"WORK", "$JUNK"}
    box.perform(Flag(BOX, (1,), "-", ("work",)), 0)
    assert len(box.messages[1].flags) == 1 and box.messages[3].flags == {"Work", "\\Seen"}
    box.perform(Flag(BOX, (2,), "-", ("never",)), 0)
    box.perform(Flag(BOX, (99,), "+", ("nobody",)), 0)
    assert set(box.keywords) == {"WORK", "$JUNK"}  # only what a message has, or had, is a keyword of the box
    assert box.copy().keywords == box.keywords and box.copy().keywords is not box.keywords


def test_the_journal_remembers_the_flags_before():
    box = filled(1)
    box.perform(Flag(BOX, (1,), "", ("\\Seen",)), 0)
    box.perform(Flag(BOX, (1,), "+", ("\\Draft",)), 0)
    assert [change.before for change in box.journal] == [frozenset(), frozenset(), {"\\Seen"}]


def test_what_was_worked_out_goes_along_with_a_message():
    box = filled(1)
    box.messages[1].known["ENVELOPE"] = b"(...)"
    box.perform(Flag(BOX, (1,), "+", ("\\Seen",)), 0)
    assert box.messages[1].known == {"ENVELOPE": b"(...)"} and box.copy().messages[1].known is box.messages[1].known
    assert filled(1).messages[1] == filled(1).messages[1]  # and makes no difference
