"""The operations of a forward pass as autograd records them: what each makes, keeps, and makes again on the way back.

An operation that nothing trained stands before keeps nothing. What each formula of the way back allocates follows
torch 2.13.0 ``tools/autograd/derivatives.yaml``; that a gradient which arrives from two sides is summed into a third
tensor, ``torch/csrc/autograd/input_buffer.cpp``.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.records import NamedTuple


class Value(NamedTuple):
    """A tensor of the forward pass, or a view of one.

    Attributes:
        number: which it is.
        storage: whose memory it lies in; that of another tensor for a view.
        width: bytes of an element.
        grad: whether the loss is differentiated by it.
    """

    number: int
    storage: int
    elements: int
    width: int
    grad: bool

    @property
    def size(self) -> int:
        """Bytes, were it alone."""
        return self.elements * self.width


class Undo(NamedTuple):
    """One allocation on the way back.

    Attributes:
        kind: ``gradient`` of the operation's input `which`; ``alias``, the same without memory of its own;
            ``weight``, a gradient that stays; ``work``, gone when the operation ends.
        size: bytes of the last two.
    """

    kind: str
    which: int = 0
    size: int = 0


def gradient(which: int = 0) -> Undo:
    """The gradient of an input in memory of its own."""
    return Undo("gradient", which)


def alias(which: int = 0) -> Undo:
    """The gradient of an input that is the output's own."""
    return Undo("alias", which)


def weight(size: int) -> Undo:
    """The gradient of a weight."""
    return Undo("weight", 0, size)


def work(size: int) -> Undo:
    """What the formula itself needs."""
    return Undo("work", 0, size)


class Operation(NamedTuple):
    """One operation.

    Attributes:
        keeps: storages that it keeps for the way back.
        undo: what the way back allocates, in order.
        spare: bytes that it needs besides its outputs while it runs.
        costly: storages of results that selective checkpoints keep rather than make again.
        matrix: whether it is a product without a bias, of which they keep every second.
    """

    takes: tuple[Value, ...]
    gives: tuple[Value, ...]
    keeps: tuple[int, ...]
    undo: tuple[Undo, ...]
    spare: int
    costly: tuple[int, ...] = ()
    matrix: bool = False

    @property
    def grad(self) -> bool:
        """Whether it is differentiated."""
        return any(tensor.grad for tensor in self.gives)


class Graph:
    """Operations as they are recorded, of a part of a model that stands between two hidden states.

    Attributes:
        operations: in the order of the forward pass.
        sizes: bytes of each storage that is this part's own or its input's.
        copies: bytes of 16-bit copies of weights, which autocast keeps to the end of the forward pass.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.sizes: dict[int, int] = {}
        self.copies = 0
        self._count = 0

    def enter(self, elements: int, width: int, grad: bool) -> Value:
        """The hidden state that comes in."""
        return self._tensor(elements, width, grad)

    def shared(self, elements: int, width: int, grad: bool = False) -> Value:
        """A tensor that many parts use and that is counted elsewhere (what an encoder made)."""
        made = self._tensor(elements, width, grad)
        self.sizes[made.storage] = 0
        return made

    def make(
        self,
        takes: Sequence[Value],
        elements: int,
        width: int,
        *,
        keeps: Sequence[Value] = (),
        undo: Sequence[Undo] = (),
        trains: bool = False,
        keeps_output: bool = False,
        spare: int = 0,
        holds: Sequence[Value] = (),
        costly: str = "",
    ) -> Value:
        """One operation with one output; what it `trains` are weights of its own, `holds` what variables still name.

        A `costly` one is a ``product``, a ``biased`` one, or a ``kernel``, whose last kept is its result too.
        """
        grad = trains or any(tensor.grad for tensor in takes)
        made = self._tensor(elements, width, grad)
        kept = (*keeps, made) if keeps_output else tuple(keeps)
        still = [tensor._replace(grad=False) for tensor in holds]
        self._record((*takes, *still), (made,), kept, undo, spare, grad)
        if costly:
            results = (made.storage, keeps[-1].storage) if costly == "kernel" else (made.storage,)
            self.operations[-1] = self.operations[-1]._replace(costly=results, matrix=costly == "product")
        return made

    def view(self, tensor: Value, sizes: Sequence[int], undo: Sequence[Undo]) -> tuple[Value, ...]:
        """`tensor` in parts, each a view of its memory."""
        parts = tuple(self._view(tensor, elements) for elements in sizes)
        self._record((tensor,), parts, (), undo, 0, tensor.grad)
        return parts

    def hold(self, *tensors: Value) -> None:
        """Variables of the class's code still name these here."""
        still = tuple(tensor._replace(grad=False) for tensor in tensors)
        self.operations.append(Operation(still, (), (), (), 0))

    def keep(self, size: int) -> Value:
        """A small tensor that an operation leaves for its way back (a log-sum-exp)."""
        return self._tensor(size, 1, False)

    def _view(self, tensor: Value, elements: int) -> Value:
        self._count += 1
        return Value(self._count, tensor.storage, elements, tensor.width, tensor.grad)

    def _tensor(self, elements: int, width: int, grad: bool) -> Value:
        self._count += 1
        self.sizes[self._count] = elements * width
        return Value(self._count, self._count, elements, width, grad)

    def _record(
        self,
        takes: Sequence[Value],
        gives: tuple[Value, ...],
        keeps: Sequence[Value],
        undo: Sequence[Undo],
        spare: int,
        grad: bool,
    ) -> None:
        kept = tuple(tensor.storage for tensor in keeps) if grad else ()
        self.operations.append(Operation(tuple(takes), gives, kept, tuple(undo) if grad else (), spare))
