"""The rule for models that are not traced: blocks or code that nobody followed, and bare sizes.

Embeddings, the layer's input, the residual and its normalised copy, and gate, up and product; of a model whose tensors
are known it is the middle of a range.
"""

from __future__ import annotations

from llmscale.model.blocks.embedding import Head
from llmscale.runtimes.interface import Subject, Workload

LOGIT_BYTES = 4
#: What the rule is multiplied with for the least and the most of a model that is not traced, and the most of one that
#: sees pictures: read off the recorded rows, those of models that are traced included.
RULE_LOW, RULE_HIGH, RULE_PICTURES = 0.6, 10, 25


def rule(subject: Subject, work: Workload) -> int:
    """Compute of a model that is not traced, in bytes."""
    return max(moments(subject, work).values())


def least(size: int) -> int:
    """The least that a model may take of which the rule says `size`."""
    return int(size * RULE_LOW)


def most_of(subject: Subject) -> int:
    """How many times the rule a model that is not traced may take."""
    return RULE_PICTURES if subject.shape.sequence else RULE_HIGH


def moments(subject: Subject, work: Workload) -> dict[str, int]:
    """Bytes at the moments that the rule knows, by formula: a layer, and the logits of an encoder that has some."""
    shape, width = subject.shape, work.activation_bytes
    tokens = work.batch * (shape.sequence or work.context)
    inner = (
        f"{tokens:,} tokens x (4 x {shape.hidden:,} hidden + 3 x {shape.intermediate:,} intermediate) x {width} bytes"
    )
    layer = tokens * (4 * shape.hidden + 3 * shape.intermediate) * width
    if shape.decodes:
        logits = work.batch * shape.vocab * LOGIT_BYTES
        return {f"{inner} + logits of {work.batch} x {shape.vocab:,} x {LOGIT_BYTES} bytes": layer + logits}
    found = {inner: layer}
    if subject.spec and any(isinstance(placed.block, Head) for placed in subject.spec.placed):
        judged = f"{tokens:,} tokens x ({shape.vocab:,} logits + {shape.hidden:,} hidden) x {width} bytes"
        found[judged] = tokens * (shape.vocab + shape.hidden) * width
    return found
