"""What the player gets of a DKIM signature: equal to what the microscope and the verifier say, in every variant."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256

import pytest

from mailedu import Lab, LabError
from mailedu.auth.dkim import public_record
from mailedu.auth.dkim.microscope import LONGEST, look
from mailedu.lab.microscopes import MOST, MOST_CHANGED, microscopes
from mailedu.lab.shown import READERS, TABLES
from mailedu.trace import Trace
from mailedu.views.score import score

LETTER = (
    "From: alice@alpha.example\nTo: bob@beta.example\nSubject: Invoice  17\n\nPlease pay \t100 euros. \n\nAlice\n\n\n"
)
FORMS = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]


def scope(lab: Lab, message: bytes):
    (found,) = lab.verify_dkim(message).microscopes()
    return found


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("length", [False, 20])
def test_every_variant_is_what_the_verifier_says_of_it(forms, length) -> None:
    lab = Lab(seed=1)
    found = scope(lab, lab.sign_dkim(LETTER, canonicalization=forms, length=length).message)
    assert found["forms"] == forms.split("/") and len(found["variants"]) >= 10
    for one in found["variants"]:
        message = one["message"].encode("latin-1")
        own = lab.verify_dkim(message)[0]
        assert (one["result"], one["reason"]) == (own.result, own.reason)
        assert (one["body"], one["fields"]) == (own.body_same, own.fields_good), one["title"]
        fields, body = (one["views"][form][name] for form, name in zip(found["forms"], ("fields", "body"), strict=True))
        assert one["hashes"] == [sha256(text.encode("latin-1")).hexdigest() for text in (fields, body)]
        assert (one["hashes"][1] == one["said"][1]) == own.body_same
        assert (one["hashes"][0] == one["said"][0]) == own.fields_good
        for form, view in one["views"].items():
            assert [tuple(part[:4]) for part in view["parts"]] == [part[:4] for part in look(message, 1, form).parts]
    titles = {one["title"]: one for one in found["variants"]}
    assert titles["as it came"]["result"] == titles["a field that h= does not name"]["result"] == "pass"
    assert titles["a letter of the body"]["result"] == titles["a letter of the Subject"]["result"] == "fail"
    assert titles["a line more at the end"]["result"] == ("pass" if length else "fail")
    assert titles["SUBJECT for Subject"]["result"] == ("fail" if forms.startswith("simple") else "pass")


def test_the_steps_have_their_sections_and_all_of_it_is_plain_data() -> None:
    lab = Lab(seed=1)
    found = scope(lab, lab.sign_dkim(LETTER).message)
    used = {
        run[2]
        for one in found["variants"]
        for view in one["views"].values()
        for part in view["parts"]
        for run in part[4]
    }
    assert used <= set(found["steps"]) and "value of b= left out" in used
    assert json.loads(json.dumps(found)) == found


def test_a_letter_s_journey_has_one_a_signature_and_asks_nobody_again() -> None:
    lab = Lab(seed=1)
    mail = lab.send("alice@alpha.example", "bob@beta.example", subject="Hi", text="Hi Bob")
    lab.zone.edit("lab._domainkey.alpha.example", TXT=None)  # what the trace has is what counts
    (found,) = mail.microscopes()
    assert found["variants"][0]["result"] == "pass" and found["record"].startswith("v=DKIM1")
    assert found["variants"][0]["message"].encode("latin-1") == mail.message  # the latest form of it
    assert score(mail.trace, READERS, TABLES, microscopes=[found])["dkim"] == [found]
    assert "dkim" not in score(mail.trace, READERS, TABLES)


def test_without_a_signature_or_with_one_that_cannot_be_read_there_is_none() -> None:
    lab = Lab(seed=1)
    assert microscopes(Trace()) == []
    assert lab.verify_dkim("From: a@alpha.example\n\nHi\n").microscopes() == []
    assert lab.verify_dkim("DKIM-Signature: v=1; a=rsa-sha256\nFrom: a@alpha.example\n\nHi\n").microscopes() == []
    broken = lab.sign_dkim(LETTER).message.replace(b"d=alpha.example", b"d=nowhere.example")
    (found,) = lab.verify_dkim(broken).microscopes()
    assert found["variants"][0]["result"] == "permerror" and found["record"] == ""
    assert found["variants"][0]["body"] is None


def test_a_long_body_is_lengths_and_hashes_only_and_a_longer_letter_is_not_changed() -> None:
    lab = Lab(seed=1)
    long = lab.sign_dkim(LETTER + "x" * 70 + "\n" * LONGEST + "x\n").message
    (one,) = scope(lab, long)["variants"]
    assert "message" not in one and "views" not in one and one["result"] == "pass"
    assert one["octets"][1] > LONGEST and one["hashes"][1] == one["said"][1]
    middle = scope(lab, lab.sign_dkim(LETTER + "word \n" * (MOST_CHANGED // 6)).message)
    assert len(middle["variants"]) == 1 and "message" in middle["variants"][0]


def test_ed25519_opens_to_nothing_and_still_fits() -> None:
    lab, key = Lab(seed=1), b64encode(bytes(range(32))).decode()
    lab.zone.edit("ed._domainkey.alpha.example", TXT=public_record(key))
    found = scope(lab, lab.sign_dkim(LETTER, selector="ed", key=key).message)
    assert found["variants"][0]["said"][0] == "" and found["variants"][0]["fields"] is True


def test_of_many_signatures_some_are_shown() -> None:
    lab, message = Lab(seed=1), LETTER.replace("\n", "\r\n").encode()
    for _ in range(MOST + 2):
        message = lab.sign_dkim(message, names="from").message
        lab.clock.advance(seconds=1)
    assert len(lab.verify_dkim(message).microscopes()) == MOST


def test_another_form_can_be_looked_at() -> None:
    message = Lab(seed=1).sign_dkim(LETTER).message
    assert look(message, 1, "relaxed") == look(message)
    assert b"Invoice  17" in look(message, 1, "simple").fields_input
    with pytest.raises(LabError, match="no form 'loose'"):
        look(message, 1, "loose")


def test_any_octet_can_be_changed_and_the_verdict_is_the_verifiers() -> None:
    lab = Lab(seed=1)
    message = lab.sign_dkim("From: alice@alpha.example\nTo: bob@beta.example\nSubject: Hi\n\nSee you.\n").message
    (scope,) = lab.verify_dkim(message).microscopes()
    refused = 0
    for at in range(len(message)):
        octet = ord("n") if message[at] != ord("n") else ord("m")
        other = message[:at] + bytes([octet]) + message[at + 1 :]
        try:
            told = scope.tamper(at, octet)
        except LabError as no:
            refused += 1
            assert str(no).endswith(".")
        else:
            (found,) = lab.verify_dkim(other)
            if told["result"] == "temperror":  # another name for the key: of that one the trace has no answer
                assert found.result == "permerror" and found.reason == "there is no key", at
                continue
            assert (told["result"], told["reason"], told["body"]) == (found.result, found.reason, found.body_same), at
            assert told["message"] == other.decode("latin-1")
    assert 0 < refused < len(message) / 2
    for at, octet in ((-1, 1), (len(message), 1), (0, 256), (0, -1)):
        with pytest.raises(LabError, match="no octet"):
            scope.tamper(at, octet)


def test_the_player_asks_the_kernel_for_a_changed_octet(monkeypatch) -> None:
    lab = Lab(seed=1)
    verdict = lab.verify_dkim(lab.sign_dkim("From: alice@alpha.example\nSubject: Hi\n\nSee you.\n").message)
    player, sent = verdict.player(), []
    monkeypatch.setattr(type(player), "send", lambda self, message, buffers=None: sent.append(message))
    assert player.tampering
    for scope, at, octet in (
        (0, len(verdict.message) - 4, 65),
        (1, 0, 65),
        ("0", 0, 65),
        (0, 10**9, 65),
        (0, None, True),
    ):
        player.hear(player, {"type": "tamper", "scope": scope, "at": at, "octet": octet}, [])
    assert [message["type"] for message in sent] == ["tampered"] * 5
    assert sent[0]["variant"]["reason"] == "the body hash differs" and all("why" in message for message in sent[1:])
