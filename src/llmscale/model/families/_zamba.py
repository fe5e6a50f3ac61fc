"""What Zamba and Zamba 2 have in common: Mamba layers, some of which run a shared transformer before.

Such hybrid layers (``layers_block_type``) run it on the hidden state and the embedding side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.tied import Tied
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import Block, ModelSpec

MAMBA = {"mamba", "linear_attention"}


def hybrid_layers(c: Config, types: Sequence[str] | None, usual: list[int]) -> list[int]:
    """The layers that have a transformer.

    Args:
        types: ``layers_block_type``; None where the file leaves it out, for the `usual` ones.

    Raises:
        UnsupportedModelError: a type that is neither Mamba nor hybrid.
    """
    if types is None:
        return usual
    if unknown := set(types) - MAMBA - {"hybrid"}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [layer for layer, kind in enumerate(types) if kind == "hybrid"]


def spec_of(
    c: Config,
    mixer: Block,
    hybrid: Sequence[int],
    shared: Callable[[int], Iterable[Named]],
    *,
    width: int,
    tied: bool,
    turns: int = 1,
) -> ModelSpec:
    """The model.

    Args:
        shared: the transformer of the hybrid layer of this number, by the names that it has in that layer.
        turns: how many transformers take turns; each is its first layer's, whose weights the others share where `tied`.
    """
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    base = c.prefix + ("" if c.head("ForCausalLM") == "Model" else "model.")

    def blocks(nth: int | None) -> Iterator[Named]:
        if nth is None:
            yield "input_layernorm", Norm(hidden)
            yield "mamba", mixer
            return
        for name, block in shared(nth):
            owner = f"{base}layers.{hybrid[nth % turns]}.{name}."
            yield name, Tied(block, owner) if nth >= turns and tied else block
        yield "linear", Linear("other.hybrid", hidden, hidden)
        yield "mamba_decoder.input_layernorm", Norm(hidden)
        yield "mamba_decoder.mamba", mixer

    placed = decoder(
        c,
        [hybrid.index(layer) if layer in hybrid else None for layer in range(layers)],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=tied,
        names=Names(norm="final_layernorm"),
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=width, vocab=vocab, context=c.positions())
