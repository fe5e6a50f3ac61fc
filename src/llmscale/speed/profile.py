"""What of a model decides its speed besides bytes: sums over its inventory, small enough to be kept for a catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import Inventory
from llmscale.records import NamedTuple
from llmscale.speed.load import TOWERS, attention_width, matrices, multiplied


class ComputeProfile(NamedTuple):
    """Sums over the inventory.

    Attributes:
        matrices: weight matrices that one token passes.
        dense, routed: parameters that one token is multiplied with, the chosen experts apart.
        width: query heads x head dimension, summed over the attention layers.
        experts, used: routed experts of a layer, and how many one token is sent to.
    """

    matrices: int
    dense: int
    routed: int
    width: int
    experts: int
    used: int


def profile_of(parts: Inventory) -> ComputeProfile:
    """Of a model whose tensors are known."""
    routed = [group for group in parts.groups if group.component == "experts" and group.experts > 1]
    experts, used = (routed[0].experts, routed[0].experts_used) if routed else (0, 0)
    return ComputeProfile(matrices(parts), *multiplied(parts), attention_width(parts), experts, used)


def bytes_per_token(parts: Inventory, stored: Sequence[StoredTensor]) -> tuple[int, int]:
    """Bytes of the weights that a text token reads, and of the routed experts, all of them.

    Towers and tables that are only looked up are not read; a table that is the head as well is.
    """
    heads = {group.tied_to for group in parts.groups if group.tied_to and group.component == "head"}
    stored_head = any(each.group.component == "head" for each in stored)
    tied = bool(heads) and not stored_head
    shared = experts = 0
    for each in stored:
        group = each.group
        if group.component in TOWERS:
            continue
        if group.component == "experts":
            experts += each.bytes
        elif group.component != "embedding" or (tied and group.role == "embedding.token"):
            shared += each.bytes
    return shared, experts
