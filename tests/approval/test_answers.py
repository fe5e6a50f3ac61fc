"""The held answers: ``pytest tests/approval --snapshot-update`` takes new ones, and their diff is read line by line."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.approval.ask import ask
from tests.approval.questions import Question, kept, name


@pytest.mark.parametrize("question", kept(), ids=name)
def test_the_answer_is_the_held_one(question: Question, snapshot: SnapshotAssertion) -> None:
    assert ask(question) == snapshot(extension_class=JSONSnapshotExtension)
