"""What ExLlamaV3 takes: pages of cache, and one chunk of a prompt at a time.

Read in exllamav3 1.4.1 (commit 4f8ad01), files under ``exllamav3/``:

- ``constants.py``, ``cache/fp16.py``, ``cache/quant.py``: K and V in pages of 256 tokens, in FP16 or in 2 to 8 bits
  each with an FP16 scale for 32 elements. Attention reads quantised pages as they are.
- ``cache/mla.py``: of latent attention only the latent is quantised; the rotary key stays in FP16.
- ``modules/sliding_attn.py``: five families keep windows apart, in FP16: window and two pages, in whole pages, for each
  sequence. All others keep every token, windows or not.
- ``modules/embedding.py``: the token embedding lies in RAM.
- ``model/model.py``: a prompt is read in chunks of 2,048 tokens, of which 32 make logits.
- ``modules/mlp.py``, ``modules/quant/exl3.py``: at the widest point of a layer the residual stream (FP32 in some
  families, taken for all), its normalised copy, gate and up are alive, and the matrix that the chunk is multiplied
  with, in FP16 and at most 32,768 outputs of it.

EXL2 formats are exllamav2's, which is not modelled: they are answered by the same rules. The overhead is the general
rule's. Neither is a model's vision tower, which ExLlama loads only when it is asked for, taken out of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.errors import UsageError
from llmscale.formats.catalogue import format_of
from llmscale.formats.layout import Format
from llmscale.model.blocks.attention import LatentAttention
from llmscale.model.shape import LayerCache
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import FRAMEWORK, Memory, known, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import WEIGHTS
from llmscale.runtimes.subject import Exact, Summary

#: ``PAGE_SIZE``, ``max_chunk_size``, ``max_output_size``.
PAGE, CHUNK, OUTPUTS = 256, 2048, 32
#: Families with ``SlidingAttention``, as their names begin, and the tokens that it keeps besides the window.
SLIDING, BESIDES = ("afmoe", "gemma4", "gpt_oss", "laguna", "step3"), 2 * PAGE
#: Outputs of a matrix that are unpacked at once (``MAX_RECONSTRUCT_SLICE_N``).
UNPACKED = 32_768
#: Bytes an element: the residual stream, and all else.
RESIDUAL, HALF = 4, 2
PLAIN, QUANTISED = "fp16", tuple(f"exl3_kv{bits}" for bits in range(8, 1, -1))


def memory(subject: Exact | Summary, work: Workload) -> Memory:
    """What `subject` takes of one device; the token embedding lies in host memory.

    Raises:
        UsageError: a cache that ExLlama does not have.
    """
    weights, host = subject.weights, _embedding(subject)
    basis = known(subject)
    return Memory(
        weights=Quantity(weights.value - host, weights.low - host, weights.high - host, weights.basis),
        cache=Quantity.exactly(sum(size for *_, size in parts(subject, work)), subject.basis),
        state=Quantity.exactly(state_bytes(subject.widths, work), basis),
        compute=Quantity.exactly(compute(subject, work), basis),
        overhead=Quantity.exactly(FRAMEWORK, Basis.MODELLED),
        host=((WEIGHTS, Quantity.exactly(host, weights.basis)),),
    )


def compute(subject: Exact | Summary, work: Workload) -> int:
    """Bytes at the widest point of a layer while a chunk is read, and of its logits."""
    shape, tokens = subject.widths, rows(subject, work)
    alive = tokens * ((RESIDUAL + HALF) * shape.hidden + 2 * HALF * shape.intermediate)
    logits = min(tokens, OUTPUTS) * shape.vocab * HALF if shape.decodes else 0
    return alive + HALF * shape.hidden * min(shape.intermediate, UNPACKED) + logits


def _embedding(subject: Exact | Summary) -> int:
    """Bytes of the token embedding: its own formats hold a head besides it, and it stays in 16 bits."""
    if isinstance(subject, Summary) and not subject.exact:
        return 0
    widths = subject.widths
    return 2 * widths.vocab * widths.hidden if subject.quant.own_head and widths.decodes else 0


def rows(subject: Exact | Summary, work: Workload) -> int:
    """Tokens of one forward step: a chunk of one sequence, or what an encoder sees."""
    if not subject.widths.decodes:
        return work.batch * (subject.widths.sequence or work.context)
    return min(CHUNK, work.context) if work.context > CHUNK else max(work.context, work.batch)


def parts(subject: Exact | Summary, work: Workload) -> Iterator[tuple[LayerCache, Format, Format, int, int]]:
    """Layers that cache alike: the formats of K and V, the tokens of all sequences, and their bytes."""
    for part in subject.widths.caches:
        ring = part.window is not None and _slides(subject)
        keys, values = (format_of(PLAIN), format_of(PLAIN)) if ring else _forms(subject, work, part)
        each = min(work.context, part.window + BESIDES) if ring and part.window else work.context
        tokens = work.batch * _pages(each) if ring else _pages(work.batch * each)
        size = part.layers * (keys.size((tokens, part.keys)) + values.size((tokens, part.values)))
        yield part, keys, values, tokens, size


def _pages(tokens: int) -> int:
    return -(-tokens // PAGE) * PAGE


def _slides(subject: Exact | Summary) -> bool:
    if isinstance(subject, Summary):
        return False
    return (subject.spec.text_family or subject.spec.family).startswith(SLIDING)


def _forms(subject: Exact | Summary, work: Workload, part: LayerCache) -> tuple[Format, Format]:
    """The formats of K and of V.

    Raises:
        UsageError: a cache that ExLlama does not have.
    """
    asked = (work.kv, work.value_format)
    for form in asked:
        if form.id != PLAIN and form.id not in QUANTISED:
            known = ", ".join((PLAIN, *QUANTISED))
            raise UsageError(f"ExLlama keeps no cache in {form.name}.", f"One of: {known}.")
    if (work.kv.id == PLAIN) != (work.value_format.id == PLAIN):
        raise UsageError("ExLlama keeps both K and V in FP16, or neither.", "For example k=exl3_kv8,v=exl3_kv4.")
    return (work.kv, format_of(PLAIN)) if _latent(subject, part) else asked


def _latent(subject: Exact | Summary, part: LayerCache) -> bool:
    if isinstance(subject, Exact):
        return any(isinstance(placed.block, LatentAttention) for placed in subject.spec.placed)
    return part.keys > 2 * part.values > 0
