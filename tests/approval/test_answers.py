"""The held answers: ``pytest tests/approval --snapshot-update`` takes new ones, and their diff is read line by line.

Bounds are left out: they are of the rows in tests/truth, of which there may be more at any time, and are held by
`docs/accuracy.md` and ``tests/test_accuracy.py``.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.approval.ask import ask
from tests.approval.questions import Question, kept, name

BOUND = re.compile(r": within \S+ % in 95 of 100 cases, by [\d,]+ measured rows")


def without_bounds(value: Any) -> Any:
    """The answer without the bounds of its parts, and without the lines that explain them."""
    if isinstance(value, dict):
        return {key: without_bounds(part) for key, part in value.items() if key != "bounds"}
    if isinstance(value, list):
        return [without_bounds(part) for part in value if not (isinstance(part, str) and BOUND.search(part))]
    return value


@pytest.mark.parametrize("question", kept(), ids=name)
def test_the_answer_is_the_held_one(question: Question, snapshot: SnapshotAssertion) -> None:
    assert without_bounds(ask(question)) == snapshot(extension_class=JSONSnapshotExtension)
