"""What every refusal on the command line has in common."""

from __future__ import annotations

from tests.helpers import Answer

USAGE, NOT_FOUND, BAD_FILE = 2, 3, 4


def refused(answer: Answer, status: int, *words: str) -> None:
    assert answer.status == status, answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert "defect" not in answer.err
    assert answer.err.startswith("error: ")
    assert all(word in answer.err for word in words), answer.err
    assert len(answer.err.splitlines()) <= 3
