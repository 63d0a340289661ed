"""IMAP sessions as the RFCs print them."""

import pytest
from imap_stage import call, stage
from transcript import play, transcripts


@pytest.mark.parametrize("path", transcripts("imap"), ids=lambda path: path.stem)
def test_transcript(path):
    here = stage(4, "Work")
    options = {"tls": True} | ({"broken": "expunge-early"} if "broken" in path.stem else {})
    play(path, lambda name: call(here, **options))
    assert all(call.is_well_nested() for call in here.calls)
