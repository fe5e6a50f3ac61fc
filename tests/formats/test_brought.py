"""A quant that an installed package brings, and one that cannot be loaded, without a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from importlib.metadata import EntryPoint

import pytest

from llmscale import plugins
from llmscale.formats import brought
from tests.helpers import REPOSITORY, good, run

EXAMPLE = str(REPOSITORY / "docs" / "plugin" / "src" / "llmscale_example" / "quants.yaml")


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """What packages name; add to it before anything is asked."""
    found: list[EntryPoint] = []
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point for point in found if point.group == group])
    known = (plugins._points, plugins._load, plugins._trouble, brought._checked)
    for each in known:
        each.cache_clear()
    yield found
    for each in known:
        each.cache_clear()


def test_a_brought_quant_is_estimated(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("mine", f"{__name__}:EXAMPLE", "llmscale.quants"))
    told = good("estimate", "llama-2-7b", "-q", "example-5", "-o", "json").json()
    assert [each["quant"] for each in told["estimates"]] == ["ex5"]
    assert run("estimate", "llama-2-7b", "-q", "example-6").status == 3


def test_what_cannot_be_loaded_is_a_line_and_no_more(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("broken", "nowhere.at.all:nothing", "llmscale.quants"))
    points.append(EntryPoint("mine", f"{__name__}:EXAMPLE", "llmscale.quants"))
    told = run("estimate", "llama-2-7b", "-q", "example-5", "-o", "json")
    assert told.status == 0
    assert "the plugin 'broken' of an unknown package cannot be loaded: ModuleNotFoundError" in told.err
    listed = good("plugins", "-o", "json").json()["plugins"]
    assert [(each["name"], bool(each["trouble"])) for each in listed] == [("broken", True), ("mine", False)]
    shown = good("plugins", "--width", "200").out
    assert "broken" in shown
    assert "ModuleNotFoundError" in shown


def test_they_are_found_by_name(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("mine", f"{__name__}:EXAMPLE", "llmscale.quants"))
    assert plugins.names("quants") == ["mine"]
    assert plugins.find("quants", "mine") == EXAMPLE
    assert plugins.find("quants", "yours") is None
    assert plugins.names("writers") == []
