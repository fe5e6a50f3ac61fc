"""Placing blocks: a stack of layers, and the decoder that most families are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.families._config import Config
from llmscale.model.prediction import uncounted
from llmscale.model.spec import Block, ModelSpec, PlacedBlock
from llmscale.records import dataclass

Kind = TypeVar("Kind")
#: A block and the name it stands under, relative to its layer: ("self_attn", Attention(…)).
Named = tuple[str, Block]


def place(name: str, block: Block, layers: tuple[int, ...] = (), tower: str | None = None) -> PlacedBlock:
    """Put `block` under `name`: its tensors are called ``name.weight`` and so on, a bare parameter just `name`."""
    return PlacedBlock(name if isinstance(block, Parameter) else f"{name}.", block, layers, tower)


def stack(
    prefix: str, kinds: Sequence[Kind], blocks: Callable[[Kind], Iterable[Named]], tower: str | None = None
) -> list[PlacedBlock]:
    """A stack of layers.

    Args:
        prefix: with ``{layer}``, as in ``model.layers.{layer}``.
        kinds: one entry a layer, equal where layers are alike (a range has no two alike: use
            ``["dense"] * 3 + ["moe"] * 58`` or ``[None] * 32``).
        blocks: the blocks of one layer of that kind, in the order of the forward pass.
    """
    layers_of: dict[Kind, list[int]] = {}
    for layer, kind in enumerate(kinds):
        layers_of.setdefault(kind, []).append(layer)
    # Blocks that several kinds have in common (the attention of dense and sparse layers) stand together.
    stands_in: dict[Named, list[int]] = {}
    for kind, layers in layers_of.items():
        for named in blocks(kind):
            stands_in.setdefault(named, []).extend(layers)
    return [
        place(f"{prefix}.{name}" if name else prefix, block, tuple(sorted(layers)), tower)
        for (name, block), layers in stands_in.items()
    ]


@dataclass(frozen=True)
class Names:
    """How a decoder's checkpoint names what stands around its blocks (LLaMA's by default).

    Attributes:
        token_classifier: what a token classifier has for a head; one of whole sequences always has ``score``.
    """

    base: str = "model"
    embed: str = "embed_tokens"
    layers: str = "layers"
    norm: str = "norm"
    head: str = "lm_head"
    token_classifier: str = "score"


LLAMA = Names()


def decoder(
    c: Config,
    kinds: Sequence[Kind],
    blocks: Callable[[Kind], Iterable[Named]],
    *,
    vocab: int,
    hidden: int,
    norm: Block | None,
    tied: bool,
    names: Names = LLAMA,
    embeddings: Iterable[Named] = (),
    width: int | None = None,
    spare_rows: int = 0,
    head_bias: bool = False,
    after: Iterable[Named] = (),
    head: str | None = None,
) -> list[PlacedBlock]:
    """Embedding, layers, final norm and head of a decoder-only model.

    Args:
        embeddings: what follows the token embedding: positions, a norm, a projection.
        width: elements of a token embedding where that is not `hidden` (OPT-350M).
        spare_rows: rows of the token embedding that the head does not predict (Llama 3.2 Vision).
        after: what stands between the final norm and the head.
        head: what stands on top where the file's class name does not say it.

    Raises:
        UnsupportedModelError: a head that is neither a language model's nor a plain classifier's.
    """
    width, head = width or hidden, head or c.head("ForCausalLM")
    bare = head == "Model" or c.head_prefix is not None
    base = c.prefix + ("" if bare else f"{names.base}.")
    embed = f"{base}{names.embed}"
    placed = [place(embed, Embedding(vocab + spare_rows, width))]
    placed += [place(f"{base}{name}", block) for name, block in embeddings]
    placed += stack(f"{base}{names.layers}.{{layer}}", kinds, blocks)
    placed += [place(f"{base}{names.norm}", norm)] if norm else []
    placed += [place(f"{base}{name}", block) for name, block in after]
    logits = Head(vocab, width, f"{embed}.weight" if tied else None, head_bias)
    return placed + _on_top(c, head, names, logits, hidden)


def _on_top(c: Config, head: str, names: Names, logits: Head, hidden: int) -> list[PlacedBlock]:
    """What stands on a decoder: a language model's head, a classifier, or nothing."""
    biased = c.flag("token_classification_bias", default=True)
    if head in ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration"):
        outside = c.prefix if c.head_prefix is None else c.head_prefix
        return [place(f"{outside}{names.head}", logits)]
    if head == "ForSequenceClassification":
        return [place("score", Linear("head.score", c.labels(), hidden))]
    if head == "ForTokenClassification":
        return [place(names.token_classifier, Linear("head.score", c.labels(), hidden, bias=biased))]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", Linear("head.classifier", 2, hidden, bias=True))]
    if head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return []


def text_spec(
    c: Config,
    placed: Iterable[PlacedBlock],
    *,
    layers: int,
    hidden: int,
    intermediate: int,
    vocab: int,
    context: int | None,
    warnings: tuple[str, ...] = (),
) -> ModelSpec:
    """The `ModelSpec` of a language model; whoever asked fills in its id and name."""
    return ModelSpec(
        id="",
        name="",
        source=c.where,
        family=c.model_type,
        placed=tuple(placed),
        layers=layers,
        hidden_size=hidden,
        intermediate_size=intermediate,
        vocab_size=vocab,
        max_context=context,
        warnings=warnings,
    )


def encoder_attention(
    c: Config,
    hidden: int,
    heads: int,
    names: tuple[str, ...],
    *,
    bias: bool = True,
    k_bias: bool | None = None,
    out_bias: bool = True,
    qk_norm: tuple[int, int] | None = None,
) -> Attention:
    """An encoder's attention: every head with K and V of its own, nothing kept between tokens.

    Raises:
        InputFileError: a width that is not a multiple of the heads.
    """
    if hidden % heads:
        raise c.error(f"has a width of {hidden}, not a multiple of its {heads} heads")
    return Attention(
        hidden,
        heads,
        heads,
        hidden // heads,
        names=names,
        qkv_bias=bias,
        k_bias=k_bias,
        out_bias=out_bias,
        qk_norm=qk_norm,
        cached=False,
    )


def vision_spec(
    c: Config, placed: Iterable[PlacedBlock], *, layers: int, hidden: int, intermediate: int, sequence: int | None
) -> ModelSpec:
    """The `ModelSpec` of a model of pixels or sound that sees `sequence` tokens, None where that varies."""
    return ModelSpec(
        id="",
        name="",
        source=c.where,
        family=c.model_type,
        placed=tuple(placed),
        layers=layers,
        hidden_size=hidden,
        intermediate_size=intermediate,
        sequence=sequence,
    )


def classifier(c: Config, width: int, name: str = "classifier") -> list[PlacedBlock]:
    """A biased classifier over `width` features; none where there are no labels."""
    labels = c.labels()
    return [place(name, Linear("head.classifier", labels, width, bias=True))] if labels else []


def prediction_layers(c: Config, *keys: str) -> tuple[str, ...]:
    """A word on multi-token-prediction layers: in the checkpoint, but not in the model that runs."""
    count = c.number(*(keys or ("num_nextn_predict_layers",)), default=0, low=0, high=100)
    if not count:
        return ()
    return (uncounted(count),)
