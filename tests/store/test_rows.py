"""A table's text gives back what was written, whichever of its objects are kept a line an entry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.store.rows import CHARACTERS, ENTRIES, Rows, dumped, parsed

LONG = "x" * CHARACTERS
MANY = {f"key {number}": {"value": [number, LONG]} for number in range(ENTRIES)}
VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda v: st.lists(v, max_size=2), max_leaves=4)


def back(data: dict[str, Any]) -> Any:
    return read(dumped({"made_with": {"a": 1}, "data": data}))


def read(text: str) -> Any:
    return parsed(text.encode())["data"]


@pytest.mark.parametrize(
    "data", [{}, {"entries": {}, "none": None}, MANY, {"entries": MANY, "names": {"a": ["b"]}, "more": MANY}]
)
def test_what_was_written_is_read(data: dict[str, Any]) -> None:
    found = back(data)
    assert isinstance(found, Rows)
    assert {key: dict(one) if isinstance(one, Rows) else one for key, one in found.items()} == data
    assert list(found) == list(data)
    assert len(found) == len(data)
    assert dumped({"data": found}) == dumped({"data": data})


@given(st.dictionaries(st.text(max_size=3), VALUES, min_size=ENTRIES, max_size=ENTRIES + 3))
def test_any_values_and_keys_come_back(values: dict[str, Any]) -> None:
    longer = {key: [value, LONG, "\n\u2028"] for key, value in values.items()}
    found = back({"entries": longer})["entries"]
    assert isinstance(found, Rows)
    assert [found[key] for key in longer] == list(longer.values())
    assert dict(found.items()) == longer


def test_big_objects_are_a_line_an_entry_and_small_ones_are_one() -> None:
    first, *lines, end = dumped({"data": {"entries": MANY, "few": {"a": LONG}}}).split("\n")
    assert not end
    assert [json.loads(line) for line in lines] == [*MANY.values(), {"a": LONG}]
    assert json.loads(first)["data"] == {"entries": list(MANY), "few": None}


def test_what_is_said_above_is_not_said_again() -> None:
    text = dumped({"data": {"entries": {**MANY, "again": MANY["key 7"]}, "few": 1, "more": {**MANY, "short": 1}}})
    assert text.count(LONG) == ENTRIES
    assert text.split("\n")[ENTRIES + 1 : ENTRIES + 5] == ["=7", "1", "=0", "=1"]  # a number is as short itself
    found = parsed(text.encode())["data"]
    assert dict(found["entries"]) == {**MANY, "again": MANY["key 7"]}
    assert dict(found["more"]) == {**MANY, "short": 1}
    assert found["entries"]["again"] is not found["entries"]["key 7"]


def test_an_entry_is_read_when_it_is_asked_for_and_no_other_is() -> None:
    rows = read(dumped({"data": MANY}).replace('{"value":[7,', "{", 1))
    assert rows["key 8"] == MANY["key 8"]
    assert "key 7" in rows
    assert len(rows) == ENTRIES
    assert list(rows) == list(MANY)
    with pytest.raises(ValueError, match="Expecting"):
        rows["key 7"]


def test_all_of_it_is_in_order_whatever_was_read_before() -> None:
    rows = back({"a": 1, "entries": MANY, "b": 2})
    assert (rows["b"], rows["entries"]["key 9"]) == (2, MANY["key 9"])
    assert [*rows.items()][::2] == [("a", 1), ("b", 2)]
    assert list(rows["entries"].values()) == list(MANY.values())
    backwards = back({"entries": MANY})["entries"]
    assert [backwards[key] for key in reversed(MANY)]
    assert list(backwards.items()) == list(MANY.items())


def test_a_key_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        back(MANY)["other"]
    assert back(MANY).get("other") is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text + "{}\n", str(ENTRIES + 1)),
        (lambda text: text.rstrip("\n").rpartition("\n")[0] + "\n", "shorter"),
        (lambda text: text[:-1], "x"),
        (lambda text: text[:-40], "x"),
        (lambda _: '{"data": {"a": null}}\n', "lines"),
        (lambda _: '{"data": {"a": null}}\n=1\n', "lines"),
        (lambda _: '{"data": {"a": null}}\n=x\n', "invalid literal"),
        (lambda _: "[1]\n", "1"),
        (lambda _: "", "unpack"),
        (lambda _: '{"data": 3}\n', "data"),
        (lambda _: '{"data": {"a": 3}}\n', "data"),
    ],
)
def test_a_text_that_is_none_is_refused(change: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(change(dumped({"data": {"entries": MANY}})))


def test_what_stands_behind_a_value_is_damage() -> None:
    rows = read(dumped({"data": {"a": 12, "b": 3}}).replace("\n12\n", "\n12 garbage\n"))
    assert rows["b"] == 3
    with pytest.raises(ValueError, match="garbage"):
        rows["a"]
