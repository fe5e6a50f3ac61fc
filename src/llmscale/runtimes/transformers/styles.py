"""How the model classes of transformers 5.23.0 differ from Llama's, as far as their memory shows it.

Read from ``models/*/modeling_*.py``. What follows from the blocks of a model (where norms stand, fused projections,
norms of queries and keys, experts) is not repeated here.
"""

from __future__ import annotations

from typing import NamedTuple


class Style(NamedTuple):
    """What a family's code does.

    Attributes:
        norm: ``rms`` as Llama's, ``gemma`` as Gemma's, ``layer`` the fused LayerNorm, ``manual`` Cohere's in single
            operations, ``bare`` OLMo's, which has no weights.
        act: of plain MLPs: ``fused`` is one operation, ``gelu_new`` GPT-2's formula, ``relu2`` the square of ReLU.
        rotary: ``half`` as Llama's, ``fp32`` the same in FP32 as Cohere's, ``none``.
        rope_tables: pairs of cosines and sines.
        table_width: bytes of one of their elements; 0 for those of an activation.
        rope_open: whether the parts of a head that rotate and those that do not are variables of the attention itself,
            so that what was projected stays until its end (Phi).
        sdpa: whether the class takes SDPA.
        scores: how attention by single operations goes about its scores: ``fp32`` as Llama's, ``native`` without FP32
            (GPT-2), ``inplace`` the same and scaled where they stand (Falcon), ``sinks`` with gpt-oss's sinks.
        scores_kept: whether the layer's own variable holds the scores until its end.
        embeddings: tensors as wide as the hidden state that the model keeps beside its layers' input.
        inline: whether the layer's own variable is the MLP's input, which goes after the first projection.
        masked: whether a mask of all tokens is made even where SDPA needs none.
        spare_mask: whether a mask for windows is made that no layer uses.
        attention_kept: whether the attention's output stays until the end of the layer.
        shared_first: whether the shared expert runs before the routed ones.
        routed_in_fp32: whether routing weights are FP32, and with them the weighted outputs of the experts.
        router_in_fp32: whether the router computes in FP32.
    """

    norm: str = "rms"
    act: str = "fused"
    rotary: str = "half"
    rope_tables: int = 1
    table_width: int = 0
    rope_open: bool = False
    sdpa: bool = True
    scores: str = "fp32"
    scores_kept: bool = True
    embeddings: int = 1
    inline: bool = False
    masked: bool = False
    spare_mask: bool = False
    attention_kept: bool = False
    shared_first: bool = False
    routed_in_fp32: bool = False
    router_in_fp32: bool = False


LLAMA = Style()
_DEEPSEEK = Style(routed_in_fp32=True, router_in_fp32=True)
_GEMMA3 = Style(norm="gemma", rope_tables=2)
STYLES: dict[str, Style] = {
    "afmoe": Style(routed_in_fp32=True, router_in_fp32=True),
    "bloom": Style(norm="layer", act="gelu_new", rotary="none", sdpa=False, attention_kept=True),
    "codegen": Style(norm="layer", act="gelu_new", rope_open=True, sdpa=False, scores="native"),
    "cohere": Style(norm="manual", rotary="fp32"),
    "cohere2": Style(norm="manual", rotary="fp32"),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "dots1": _DEEPSEEK,
    "falcon": Style(norm="layer", masked=True, scores="inplace", scores_kept=True),
    "gemma": Style(norm="gemma"),
    "gemma2": Style(norm="gemma", sdpa=False),
    "gemma3": _GEMMA3,
    "gemma3_text": _GEMMA3,
    "glm4_moe": _DEEPSEEK,
    "glm4v_moe": _DEEPSEEK,
    "gpt2": Style(norm="layer", act="gelu_new", rotary="none", embeddings=2, attention_kept=True, scores="native"),
    "gpt_bigcode": Style(norm="layer", rotary="none", embeddings=2, attention_kept=True),
    "gpt_neo": Style(norm="layer", act="gelu_new", rotary="none", embeddings=2, sdpa=False, attention_kept=True),
    "gpt_neox": Style(norm="layer"),
    "gpt_oss": Style(sdpa=False, scores="sinks"),
    "gptj": Style(norm="layer", act="gelu_new", rope_open=True, sdpa=False, scores="native"),
    "hunyuan_v1_moe": Style(routed_in_fp32=True, router_in_fp32=True),
    "kimi_k2": _DEEPSEEK,
    "minimax_m2": Style(routed_in_fp32=True),
    "mixtral": Style(routed_in_fp32=True),
    "mpt": Style(norm="layer", rotary="none", sdpa=False, attention_kept=True),
    "olmo": Style(norm="bare", table_width=4),
    "olmo2": Style(table_width=4),
    "olmo3": Style(table_width=4, rope_tables=2),
    "opt": Style(norm="layer", rotary="none", embeddings=2, inline=True),
    "phi": Style(norm="layer", act="gelu_new", rope_open=True),
    "phimoe": Style(norm="layer"),
    "qwen2_moe": Style(shared_first=True, spare_mask=True),
    "stablelm": Style(norm="layer", rope_open=True),
    "starcoder2": Style(norm="layer"),
}
