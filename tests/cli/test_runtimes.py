"""``llmscale runtimes`` and ``llmscale plugins``: what is known of each, with nothing computed."""

from __future__ import annotations

import pytest

from llmscale.runtimes.registry import NAMES, info
from llmscale.runtimes.releases import newest
from tests.helpers import good, run


def test_the_list_names_each_with_its_newest_release() -> None:
    shown = good("runtimes", "--width", "200").out
    rows = {line.split()[0]: line for line in shown.splitlines() if line.split() and line.split()[0] in NAMES}
    assert set(rows) == set(NAMES)
    assert all(newest(name) in row for name, row in rows.items())


@pytest.mark.parametrize("name", NAMES)
def test_one_shows_its_releases_and_its_options(name: str) -> None:
    shown = good("runtimes", name, "--width", "200").out
    assert newest(name) in shown
    assert all(flag.partition("/")[0] in shown for option in info(name).options for flag in option.flags)


def test_json_has_what_the_table_has() -> None:
    found = good("runtimes", "-o", "json").json()["runtimes"]
    assert {one["name"]: one["release"] for one in found} == {name: newest(name) for name in NAMES}


def test_one_that_nobody_knows() -> None:
    answer = run("runtimes", "tabby")
    assert (answer.status, "no runtime called 'tabby'" in answer.err) == (3, True)


def test_without_packages_the_kinds_that_they_may_bring_are_listed() -> None:
    shown = good("plugins").out
    assert "No installed package brings anything to llmscale." in shown
    assert "llmscale.runtimes" in shown or "runtimes" in shown
