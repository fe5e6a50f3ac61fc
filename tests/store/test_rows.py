"""A table's text gives back what was written, whichever of its objects are kept a line an entry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.store.rows import CHARACTERS, ENTRIES, MARK, Rows, dumped, parsed

LONG = "x" * CHARACTERS
MANY = {f"key {number}": {"value": [number, LONG]} for number in range(ENTRIES)}
VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda v: st.lists(v, max_size=2), max_leaves=4)


def back(data: dict[str, Any]) -> Any:
    return parsed(dumped({"made_with": {"a": 1}, "data": data}))["data"]


@pytest.mark.parametrize(
    "data",
    [{}, {"entries": {}}, MANY, {"entries": MANY, "names": {"a": ["b"]}, "more": MANY}, {"a": {MARK: ["b"], "c": 1}}],
)
def test_what_was_written_is_read(data: dict[str, Any]) -> None:
    found = back(data)
    assert dict(found) == data if not isinstance(found, Rows) else dict(found.items()) == data


@given(st.dictionaries(st.text(max_size=3), VALUES, min_size=ENTRIES, max_size=ENTRIES + 3))
def test_any_values_and_keys_come_back(values: dict[str, Any]) -> None:
    longer = {key: [value, LONG, "\n\u2028"] for key, value in values.items()}
    found = back({"entries": longer})["entries"]
    assert isinstance(found, Rows)
    assert [found[key] for key in longer] == list(longer.values())
    assert dict(found.items()) == longer


def test_big_objects_are_a_line_an_entry_and_small_ones_are_not() -> None:
    first, *lines = dumped({"data": {"entries": MANY, "few": {"a": LONG}}}).split("\n")
    assert [json.loads(line) for line in lines] == list(MANY.values())
    assert json.loads(first)["data"]["few"] == {"a": LONG}


def test_an_entry_is_read_when_it_is_asked_for_and_no_other_is() -> None:
    damaged = dumped({"data": MANY}).replace('{"value":[7,', "{", 1)
    rows = parsed(damaged)["data"]
    assert rows["key 8"] == MANY["key 8"]
    assert "key 7" in rows and len(rows) == ENTRIES and list(rows) == list(MANY)
    with pytest.raises(ValueError, match="Expecting"):
        rows["key 7"]


@pytest.mark.parametrize("missing", [KeyError])
def test_a_key_that_is_not_there_is_a_key_error(missing: type[Exception]) -> None:
    with pytest.raises(missing):
        back(MANY)["other"]
    assert back(MANY).get("other") is None


@pytest.mark.parametrize("change", [lambda text: text + "\n{}", lambda text: text.rpartition("\n")[0], lambda _: "[1]"])
def test_lines_too_many_or_too_few_are_refused(change: Any) -> None:
    with pytest.raises(ValueError):
        parsed(change(dumped({"data": {"entries": MANY}})))
