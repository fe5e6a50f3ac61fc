"""What takes long says so on stderr where somebody looks, and never in a pipe."""

from __future__ import annotations

import io
import sys

import pytest

from llmscale.store import progress


class Screen(io.StringIO):
    """A terminal, or a pipe."""

    encoding = "utf-8"

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything takes longer than a moment."""
    monkeypatch.setattr(progress, "MOMENT", -1.0)


@pytest.mark.usefixtures("slow")
def test_how_much_is_done_is_said_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "say", lambda text: text.upper())
    assert list(progress.counted(range(3), 3, "models")) == [0, 1, 2]
    assert screen.getvalue().split(progress.CLEAR) == ["", "MODELS 0/3", "MODELS 1/3", "MODELS 2/3", ""]


def test_what_is_quick_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(True)
    monkeypatch.setattr(sys, "stderr", screen)
    assert list(progress.counted(range(3), 3, "models")) == [0, 1, 2]
    assert screen.getvalue() == ""


@pytest.mark.usefixtures("slow")
def test_a_pipe_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Screen(False)
    monkeypatch.setattr(sys, "stderr", pipe)
    with progress.telling("long"):
        assert list(progress.counted([1], 1, "models")) == [1]
    assert pipe.getvalue() == ""


def test_what_has_to_be_made_for_the_words_of_it_says_nothing_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def saying(text: str) -> str:
        with progress.telling("inner"):
            return f"<{text}>"

    screen = Screen(True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "say", saying)
    with progress.telling("outer"):
        pass
    assert screen.getvalue() == f"{progress.CLEAR}<outer>{progress.CLEAR}"


def test_what_is_known_to_take_long_is_wiped_also_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(True)
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(ValueError, match="no"), progress.telling("long"):
        raise ValueError("no")
    assert screen.getvalue() == f"{progress.CLEAR}long{progress.CLEAR}"
