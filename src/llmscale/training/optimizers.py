"""Bytes of an optimizer's states, tensor by tensor.

Sources: torch 2.13.0 ``torch/optim/*.py`` (states are of the parameter's own dtype, ``step`` is one fp32 number, which
SGD does not keep); transformers 5.23.0 ``optimization.py`` (Adafactor: fp32 means of rows and columns, no step);
bitsandbytes 0.50.2 ``optim/optimizer.py`` (``Optimizer2State.init_state``, ``Optimizer1State.init_state``: below
``min_8bit_size`` of 4,096 elements fp32, else one byte an element and an fp32 maximum for each block of 256; the tables
``dynamic`` and ``udynamic`` of 256 fp32 numbers for all), ``optim/lion.py`` (one state), ``optim/ademamix.py`` (the
first of two states twice as large); torch's ``_muon.py`` takes matrices alone, and AdamW is taken for the rest. The
classes of torch and transformers are held against the real ones in tests/truth/training_optimizers.json; Muon's was
run, and those of bitsandbytes were read: no row holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil, prod

from llmscale.records import NamedTuple

STEP = 4
FP32, HALF = 4, 2
SMALLEST_8_BIT = 4096
BLOCK_8_BIT = 256
TABLE_8_BIT = 256 * FP32


class Tensors(NamedTuple):
    """Trained tensors alike: their shape, how many, and bytes of an element."""

    shape: tuple[int, ...]
    copies: int
    element: int

    @property
    def elements(self) -> int:
        """Elements of one."""
        return prod(self.shape)


Rule = Callable[[Tensors], int]


def moments(number: int, steps: int = 1) -> Rule:
    """`number` tensors like the parameter, and `steps` counters."""
    return lambda tensor: number * tensor.elements * tensor.element + steps * STEP


def adafactor(tensor: Tensors) -> int:
    """Means of the rows and of the columns, of a vector one for each element, and the root mean square; fp32."""
    if len(tensor.shape) < 2:
        return (tensor.elements + 1) * FP32
    rows, columns = tensor.elements // tensor.shape[-1], tensor.elements // tensor.shape[-2]
    return (rows + columns + 1) * FP32


def muon(tensor: Tensors) -> int:
    """One moment of a matrix; of what is none AdamW's two."""
    return moments(1, 0)(tensor) if len(tensor.shape) == 2 else moments(2)(tensor)


def eight_bit(number: int) -> Rule:
    """`number` states of 8 bits, in fp32 where the tensor is small."""

    def rule(tensor: Tensors) -> int:
        if tensor.elements < SMALLEST_8_BIT:
            return number * tensor.elements * FP32
        return number * (tensor.elements + ceil(tensor.elements / BLOCK_8_BIT) * FP32)

    return rule


Temporary = Callable[[Sequence[Tensors]], int]


def in_place(tensors: Sequence[Tensors]) -> int:
    """A step that needs nothing besides (fused kernels, and SGD's)."""
    return 0


def foreach(tensors: Sequence[Tensors]) -> int:
    """A step over all tensors at once: a list of denominators as large as they are."""
    return sum(tensor.copies * tensor.elements * tensor.element for tensor in tensors)


def one_by_one(tensors: Sequence[Tensors]) -> int:
    """A step over one tensor after the other: the denominator, and what it was before it was divided."""
    return max(2 * tensor.elements * tensor.element for tensor in tensors)


def factored(tensors: Sequence[Tensors]) -> int:
    """Adafactor's, tensor by tensor: gradient, its square, update and the estimate in fp32, and means of both sides."""
    return max(4 * tensor.elements * FP32 + adafactor(tensor) - FP32 for tensor in tensors)


def orthogonal(tensors: Sequence[Tensors]) -> int:
    """Muon's, matrix by matrix: the update, in 16 bits before and after a round, and products of the narrow side."""
    matrices = [tensor for tensor in tensors if len(tensor.shape) == 2]
    halves = 2 * HALF
    return max(
        (each.elements * (each.element + halves) + halves * min(each.shape) ** 2 for each in matrices), default=0
    )


class Optimizer(NamedTuple):
    """An optimizer.

    Attributes:
        rule: bytes of one tensor's states.
        tables: bytes that all share.
        step: bytes that its step needs besides gradients; None where it was not read.
        kernels: whether it steps by bitsandbytes' kernels.
    """

    title: str
    rule: Rule
    tables: int = 0
    step: Temporary | None = in_place
    kernels: bool = False


#: --optimizer -> what it keeps
OPTIMIZERS = {
    "adamw": Optimizer("AdamW (fused)", moments(2)),
    "adamw-foreach": Optimizer("AdamW (foreach)", moments(2), step=foreach),
    "adamw-forloop": Optimizer("AdamW (tensor by tensor)", moments(2), step=one_by_one),
    "adam": Optimizer("Adam (fused)", moments(2)),
    "adamw-amsgrad": Optimizer("AdamW (amsgrad)", moments(3)),
    "adamw-8bit": Optimizer("AdamW 8-bit", eight_bit(2), 2 * TABLE_8_BIT, kernels=True),
    "paged-adamw-8bit": Optimizer("paged AdamW 8-bit", eight_bit(2), 2 * TABLE_8_BIT, kernels=True),
    "adafactor": Optimizer("Adafactor (transformers)", adafactor, step=factored),
    "lion": Optimizer("Lion (bitsandbytes)", lambda tensor: tensor.elements * FP32, kernels=True),
    "lion-8bit": Optimizer("Lion 8-bit", eight_bit(1), TABLE_8_BIT, kernels=True),
    "ademamix": Optimizer("AdEMAMix (bitsandbytes)", lambda tensor: 3 * tensor.elements * FP32, kernels=True),
    "ademamix-8bit": Optimizer("AdEMAMix 8-bit", eight_bit(3), 2 * TABLE_8_BIT, kernels=True),
    "muon": Optimizer("Muon, AdamW for what is no matrix", muon, step=orthogonal),
    "sgd": Optimizer("SGD", moments(0, 0)),
    "sgd-momentum": Optimizer("SGD with momentum", moments(1, 0)),
    "rmsprop": Optimizer("RMSprop", moments(1), step=None),
    "adagrad": Optimizer("Adagrad", moments(1), step=None),
    "nadam": Optimizer("NAdam", moments(2, 2), step=None),
    "adamax": Optimizer("Adamax", moments(2), step=None),
}
#: As transformers 5.23.0 calls some of them (``training_args.py``, ``OptimizerNames``).
ALSO_CALLED = {
    "adamw-torch": "adamw-foreach",
    "adamw-torch-fused": "adamw",
    "adamw-fused": "adamw",
    "adamw-bnb-8bit": "adamw-8bit",
    "ademamix-32bit": "ademamix",
    "lion-32bit": "lion",
}


def state_bytes(optimizer: str, tensors: Iterable[Tensors]) -> int:
    """Bytes of the states of all `tensors` after the first step."""
    chosen = OPTIMIZERS[optimizer]
    return chosen.tables + sum(tensor.copies * chosen.rule(tensor) for tensor in tensors)
