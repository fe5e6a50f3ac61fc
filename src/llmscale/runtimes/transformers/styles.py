"""How the model classes of transformers 5.23.0 differ from Llama's, by model type: see `Style`.

Read from ``models/*/modeling_*.py``.
"""

from __future__ import annotations

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.style import LLAMA, Style

_DEEPSEEK = Style(routed_in_fp32=True, router_in_fp32=True)
_GLM_MOE = Style(rope_share=0.5, routed_in_fp32=True, router_in_fp32=True)
_MAMBA = Style(rotary="none", stream_in_fp32=True)
_GEMMA3 = Style(norm="gemma", rope_tables=2)
#: By model type, that of the text part where a model has others; a type that is not here is traced as Llama.
STYLES: dict[str, Style] = {
    "afmoe": Style(norm="gemma", routed_in_fp32=True, router_in_fp32=True, shared_first=True),
    "apertus": Style(act="xielu"),
    "arcee": Style(act="relu2"),
    "bamba": Style(scores_returned=True),
    "bloom": Style(norm="layer", act="gelu_new", rotary="none", sdpa=False, scores="product", scores_returned=True),
    "codegen": Style(
        norm="layer",
        act="gelu_new",
        rope_share=0.25,
        rope_open=True,
        sdpa=False,
        scores="single",
        scores_returned=True,
    ),
    "cohere": Style(norm="manual", rotary="fp32"),
    "cohere2": Style(norm="manual", rotary="fp32"),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "deepseek_v32": _DEEPSEEK._replace(masked=True),
    "dots1": _DEEPSEEK,
    "ernie4_5": Style(rotary="wide", table_width=4),
    "ernie4_5_moe": Style(rotary="wide", table_width=4, router_in_fp32=True, shared_first=True),
    "falcon_mamba": _MAMBA,
    "falcon": Style(norm="layer", masked=True, scores="inplace", scores_returned=True),
    "flex_olmo": Style(rotary="promoted", table_width=4),
    "gemma": Style(norm="gemma"),
    "gemma2": Style(norm="gemma", sdpa=False),
    "gemma3": _GEMMA3,
    "glm4_moe": _GLM_MOE,
    "glm4v_moe": _GLM_MOE,
    "gemma3n": Style(norm="gemma", rope_tables=2, embeddings=5, streams=4),
    "gemma4": Style(norm="gemma", rope_tables=2, routed_in_fp32=True, sliced=True),
    "glm": Style(rope_share=0.5),
    "glm4": Style(rope_share=0.5),
    "glm_moe_dsa": _DEEPSEEK._replace(masked=True),
    "gpt2": Style(norm="layer", act="gelu_new", rotary="none", embeddings=2, attention_kept=True, scores="native"),
    "gpt_bigcode": Style(norm="layer", rotary="none", embeddings=2, attention_kept=True),
    "gpt_neox": Style(norm="layer", rope_share=0.25),
    "gpt_neo": Style(
        norm="layer",
        act="gelu_new",
        rotary="none",
        embeddings=2,
        sdpa=False,
        scores="single",
        scores_returned=True,
        attention_kept=True,
    ),
    "gptj": Style(
        norm="layer",
        act="gelu_new",
        rope_share=0.25,
        rope_open=True,
        sdpa=False,
        scores="single",
        scores_returned=True,
    ),
    "gpt_oss": Style(sdpa=False, scores="sinks"),
    "hunyuan_v1_moe": Style(routed_in_fp32=True, router_in_fp32=True, shared_first=True),
    "kimi_k2": _DEEPSEEK,
    "lfm3": Style(rotary="promoted", table_width=4, rope_tables=2),
    "llama4": Style(rotary="complex", table_width=4, attention_kept=True, dense_experts=True),
    "mamba": _MAMBA,
    "mamba2": _MAMBA,
    "mimo_v2_flash": Style(
        sdpa=False, scores="sinks", rope_share=0.334, rope_tables=2, router_in_fp32=True, routed_in_fp32=True
    ),
    "minimax_m2": Style(routed_in_fp32=True),
    "mixtral": Style(routed_in_fp32=True),
    "mpt": Style(norm="layer", rotary="none", sdpa=False, scores="alibi", scores_returned=True),
    "nemotron_h": Style(act="relu2", rotary="none", chunk=128, router_in_fp32=True, routed_in_fp32=True),
    "nemotron": Style(norm="layer", act="relu2", rope_share=0.5),
    "jamba": Style(rotary="none"),
    "olmo": Style(norm="bare", rotary="promoted", table_width=4),
    "olmo2": Style(rotary="promoted", table_width=4),
    "olmo3": Style(rotary="promoted", table_width=4, rope_tables=2),
    "opt": Style(norm="layer", rotary="none", embeddings=2, inline=True),
    "persimmon": Style(norm="layer", act="relu2", rope_share=0.5, rope_open=True),
    "phi": Style(norm="layer", act="gelu_new", rope_share=0.5, rope_open=True),
    "phimoe": Style(norm="layer"),
    "qwen2_moe": Style(shared_first=True, spare_mask=True),
    "qwen3_5": Style(norm="gemma", rope_share=0.25),
    "qwen3_5_moe": Style(norm="gemma", rope_share=0.25, shared_first=True),
    "qwen3_next": Style(norm="gemma", rope_share=0.25, shared_first=True),
    "recurrent_gemma": Style(norm="gemma", rope_share=0.5),
    "rwkv": Style(norm="layer", rotary="none", attention_kept=True),
    "stablelm": Style(norm="layer", rope_share=0.25, rope_open=True, attention_kept=True, input_kept=True),
    "starcoder2": Style(norm="layer"),
    "zamba2": Style(embeddings=2),
}
#: Types that go as Llama does; as those of `STYLES`, they were compared with their classes.
LIKE_LLAMA = frozenset(
    {
        "apertus",
        "exaone4",
        "falcon_h1",
        "glm4v",
        "granite",
        "granitemoe",
        "granitemoehybrid",
        "granitemoeshared",
        "helium",
        "hunyuan_v1_dense",
        "lfm2",
        "lfm2_moe",
        "llama",
        "minicpm3",
        "ministral3",
        "mistral",
        "mllama_text_model",
        "olmoe",
        "phi3",
        "qwen2",
        "qwen2_5_vl",
        "qwen2_vl",
        "qwen3",
        "qwen3_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
        "seed_oss",
        "smollm3",
    }
)
_BERT = Style(norm="layer", rotary="none", scores="native", behind=True)
_VIT = Style(norm="layer", rotary="none")
_DINO = Style(norm="layer", rotary="none", scores="native")
_CLIP = Style(norm="layer", rotary="none", act="quick_gelu")
#: Encoders by model type.
ENCODERS: dict[str, Style] = {
    "albert": _BERT._replace(act="gelu_new", mapped=True),
    "beit": _VIT._replace(biased=True, tabled=True),
    "bert": _BERT,
    "clip": _CLIP,
    "clip_text_model": _CLIP,
    "clip_vision_model": _CLIP,
    "deberta-v2": _BERT._replace(sdpa=False, states_kept=True),
    "deit": _VIT,
    "dinov2": _DINO._replace(parted=True),
    "dinov2_with_registers": _DINO._replace(parted=True),
    "dinov3_vit": _DINO._replace(rotary="half"),
    "distilbert": _BERT,
    "electra": _BERT,
    "ernie": _BERT,
    "eurobert": Style(),
    "modernbert": Style(norm="layer", rotary="float", rope_tables=2, masked=True),
    "nomic_bert": _BERT._replace(rotary="half", attention_kept=True),
    "pixtral": Style(embeddings=3, joined=True),
    "roberta": _BERT,
    "siglip": _VIT,
    "siglip_vision_model": _VIT,
    "swin": _VIT._replace(windowed=True),
    "vit": _VIT,
    "xlm-roberta": _BERT,
}
_T5 = Style(act="gelu_new", rotary="none", scores="native", biased=True)
_BART = _BERT
_MBART = Style(norm="layer", rotary="none", scores="native", embeddings=2)
#: Encoder-decoders by model type.
SEQ2SEQ: dict[str, Style] = {
    "bart": _BART._replace(embeddings=3),
    "blenderbot": _MBART,
    "blenderbot-small": _BART,
    "m2m_100": _MBART,
    "marian": _BART._replace(embeddings=2),
    "mbart": _MBART._replace(embeddings=3),
    "mt5": _T5,
    "pegasus": _MBART,
    "t5": _T5,
    "umt5": _T5,
    "whisper": _MBART,
}
#: Types of `STYLES` whose class is the publisher's own code, or would not run without values.
UNCOMPARED = frozenset({"kimi_k2", "minimax_m2"})
#: Types whose blocks are like these but whose code is not: they are not traced.
UNLIKE = frozenset({"minimax"})


def name_of(model_type: str) -> str:
    """The type as `STYLES` has it: a text part is called after the model."""
    return model_type.removesuffix("_text")


def style_of(spec: ModelSpec) -> Style:
    """What the model's class does; as Llama's where nothing else is known of it."""
    if spec.family in ENCODERS or spec.family in SEQ2SEQ:
        return (ENCODERS | SEQ2SEQ)[spec.family]
    return STYLES.get(name_of(spec.text_family or spec.family), LLAMA)


def compared(model_type: str) -> bool:
    """Whether the class of this type was compared with what is traced for it."""
    name = name_of(model_type)
    return (
        model_type in ENCODERS
        or model_type in SEQ2SEQ
        or name in LIKE_LLAMA
        or (name in STYLES and name not in UNCOMPARED)
    )
