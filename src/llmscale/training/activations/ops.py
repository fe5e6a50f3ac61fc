"""Operations of transformers' model classes, each with what autograd keeps of it.

Sources: transformers 5.23.0 ``models/llama/modeling_llama.py`` (RMSNorm, rotary, eager attention), ``models/gemma3``
(its norm), ``activations.py`` (GELU by single operations), ``loss/loss_utils.py``; torch 2.13.0
``tools/autograd/derivatives.yaml`` (what each formula keeps).
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.records import NamedTuple
from llmscale.training.activations.graph import Graph, Value, alias, gradient, weight, work

FP32 = 4
HALF = 2
INT64 = 8


class Setting(NamedTuple):
    """How a model is trained.

    Attributes:
        width: bytes of a weight's element, and of what is computed with it.
        trains: whether the model's own weights are trained.
        adapted: names of the modules that have an adapter, with ``{layer}``.
        experts: what of a mixture has adapters: ``router``, ``gate`` (with up), ``down``.
        rank, adapter: of adapters: rank, and bytes of an element.
        magnitudes: whether adapters have them (DoRA).
        eager: whether attention is computed by single operations.
        windows: whether the fused kernel is given a mask for a sliding window (sdpa), or takes it itself.
        masked: whether attention is given a mask where its kernel would need none.
        packed: whether matrices lie in 4 bits and are unpacked to 16 for each use.
        autocast: whether matrices of wider weights are multiplied in 16 bits, with a copy of each.
        frozen: layers before the first that is trained, where the others and all around them are not.
        selective: whether layers that are run again keep the results of products and of attention's kernel.
        scored: tokens of a sequence that are answers, of which alone TRL's loss takes logits; 0 for all.
        loss: ``logits``, or what makes them in parts or not at all.
        away: whether the input of a layer that is run again waits in the host's memory.
    """

    batch: int
    seq: int
    width: int
    trains: bool
    adapted: frozenset[str] = frozenset()
    rank: int = 0
    adapter: int = FP32
    eager: bool = False
    windows: bool = True
    masked: bool = False
    autocast: bool = False
    loss: str = "logits"
    scored: int = 0
    selective: bool = False
    frozen: int = 0
    experts: frozenset[str] = frozenset()
    packed: bool = False
    magnitudes: bool = False
    away: bool = False

    @property
    def composes(self) -> bool:
        """Whether attention that sdpa has no fused kernel for on the CPU is composed of single operations."""
        return self.windows and not self.eager

    @property
    def rows(self) -> int:
        """Tokens of the batch."""
        return self.batch * self.seq


def cast(graph: Graph, x: Value, width: int, holds: Sequence[Value] = ()) -> Value:
    """`x` in another format; `x` itself where it has it."""
    return x if x.width == width else graph.make([x], x.elements, width, undo=[gradient()], holds=holds)


def add(graph: Graph, x: Value, y: Value, holds: Sequence[Value] = ()) -> Value:
    """The sum; where one is wider, that is its format."""
    width = max(x.width, y.width)
    undo = [alias(i) if each.width == width else gradient(i) for i, each in enumerate((x, y))]
    return graph.make([x, y], x.elements, width, undo=undo, holds=holds)


def needed(x: Value, y: Value) -> list[Value]:
    """What a product of the two keeps: each where the other has a gradient."""
    return [each for each, other in ((x, y), (y, x)) if other.grad]


def multiply(graph: Graph, x: Value, y: Value) -> Value:
    """The product by elements."""
    return graph.make([x, y], x.elements, x.width, keeps=needed(x, y), undo=[gradient(0), gradient(1)])


def scale(graph: Graph, x: Value, holds: Sequence[Value] = ()) -> Value:
    """`x` times a number or a table that is not trained."""
    return graph.make([x], x.elements, x.width, undo=[gradient()], holds=holds)


def rms_norm(graph: Graph, x: Value, size: int, setting: Setting, norm: str = "rms") -> Value:
    """Llama's norm, computed in FP32; Gemma's weight is one and more, and it and gpt-oss's multiply in FP32 too; T5's
    multiplies what came in as it is."""
    rows = x.elements // size
    full = x.elements * FP32
    wide = cast(graph, x, FP32)
    squares = work(full)
    mean = graph.make([wide], rows, FP32, keeps=[wide], undo=[squares, squares, squares, gradient()], spare=full)
    inverse = graph.make([mean], rows, FP32, undo=[work(rows * FP32), gradient()], keeps_output=True)
    taken = x if norm == "narrow" else wide
    undo = [*([work(full)] if taken.width < FP32 else []), gradient(0), work(full), gradient(1)]
    normed = graph.make([taken, inverse], x.elements, FP32, keeps=[taken, inverse], undo=undo)
    if norm not in ("rms", "narrow"):
        factor = [graph.keep(size * FP32)] if norm == "gemma" else []
        return cast(graph, _weighted(graph, normed, size, setting, factor), x.width)
    return _weighted(graph, cast(graph, normed, x.width), size, setting, [], [normed])


def _weighted(
    graph: Graph, x: Value, size: int, setting: Setting, factor: list[Value], holds: Sequence[Value] = ()
) -> Value:
    if not setting.trains:
        return graph.make([x], x.elements, x.width, keeps=factor, undo=[gradient()], holds=holds)
    undo = [gradient(), work(x.size), weight(size * setting.width)]
    return graph.make([x], x.elements, x.width, keeps=[x, *factor], undo=undo, trains=True, holds=holds)


def layer_norm(graph: Graph, x: Value, size: int, setting: Setting) -> Value:
    """The fused LayerNorm: its input, means and deviations."""
    moments = graph.keep(2 * x.elements // size * x.width)
    own = [weight(2 * size * setting.width)] if setting.trains else []
    undo = [gradient(), *own]
    return graph.make([x], x.elements, x.width, keeps=[x, moments], undo=undo, trains=setting.trains)


def rotary(graph: Graph, x: Value, setting: Setting) -> Value:
    """Rotation of a query or key by tables that all layers share, in the tables' format where that is wider."""
    straight = _by_table(graph, x, setting)
    turned = graph.make([x], x.elements, x.width, undo=[work(x.size), gradient()], spare=x.size // 2)
    return cast(graph, add(graph, straight, _by_table(graph, turned, setting)), x.width)


def rotary_by_halves(graph: Graph, x: Value) -> Value:
    """The same by halves of a head, each by tables half as wide, joined again (gpt-oss)."""
    return graph.make([x], x.elements, x.width, undo=[work(x.size), gradient()], spare=x.size)


def _by_table(graph: Graph, x: Value, setting: Setting) -> Value:
    wider = [work(x.elements * setting.width)] if setting.width > x.width else []
    return graph.make([x], x.elements, setting.width, undo=[*wider, gradient()])


def copy(graph: Graph, x: Value) -> Value:
    """`x` in memory of its own; its gradient goes on as it is."""
    return graph.make([x], x.elements, x.width, undo=[alias()])


def heads(graph: Graph, x: Value) -> Value:
    """A projection seen by heads: no copy, but its gradient is made contiguous."""
    return graph.view(x, [x.elements], [gradient()])[0]


def activation(graph: Graph, x: Value) -> Value:
    """An activation that is one operation and keeps its input."""
    return graph.make([x], x.elements, x.width, keeps=[x], undo=[gradient()])


def relu(graph: Graph, x: Value) -> Value:
    """ReLU, which keeps what it makes."""
    return graph.make([x], x.elements, x.width, undo=[gradient()], keeps_output=True)


def gelu_by_parts(graph: Graph, x: Value) -> Value:
    """GPT-2's GELU: ``0.5 * x * (1 + tanh(c * (x + 0.044715 * x ** 3)))``, operation by operation."""
    half = scale(graph, x)
    cube = graph.make([x], x.elements, x.width, keeps=[x], undo=[work(x.size), work(x.size), gradient()])
    inner = scale(graph, add(graph, x, scale(graph, cube)))
    tanh = graph.make([inner], x.elements, x.width, undo=[gradient()], keeps_output=True)
    return multiply(graph, half, copy(graph, tanh))


def cross_entropy(graph: Graph, logits: Value, states: Value, setting: Setting, wider: bool) -> Value:
    """Of logits, `wider` in FP32; the logits and what they were made of stay until the loss is there."""
    wide = cast(graph, logits, FP32) if wider else logits
    still = [logits, states]
    chances = graph.make([wide], logits.elements, wide.width, undo=[gradient()], keeps_output=True, holds=still)
    # A causal model moves its labels by one, in a copy.
    labels = graph.keep((setting.batch * (setting.seq + 1) * INT64 if wider else 0) + wide.width)
    return graph.make([chances], 1, wide.width, keeps=[labels], undo=[gradient()], holds=[*still, wide])
