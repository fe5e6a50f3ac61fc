"""Names as people type them, and what is suggested for a near miss."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.errors import NotFoundError
from llmscale.names import find, nearest, normal
from tests.helpers import error_of

NAMES = {
    "llama27b": ["llama-2-7b"],
    "llama213b": ["llama-2-13b"],
    "opt1.3b": ["opt-1.3b"],
    "opt13b": ["opt-13b"],
    "rtx4090": ["rtx4090"],
    "a100": ["a100-40gb", "a100-80gb"],
}


@pytest.mark.parametrize("name", ["RTX 4090", "rtx-4090", "rtx_4090", "  Rtx4090 ", "RTX.4090"])
def test_case_spaces_and_punctuation_do_not_matter(name: str) -> None:
    assert find(name, NAMES, "device") == "rtx4090"


def test_a_dot_between_digits_does() -> None:
    assert find("OPT-1.3B", NAMES, "model") == "opt-1.3b"
    assert find("opt 13b", NAMES, "model") == "opt-13b"


def test_a_dot_too_many_is_forgiven_where_only_one_name_is_left() -> None:
    assert find("llama-2.7b", NAMES, "model") == "llama-2-7b"
    with pytest.raises(NotFoundError, match="could be any of 2 models") as caught:
        find("x123", {"x1.23": ["first"], "x12.3": ["second"]}, "model")
    assert caught.value.hint == "Name one: first, second."


def test_an_ambiguous_name_lists_its_candidates() -> None:
    with pytest.raises(NotFoundError, match="'A100' could be any of 2 devices") as caught:
        find("A100", NAMES, "device")
    assert caught.value.hint == "Name one: a100-40gb, a100-80gb."


def test_the_beginning_of_several_names_lists_them() -> None:
    with pytest.raises(NotFoundError, match="'llama' could be any of 2 models") as caught:
        find("llama", NAMES, "model")
    assert caught.value.hint == "Name one: llama-2-13b, llama-2-7b."
    many = {f"model{n}": [f"model-{n}"] for n in range(100, 130)}
    with pytest.raises(NotFoundError, match="any of 30 models") as caught:
        find("model", many, "model")
    assert caught.value.hint.endswith(" ….")


def test_an_unknown_name_gets_the_nearest_and_where_to_look() -> None:
    with pytest.raises(NotFoundError, match="There is no model called 'llama-2-7c'") as caught:
        find("llama-2-7c", NAMES, "model")
    assert caught.value.hint.startswith("Did you mean llama-2-7b")
    assert "llmscale models list" in caught.value.hint


def test_nothing_is_suggested_for_what_is_like_nothing() -> None:
    with pytest.raises(NotFoundError) as caught:
        find("zzzzzzzzz", NAMES, "quant")
    assert caught.value.hint == "All: llmscale quants list"
    assert nearest("", NAMES) == []


def test_a_name_without_end_is_cut_in_the_message() -> None:
    with pytest.raises(NotFoundError) as caught:
        find("x" * 10_000, NAMES, "model")
    assert len(caught.value.message) < 120


def test_the_nearest_come_best_first() -> None:
    assert nearest("llama213", NAMES)[0] == "llama213b"
    assert nearest("llama", NAMES, 2) == ["llama27b", "llama213b"]


NAME = st.text(string.ascii_letters + string.digits + " -_.", max_size=20)


@given(NAME)
def test_normalising_twice_changes_nothing_more(name: str) -> None:
    assert normal(normal(name)) == normal(name)


@given(NAME)
def test_case_never_matters(name: str) -> None:
    assert normal(name.upper()) == normal(name.lower())


@given(st.text(max_size=20))
def test_any_text_is_found_or_not_found(name: str) -> None:
    error = error_of(lambda: find(name, NAMES, "model"))
    if error is None:
        assert find(name, NAMES, "model") in {i for ids in NAMES.values() for i in ids}
    else:
        assert error.exit_status == 3


def test_the_beginning_of_one_name_is_that_one() -> None:
    assert find("llama 2 13", NAMES, "model") == "llama-2-13b"
    assert find("opt-1.3", NAMES, "model") == "opt-1.3b"


def test_half_a_number_is_no_beginning() -> None:
    with pytest.raises(NotFoundError, match="There is no model called 'llama-3-7'") as caught:
        find("llama-3-7", {"llama370b": ["llama-3-70b"]}, "model")
    assert caught.value.hint == "Did you mean llama-3-70b? All: llmscale models list"
