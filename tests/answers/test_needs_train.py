"""``needs --train``: devices on which a model can be trained."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.needs_train import ANY, Filters, _may
from llmscale.devices.device import entry
from tests.helpers import run


def needs(*arguments: str) -> dict[str, Any]:
    answer = run("needs", *arguments, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()
    return found


def test_the_smallest_that_is_enough_comes_first_and_train_says_the_same() -> None:
    found = needs("llama-3-8b", "--train", "lora")
    first = found["devices"][0]
    assert (found["train"], found["checkpointing"], first["id"]) == ("lora", "full", "rtx3090")
    asked = ("llama-3-8b", "--method", "lora", "--checkpointing", "full", "--precision", "bf16", "-o", "json")
    same = run("train", *asked, "--gpu", first["id"]).json()["fit"]
    assert (same["used_bytes"], same["fits"]) == (first["used_bytes"], "yes")
    assert run("train", *asked, "--gpu", "rtx4080").json()["fit"]["fits"] != "yes"
    sizes = [row["memory_bytes"] for row in found["devices"]]
    assert sizes == sorted(sizes)
    assert run("needs", "llama-3-8b", "--train", "lora").out.startswith("Meta Llama 3 8B by lora at 2,048 tokens")


def test_less_is_enough_for_less() -> None:
    packed, whole = (needs("qwen3-14b", "--train", method)["least_bytes"] for method in ("qlora", "lora"))
    longer = needs("qwen3-14b", "--train", "qlora", "--seq", "8k")["least_bytes"]
    kept = needs("qwen3-14b", "--train", "qlora", "--checkpointing", "none")["least_bytes"]
    two = needs("qwen3-14b", "--train", "qlora", "--micro-batch", "2")["least_bytes"]
    assert packed < whole
    assert packed < min(longer, kept, two)


def test_where_none_is_enough_several_are_named_with_their_layout() -> None:
    found = needs("llama-3-70b", "--train", "full", "--max-count", "8")
    first = found["devices"][0]
    assert first["count"] in (2, 4, 8)
    each = [round(row["memory_bytes"] / row["count"] / 2**30) for row in found["devices"]]
    assert len(set(each)) == len(each), "one row for each size of memory"
    assert (
        first["layout"]["dp"] * first["layout"]["tp"] * first["layout"]["pp"] * first["layout"]["cp"] == first["count"]
    )
    for row in found["devices"]:
        least, most = row["used_range"]
        assert least <= row["used_bytes"] <= most <= row["usable_bytes"], "both of each device"
        assert row["usable_bytes"] <= row["memory_bytes"] / row["count"]
    sizes = [row["memory_bytes"] for row in found["devices"]]
    assert sizes == sorted(sizes)
    none = run("needs", "llama-3.1-405b", "--train", "full")
    assert none.status == 0
    assert "none is enough" in none.out


def test_of_several_the_fewest_are_named_and_all_of_them_are_counted() -> None:
    found = needs("llama-3-70b", "--train", "full", "--max-count", "8", "--kind", "datacentre")["devices"]
    assert {row["count"] for row in found} == {2, 4, 8}
    for row in found:
        card, count = entry(row["id"]), row["count"]
        assert row["memory_bytes"] == count * card.memory
        assert row["price_usd"] == (card.price_usd * count if card.price_usd else None)
        assert (row["name"], row["kind"], row["others"]) == (card.name, "datacentre", [])
    asked = ("train", "llama-3-70b", "--precision", "bf16", "--checkpointing", "full", "-o", "json", "--gpu")
    row = next(row for row in found if row["count"] == 4)
    enough, fewer = (run(*asked, f"{count}x {row['id']}").json()["layouts"] for count in (4, 2))
    assert (enough[0]["used_bytes"], enough[0]["fits"]) == (row["used_bytes"], "yes")
    assert row["layout"] == {name: enough[0][name] for name in row["layout"]}
    assert not fewer or fewer[0]["fits"] != "yes"


def test_kinds_and_prices_are_kept_to() -> None:
    found = needs("llama-3.2-1b", "--train", "lora", "--kind", "datacentre")
    assert {row["kind"] for row in found["devices"]} == {"datacentre"}
    cheap = needs("llama-3.2-1b", "--train", "lora", "--max-price", "400")
    assert all(row["price_usd"] <= 400 for row in cheap["devices"])


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("llama-3-8b", "--train", "magic"), 2, "--train magic is not known"),
        (("bart-base", "--train", "lora"), 2, "not modelled"),
        (("gpt-4", "--train", "lora"), 3, "not known"),
        (("7B", "--train", "lora"), 3, "not known"),
        (("llama-3-8b", "--train", "lora", "--seq", "0"), 2, "--seq"),
        (("llama-3-8b", "--train", "lora", "--checkpointing", "some"), 2, "--checkpointing"),
        (("llama-3-8b", "--train", "lora", "--micro-batch", "0"), 2, "--micro-batch"),
        (("llama-3-8b", "--train", "lora", "--max-count", "0"), 2, "--max-count"),
        (("llama-3-8b", "--train", "lora", "--max-price", "nan"), 2, "--max-price"),
        (("llama-3-8b", "--train", "lora", "--max-price=-1"), 2, "--max-price"),
        (("llama-3-8b", "--train", "lora", "--kind", "x"), 2, "no kind of device called 'x'"),
    ],
)
def test_what_cannot_be_answered_is_one_message(arguments: tuple[str, ...], status: int, said: str) -> None:
    answer = run("needs", *arguments)
    assert (answer.status, answer.out) == (status, "")
    assert said in answer.err


def test_what_may_be_trained_on_has_sixteen_bits_of_its_own_and_is_within_the_bounds() -> None:
    for name, may in (
        ("a100-80gb", True),
        ("rtx3090", True),
        ("rtx2080ti", False),
        ("v100-16gb", False),
        ("mi300x", False),
    ):
        assert _may(entry(name), ANY) is may, name
    card = entry("rtx3090")
    assert card.price_usd
    for filters, may in (
        (Filters(max_price=card.price_usd), True),
        (Filters(max_price=card.price_usd - 1), False),
        (Filters(kinds=("consumer",)), True),
        (Filters(kinds=("datacentre",)), False),
    ):
        assert _may(card, filters) is may, filters
    unpriced = entry("a100-80gb")
    assert unpriced.price_usd is None
    assert not _may(unpriced, Filters(max_price=10**9))


def test_one_device_is_enough_for_a_small_model_whatever_number_may_be_named() -> None:
    for more in ((), ("--max-count", "1"), ("--max-count", "64")):
        found = needs("gpt2", "--train", "lora", "--seq", "128", *more)["devices"]
        assert {row["count"] for row in found} == {1}
        assert all(row["used_range"][1] <= row["usable_bytes"] for row in found)
