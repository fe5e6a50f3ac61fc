"""The rule for models whose code is not traced: embeddings, the layer's input, residual and copy, gate, up and product.

Of a model whose tensors are known it is the middle of a range, read off the recorded rows, those of models that are
traced included.
"""

from __future__ import annotations

from llmscale.model.blocks.embedding import Head
from llmscale.model.shape import Shape
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.subject import Exact, Summary

LOGIT_BYTES = 4
#: What the rule is multiplied with for the least and the most of a model that is not traced, and the most of one that
#: sees pictures.
RULE_LOW, RULE_HIGH, RULE_PICTURES = 0.6, 10, 25


def most_of(subject: Exact | Summary) -> int:
    """How many times the rule a model that is not traced may take."""
    return RULE_PICTURES if subject.widths.sequence else RULE_HIGH


def ruled(subject: Exact | Summary, work: Workload) -> Quantity:
    """Compute of a model that is not traced; a range where the tensors are those of one model."""
    if subject.basis is not Basis.EXACT:
        return Quantity.exactly(_step(subject.widths, work), subject.basis)
    size = max(moments(subject, work).values())
    return Quantity(size, int(size * RULE_LOW), size * most_of(subject), Basis.ASSUMED)


def moments(subject: Exact | Summary, work: Workload) -> dict[str, int]:
    """Bytes at the moments that the rule knows: a layer, and the logits of an encoder that has some."""
    shape, width = subject.widths, work.activation_bytes
    tokens = work.batch * (shape.sequence or work.context)
    inner = (
        f"{tokens:,} tokens x (4 x {shape.hidden:,} hidden + 3 x {shape.intermediate:,} intermediate) x {width} bytes"
    )
    size = _step(shape, work)
    if shape.decodes:
        return {f"{inner} + logits of {work.batch} x {shape.vocab:,} x {LOGIT_BYTES} bytes": size}
    found = {inner: size}
    if isinstance(subject, Exact) and any(isinstance(placed.block, Head) for placed in subject.spec.placed):
        told = f"{tokens:,} tokens x ({shape.vocab:,} logits + {shape.hidden:,} hidden) x {width} bytes"
        found[told] = tokens * (shape.vocab + shape.hidden) * width
    return found


def _step(shape: Shape, work: Workload) -> int:
    """Bytes of a layer of a step, and of the logits of a model that decodes."""
    tokens = work.batch * (shape.sequence or work.context)
    layer = tokens * (4 * shape.hidden + 3 * shape.intermediate) * work.activation_bytes
    return layer + (work.batch * shape.vocab * LOGIT_BYTES if shape.decodes else 0)
