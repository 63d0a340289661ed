"""State tables: what they allow, where they lead, and the picture drawn from them."""

import pytest

from mailedu.table import Row, Table, mermaid

ROWS = [
    Row("AUTHORIZATION", "USER", "ok", "PASSWORD", "7"),
    Row("AUTHORIZATION", "USER", "err", "AUTHORIZATION", "7"),
    Row("PASSWORD", "PASS", "ok", "TRANSACTION", "7"),
    Row("PASSWORD", "PASS", "err", "AUTHORIZATION", "7"),
    Row("TRANSACTION", "QUIT", "ok", "CLOSED", "6"),
]
TABLE = Table("POP3", ROWS, labels={"PASSWORD": "AUTHORIZATION"})


def test_a_table_is_its_rows():
    assert list(TABLE) == ROWS and len(TABLE) == 5
    assert TABLE.states == ["AUTHORIZATION", "PASSWORD", "TRANSACTION", "CLOSED"]
    assert TABLE.commands == {"USER", "PASS", "QUIT"}


@pytest.mark.parametrize(
    "state, command, allowed",
    [
        ("AUTHORIZATION", "USER", True),
        ("AUTHORIZATION", "PASS", False),
        ("CLOSED", "QUIT", False),
        ("nowhere", "QUIT", False),
        ("AUTHORIZATION", "user", False),
    ],
)
def test_what_is_allowed_where(state, command, allowed):
    assert TABLE.allows(state, command) is allowed


def test_where_it_leads():
    assert TABLE.next("PASSWORD", "PASS", "ok") == "TRANSACTION"
    assert TABLE.next("PASSWORD", "PASS", "err") == "AUTHORIZATION"
    with pytest.raises(KeyError):
        TABLE.next("PASSWORD", "PASS", "maybe")


def test_two_answers_to_one_question_are_no_table():
    with pytest.raises(ValueError, match="two rows"):
        Table("POP3", [*ROWS, ROWS[0]._replace(next="CLOSED")])


def test_the_diagram_comes_from_the_rows():
    assert mermaid(TABLE, here="PASSWORD").splitlines() == [
        "stateDiagram-v2",
        "    [*] --> AUTHORIZATION",
        "    AUTHORIZATION --> PASSWORD: USER",
        "    AUTHORIZATION --> AUTHORIZATION: USER (err)",
        "    PASSWORD --> TRANSACTION: PASS",
        "    PASSWORD --> AUTHORIZATION: PASS (err)",
        "    TRANSACTION --> CLOSED: QUIT",
        "    classDef here fill:#ffd54f",
        "    class PASSWORD here",
    ]


def test_a_state_of_two_words_has_a_name_of_one():
    drawn = mermaid(Table("IMAP", [Row("NOT AUTHENTICATED", "LOGOUT", "ok", "LOGOUT", "6.1.3")]), "NOT AUTHENTICATED")
    assert drawn.splitlines()[1:4] == [
        '    state "NOT AUTHENTICATED" as NOT_AUTHENTICATED',
        "    [*] --> NOT_AUTHENTICATED",
        "    NOT_AUTHENTICATED --> LOGOUT: LOGOUT",
    ]
    assert drawn.endswith("class NOT_AUTHENTICATED here")
