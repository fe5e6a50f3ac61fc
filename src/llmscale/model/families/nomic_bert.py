"""Nomic BERT (arXiv:2402.01613): BERT with rotary positions, gated MLPs and no biases in its matrices.

Sources: modeling_hf_nomic_bert.py of huggingface.co/nomic-ai/nomic-bert-2048, whose files have GPT-2's keys, and
transformers 5.23 `NomicBertConfig` with BERT's. Names as in nomic-ai/nomic-embed-text-v1.5 (136,731,648 parameters).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("nomic_bert",)


def read(c: Config) -> ModelSpec:
    """Read a Nomic BERT config; the mixture of experts of embed-text-v2 is refused."""
    hidden, layers, vocab = c.hidden("hidden_size", "n_embd"), c.layers("num_hidden_layers", "n_layer"), c.vocab()
    intermediate = c.hidden("intermediate_size", "n_inner")
    segments = c.number("type_vocab_size", default=2, low=0)
    heads, _, head_dim = c.heads(hidden, "num_attention_heads", "n_head", kv=())
    bias = c.flag("qkv_proj_bias")
    if c.text("activation_function", "swiglu") not in ("swiglu", "silu"):
        raise c.unsupported("has MLPs without a gate")
    if c.flag("mlp_fc1_bias") or c.flag("mlp_fc2_bias") or c.flag("use_rms_norm") or c.flag("prenorm"):
        raise c.unsupported("has other norms or MLPs than the published nomic-embed-text models")
    if c.get("rotary_emb_fraction") not in (None, 1, 1.0):
        raise c.unsupported("has learned positions")
    c.ignore("causal", "dense_seq_output", "fused_bias_fc", "fused_dropout_add_ln", "max_trained_positions")
    c.ignore("pad_vocab_size_multiple", "parallel_block", "parallel_block_tied_norm", "use_xentropy", "pad_token_id")

    head = c.head("Model")
    base = "" if head == "Model" else "bert."

    def blocks(_: None) -> Iterator[Named]:
        names = ("Wqkv", "out_proj")
        attention = Attention(hidden, heads, heads, head_dim, names=names, qkv_bias=bias, out_bias=bias, cached=False)
        yield "attn", attention
        yield "norm1", Norm(hidden, bias=True)
        yield "mlp", GatedMlp(hidden, intermediate, ("fc12", "fc11", "fc2"))
        yield "norm2", Norm(hidden, bias=True)

    embed = f"{base}embeddings.word_embeddings"
    placed = [place(embed, Embedding(vocab, hidden))]
    if segments:
        table = Embedding(segments, hidden, "embedding.segment")
        placed.append(place(f"{base}embeddings.token_type_embeddings", table))
    placed += [
        place(f"{base}emb_ln", Norm(hidden, bias=True)),
        *stack(f"{base}encoder.layers.{{layer}}", [None] * layers, blocks),
        *_on_top(c, head, base, hidden, vocab, f"{embed}.weight"),
    ]
    context = c.positions("n_positions", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _on_top(c: Config, head: str, base: str, hidden: int, vocab: int, embed: str) -> list[PlacedBlock]:
    tied = embed if c.flag("tie_word_embeddings", default=True) else None
    if head == "Model":
        return []
    if head in ("ForMaskedLM", "ForPreTraining"):
        return [
            place("cls.predictions.transform.dense", Linear("head.transform", hidden, hidden, bias=True)),
            place("cls.predictions.transform.layer_norm", Norm(hidden, bias=True, role="head.norm")),
            place("cls.predictions.decoder", Head(vocab, hidden, tied)),
            place("cls.predictions.bias", Parameter("head.out", (vocab,))),
        ]
    if head == "ForSequenceClassification":
        pooler = place(f"{base}pooler.dense", Linear("other.pooler", hidden, hidden, bias=True))
        return [pooler, *classifier(c, hidden)]
    if head == "ForTokenClassification":
        return classifier(c, hidden)
    raise c.unsupported(f"is a {c.architecture('')}")
