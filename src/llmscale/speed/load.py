"""What one token makes a device do: bytes to read, matrices to launch, FLOPs to compute.

Sums over the inventory and the shape. Bytes of the weights depend on their format, so they come in as numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from llmscale.model.inventory import Inventory, TensorGroup
from llmscale.model.shape import Shape
from llmscale.records import NamedTuple

#: What a text token does not pass.
TOWERS = ("vision", "audio", "projector")


class Load(NamedTuple):
    """One decode step on one device, for one sequence unless said otherwise.

    Attributes:
        weight_bytes: read once a step, however many sequences share it: all but the routed experts and lookup tables.
        cache_bytes: KV cache of one sequence at its context.
        matrices: weight matrices that a token passes; each is a kernel launch or a few.
        flops: floating-point operations of one token.
        expert_bytes: the routed experts, all of them.
        experts: routed experts of a layer.
        experts_used: of those, how many one token is sent to.
        layers: layers on this device.
        hidden: width of the residual stream, which tensor parallelism exchanges.
        state_bytes: recurrent state of one sequence, read and written.
    """

    weight_bytes: float
    cache_bytes: float
    matrices: int
    flops: float
    expert_bytes: float = 0.0
    experts: int = 0
    experts_used: int = 0
    layers: int = 0
    hidden: int = 0
    state_bytes: float = 0.0

    def step_bytes(self, batch: int = 1) -> float:
        """Weights that a step of `batch` sequences reads: all the shared ones, and the experts that any token chose."""
        return self.weight_bytes + self.expert_bytes * experts_touched(self.experts, self.experts_used, batch)

    def share(self, part: float) -> Load:
        """The same work cut down to `part` of the layers."""
        return self._replace(
            weight_bytes=self.weight_bytes * part,
            cache_bytes=self.cache_bytes * part,
            matrices=round(self.matrices * part),
            flops=self.flops * part,
            expert_bytes=self.expert_bytes * part,
            layers=round(self.layers * part),
            state_bytes=self.state_bytes * part,
        )

    def offload(self, layers: float, experts: float = 0.0) -> tuple[Load, Load]:
        """What is left on the devices, and what the processor does: so much of the layers, and of all experts."""
        extra = max(0.0, experts - layers)
        left, moved = self.share(1 - layers), self.share(layers)
        return (
            left._replace(expert_bytes=self.expert_bytes * (1 - layers - extra)),
            moved._replace(
                expert_bytes=self.expert_bytes * (layers + extra),
                experts=self.experts,
                matrices=moved.matrices + round(self.layers * extra),
            ),
        )


class PromptFlops(NamedTuple):
    """FLOPs of a whole prompt, all its tokens together.

    Attributes:
        weights: with weights that every token passes.
        attention: scores, and sums over the past.
        experts: with the routed experts, whose tokens come in small groups.
    """

    weights: float
    attention: float
    experts: float = 0.0


def experts_touched(experts: int, used: int, batch: int) -> float:
    """Expected share of a layer's experts that `batch` tokens reach, each choosing `used` of them evenly."""
    return 1 - (1 - used / experts) ** batch if experts else 0.0


def read(group: TensorGroup) -> bool:
    """Whether every text token reads the whole group (its chosen experts): a lookup table is read one row a token."""
    return group.component != "embedding" and group.component not in TOWERS


def matrices(inventory: Inventory) -> int:
    """Weight matrices that one token passes; a layer's experts count as one, for runtimes compute them together."""
    return sum(max(1, len(group.layers)) for group in inventory.groups if read(group) and len(group.shape) > 1)


def multiplied(inventory: Inventory) -> tuple[int, int]:
    """Parameters that one token is multiplied with, the routed experts apart; lookup tables not, a tied head yes."""
    passed = [group for group in inventory.groups if read(group)]
    experts = sum(group.active_parameters for group in passed if group.component == "experts")
    return sum(group.active_parameters for group in passed) - experts, experts


def attention_width(inventory: Inventory) -> int:
    """Query heads x head dimension, summed over the attention layers (the rows that go into each output projection)."""
    outs = (group for group in inventory.groups if group.role == "attention.o" and read(group) and len(group.shape) > 1)
    return sum(group.shape[-1] * max(1, len(group.layers)) for group in outs)


def cache_bytes(shape: Shape, tokens: float, element_bytes: float = 2.0) -> float:
    """Bytes that one decode step reads of one sequence's KV cache: `tokens` of each layer, or its window."""
    kept = (
        cache.layers * (min(tokens, cache.window) if cache.window else tokens) * (cache.keys + cache.values)
        for cache in shape.caches
        if cache.source == "self"
    )
    return sum(kept) * element_bytes


def state_bytes(shape: Shape) -> float:
    """Bytes of recurrent state that one decode step reads and writes for one sequence."""
    return sum(2.0 * state.layers * state.elements * state.bytes_per_element for state in shape.states)


def attended_tokens(shape: Shape, tokens: float) -> float:
    """Tokens that one token attends to with `tokens` before it, averaged over the attention layers."""
    return _mean(shape, lambda window: min(tokens, window) if window else tokens)


def attended_by_prompt(shape: Shape, tokens: float) -> float:
    """`attended_tokens` summed over the tokens of a prompt: each sees one more, until a window is full."""

    def summed(window: float | None) -> float:
        growing = min(tokens, window) if window else tokens
        return growing**2 / 2 + (tokens - growing) * growing

    return _mean(shape, summed)


def _mean(shape: Shape, of: Callable[[float | None], float]) -> float:
    caches = [cache for cache in shape.caches if cache.source == "self"]
    layers = sum(cache.layers for cache in caches)
    return sum(cache.layers * of(cache.window) for cache in caches) / layers if layers else 0.0


def decode_flops(parameters: int, width: int, attended: float) -> float:
    """FLOPs of one token that attends to so many: two for each weight, and four for each query element and token."""
    return 2.0 * parameters + 4.0 * width * attended


def prompt_flops(parameters: int, experts: int, width: int, attended: float, tokens: float) -> PromptFlops:
    """The same for a prompt; `attended`: `attended_by_prompt` of it."""
    return PromptFlops(2.0 * parameters * tokens, 4.0 * width * attended, 2.0 * experts * tokens)
