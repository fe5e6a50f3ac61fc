"""EuroBERT (arXiv:2503.05500; transformers 5.23 `EuroBertConfig`): LLaMA's layers as an encoder, which caches nothing.

The masked-language head is biased where the MLPs are. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, place, stack, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("eurobert",)


def read(c: Config) -> ModelSpec:
    """Read a EuroBERT config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    bias, mlp_bias = c.flag("attention_bias"), c.flag("mlp_bias")
    tied = c.flag("tie_word_embeddings")
    c.ignore("clf_pooling", "classifier_pooling")
    head = c.head("Model")
    base = "" if head == "Model" else "model."

    def blocks(_: None) -> Iterator[Named]:
        attention = Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, cached=False)
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, bias=mlp_bias)

    embed = f"{base}embed_tokens"
    placed = [
        place(embed, Embedding(vocab, hidden)),
        *stack(f"{base}layers.{{layer}}", [None] * layers, blocks),
        place(f"{base}norm", Norm(hidden)),
    ]
    if head == "ForMaskedLM":
        placed.append(place("lm_head", Head(vocab, hidden, f"{embed}.weight" if tied else None, mlp_bias)))
    elif head == "ForSequenceClassification":
        placed.append(place("dense", Linear("head.transform", hidden, hidden, bias=True)))
        placed += classifier(c, hidden)
    elif head == "ForTokenClassification":
        placed += classifier(c, hidden)
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
