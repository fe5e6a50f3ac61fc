"""A spec as the key of a cache: equal specs are one key, and hash and inventory are worked out once."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import pytest

from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.families import from_config
from llmscale.model.inventory import KEPT, inventory
from llmscale.model.spec import ModelSpec, PlacedBlock, Tensor
from llmscale.sources.registry import load
from tests.helpers import tiny


def spec() -> ModelSpec:
    """A new object each time."""
    return from_config(tiny(), "config.json")


@dataclass
class Counting:
    """A block that counts how often it is hashed and listed."""

    hashed: int = 0
    listed: int = 0

    def __hash__(self) -> int:
        self.hashed += 1
        return 1

    def tensors(self) -> Iterator[Tensor]:
        self.listed += 1
        yield Tensor("weight", "norm", (8,))

    def cache(self) -> None:
        return None


def test_equal_specs_are_one_key() -> None:
    one, other = spec(), spec()
    assert one is not other
    assert one == other
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1


@pytest.mark.parametrize("field", [each.name for each in fields(ModelSpec)])
def test_a_spec_that_differs_anywhere_is_another_key(field: str) -> None:
    one = spec()
    hash(one)  # what is known of this one must not be taken for the other's
    other = replace(one, **{field: ("something else",)})
    assert one != other
    assert hash(one) != hash(other)


def test_the_hash_is_computed_once() -> None:
    block = Counting()
    one = replace(spec(), placed=(PlacedBlock("norm.", block),))
    assert hash(one) == hash(one)
    assert block.hashed == 1


def test_a_hash_does_not_travel_to_another_process() -> None:
    """Text is hashed differently there."""
    one = spec()
    hash(one)
    travelled = pickle.loads(pickle.dumps(one))
    assert travelled == one
    assert vars(travelled).keys() == {each.name for each in fields(ModelSpec)}


def test_an_inventory_is_listed_once() -> None:
    block = Counting()
    one = replace(spec(), placed=(PlacedBlock("norm.", block),))
    assert inventory(one) is inventory(one)
    assert inventory(replace(one)) is inventory(one)
    assert inventory(replace(one, name="another")).groups == inventory(one).groups
    assert block.listed == 2


def test_a_process_that_runs_on_does_not_keep_every_inventory() -> None:
    one = spec()
    for size in range(2 * KEPT):
        inventory(replace(one, name=str(size)))
    assert inventory.cache_info().currsize == KEPT


def test_the_widest_activation_of_a_mixture_is_that_of_its_experts_side_by_side() -> None:
    """Mixtral: two experts of 14,336 a token; DeepSeek-V3: eight of 2,048 and a shared one."""
    assert load("mixtral-8x7b").known().intermediate_size == 2 * 14_336
    assert load("qwen3-30b-a3b").known().intermediate_size == 8 * 768
    mixtures = [placed.block for placed in load("deepseek-v3").known().placed]
    assert {block.widest for block in mixtures if isinstance(block, MixtureOfExperts)} == {8 * 2048 + 2048}
