"""What stands before and behind the layers of an image classifier: patches, and a classifier of the first token.

Source: transformers 5.23.0 ``models/vit/modeling_vit.py``, followed as its class keeps it when it is traced
(tests/truth/training_activations.json): pixels are inputs, and kept by nobody's count.
"""

from __future__ import annotations

from math import prod

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import ModelSpec
from llmscale.training.activations.blocks import Piece, record
from llmscale.training.activations.graph import Graph, alias, gradient, weight
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import HALF, Setting, cross_entropy
from llmscale.training.activations.style import Trait
from llmscale.training.activations.walk import Segment, recorded


def patches(spec: ModelSpec, setting: Setting) -> Segment:
    """The patches' projection, the token of the class before them, and positions added."""
    graph = Graph()
    given = graph.enter(0, setting.width, False)
    cut = next(placed.block for placed in spec.placed if isinstance(placed.block, PatchEmbedding))
    learnt = [prod(placed.block.shape) for placed in spec.placed if isinstance(placed.block, Parameter)]
    elements = setting.rows * spec.hidden_size
    own = [weight(sum(prod(tensor.shape) for tensor in cut.tensors()) * setting.width)] if setting.trains else []
    patched = elements - setting.batch * spec.hidden_size
    copies = [graph.keep(size * HALF) for size in _narrowed(cut, patched, setting)]
    made = graph.make([given], patched, setting.width, keeps=copies, undo=own, trains=setting.trains)
    token, positions = ([weight(size * setting.width)] if setting.trains else [] for size in sorted(learnt))
    joined = graph.make([made], elements, setting.width, undo=[*token, gradient()])
    result = graph.make([joined], elements, setting.width, undo=[*positions, alias()])
    return recorded(graph, given, result)


def _narrowed(cut: PatchEmbedding, patched: int, setting: Setting) -> tuple[int, ...]:
    """Elements that autocast copies for the convolution: its weight and the pixels."""
    if not setting.autocast or setting.width == HALF:
        return ()
    pixels = patched // cut.width * cut.channels * cut.patch**2
    return sum(prod(tensor.shape) for tensor in cut.tensors()), pixels


def classifier(spec: ModelSpec, setting: Setting, style: Trait) -> Segment:
    """The last norm, over all tokens, and the loss of the first one's class."""
    graph = Graph()
    given = graph.enter(setting.rows * spec.hidden_size, setting.width, True)
    norm = next(placed for placed in spec.placed if isinstance(placed.block, Norm) and not placed.layers)
    prefix, block = next((p.prefix, p.block) for p in spec.placed if isinstance(p.block, Linear) and not p.layers)
    states = record(norm.block, Piece(graph, norm.prefix, setting, style), given)
    first = graph.view(states, [setting.batch * spec.hidden_size], [gradient()])[0]
    logits = linear(graph, first, block.in_, block.out, prefix[:-1], setting, block.bias)
    result = cross_entropy(graph, logits, states, setting, False)
    return recorded(graph, given, result)
