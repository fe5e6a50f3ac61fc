"""How the model classes of transformers 5.23.0 differ from Llama's, by model type: see `Habit`.

Read from ``models/*/modeling_*.py``.
"""

from __future__ import annotations

from llmscale.model.classes.style import LLAMA, Habit
from llmscale.model.spec import ModelSpec

_DEEPSEEK = Habit(routed_in_fp32=True, router_in_fp32=True)
_GLM_MOE = Habit(rope_share=0.5, routed_in_fp32=True, router_in_fp32=True)
_MAMBA = Habit(rotary="none", stream_in_fp32=True)
_GEMMA3 = Habit(norm="gemma", rope_tables=2)
#: By model type, that of the text part where a model has others; a type that is not here is traced as Llama.
STYLES: dict[str, Habit] = {
    "afmoe": Habit(norm="gemma", routed_in_fp32=True, router_in_fp32=True, shared_first=True),
    "apertus": Habit(act="xielu"),
    "arcee": Habit(act="relu2"),
    "bamba": Habit(scores_returned=True),
    "bloom": Habit(norm="layer", act="gelu_new", rotary="none", sdpa=False, scores="product", scores_returned=True),
    "codegen": Habit(
        norm="layer",
        act="gelu_new",
        rope_share=0.25,
        rope_open=True,
        sdpa=False,
        scores="single",
        scores_returned=True,
    ),
    "cohere": Habit(norm="manual", rotary="fp32"),
    "cohere2": Habit(norm="manual", rotary="fp32"),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "deepseek_v32": _DEEPSEEK._replace(masked=True),
    "dots1": _DEEPSEEK,
    "ernie4_5": Habit(rotary="wide", table_width=4),
    "ernie4_5_moe": Habit(rotary="wide", table_width=4, router_in_fp32=True, shared_first=True),
    "falcon_mamba": _MAMBA,
    "falcon": Habit(norm="layer", masked=True, scores="inplace", scores_returned=True),
    "flex_olmo": Habit(rotary="promoted", table_width=4),
    "gemma": Habit(norm="gemma"),
    "gemma2": Habit(norm="gemma", sdpa=False),
    "gemma3": _GEMMA3,
    "glm4_moe": _GLM_MOE,
    "glm4v_moe": _GLM_MOE,
    "gemma3n": Habit(norm="gemma", rope_tables=2, embeddings=5, streams=4),
    "gemma4": Habit(norm="gemma", rope_tables=2, routed_in_fp32=True, sliced=True),
    "glm": Habit(rope_share=0.5),
    "glm4": Habit(rope_share=0.5),
    "glm_moe_dsa": _DEEPSEEK._replace(masked=True),
    "gpt2": Habit(norm="layer", act="gelu_new", rotary="none", embeddings=2, attention_kept=True, scores="native"),
    "gpt_bigcode": Habit(norm="layer", rotary="none", embeddings=2, attention_kept=True),
    "gpt_neox": Habit(norm="layer", rope_share=0.25),
    "gpt_neo": Habit(
        norm="layer",
        act="gelu_new",
        rotary="none",
        embeddings=2,
        sdpa=False,
        scores="single",
        scores_returned=True,
        attention_kept=True,
    ),
    "gptj": Habit(
        norm="layer",
        act="gelu_new",
        rope_share=0.25,
        rope_open=True,
        sdpa=False,
        scores="single",
        scores_returned=True,
    ),
    "gpt_oss": Habit(sdpa=False, scores="sinks"),
    "hunyuan_v1_moe": Habit(routed_in_fp32=True, router_in_fp32=True, shared_first=True),
    "kimi_k2": _DEEPSEEK,
    "lfm3": Habit(rotary="promoted", table_width=4, rope_tables=2),
    "llama4": Habit(rotary="complex", table_width=4, attention_kept=True, dense_experts=True),
    "mamba": _MAMBA,
    "mamba2": _MAMBA,
    "mimo_v2_flash": Habit(
        sdpa=False, scores="sinks", rope_share=0.334, rope_tables=2, router_in_fp32=True, routed_in_fp32=True
    ),
    "minimax_m2": Habit(routed_in_fp32=True),
    "mixtral": Habit(routed_in_fp32=True),
    "mpt": Habit(norm="layer", rotary="none", sdpa=False, scores="alibi", scores_returned=True),
    "nemotron_h": Habit(act="relu2", rotary="none", chunk=128, router_in_fp32=True, routed_in_fp32=True),
    "nemotron": Habit(norm="layer", act="relu2", rope_share=0.5),
    "jamba": Habit(rotary="none"),
    "olmo": Habit(norm="bare", rotary="promoted", table_width=4),
    "olmo2": Habit(rotary="promoted", table_width=4),
    "olmo3": Habit(rotary="promoted", table_width=4, rope_tables=2),
    "opt": Habit(norm="layer", rotary="none", embeddings=2, inline=True),
    "persimmon": Habit(norm="layer", act="relu2", rope_share=0.5, rope_open=True),
    "phi": Habit(norm="layer", act="gelu_new", rope_share=0.5, rope_open=True),
    "phimoe": Habit(norm="layer"),
    "qwen2_moe": Habit(shared_first=True, spare_mask=True),
    "qwen3_5": Habit(norm="gemma", rope_share=0.25),
    "qwen3_5_moe": Habit(norm="gemma", rope_share=0.25, shared_first=True),
    "qwen3_next": Habit(norm="gemma", rope_share=0.25, shared_first=True),
    "recurrent_gemma": Habit(norm="gemma", rope_share=0.5),
    "rwkv": Habit(norm="layer", rotary="none", attention_kept=True),
    "stablelm": Habit(norm="layer", rope_share=0.25, rope_open=True, attention_kept=True, input_kept=True),
    "starcoder2": Habit(norm="layer"),
    "zamba2": Habit(embeddings=2),
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
_BERT = Habit(norm="layer", rotary="none", scores="native", behind=True)
_VIT = Habit(norm="layer", rotary="none")
_DINO = Habit(norm="layer", rotary="none", scores="native")
_CLIP = Habit(norm="layer", rotary="none", act="quick_gelu")
#: Encoders by model type.
ENCODERS: dict[str, Habit] = {
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
    "eurobert": Habit(),
    "modernbert": Habit(norm="layer", rotary="float", rope_tables=2, masked=True),
    "nomic_bert": _BERT._replace(rotary="half", attention_kept=True),
    "pixtral": Habit(embeddings=3, joined=True),
    "roberta": _BERT,
    "siglip": _VIT,
    "siglip_vision_model": _VIT,
    "swin": _VIT._replace(windowed=True),
    "vit": _VIT,
    "xlm-roberta": _BERT,
}
_T5 = Habit(act="gelu_new", rotary="none", scores="native", biased=True)
_BART = _BERT
_MBART = Habit(norm="layer", rotary="none", scores="native", embeddings=2)
#: Encoder-decoders by model type.
SEQ2SEQ: dict[str, Habit] = {
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


def style_of(spec: ModelSpec) -> Habit:
    """What the model's class does; as Llama's where nothing else is known of it."""
    if spec.family in ENCODERS or spec.family in SEQ2SEQ:
        return facts(spec.family)
    return facts(spec.text_family or spec.family)


def facts(model_type: str) -> Habit:
    """The same by model type."""
    return (ENCODERS | SEQ2SEQ | STYLES).get(model_type, STYLES.get(name_of(model_type), LLAMA))


def compared(model_type: str) -> bool:
    """Whether the class of this type was compared with what is traced for it."""
    name = name_of(model_type)
    return (
        model_type in ENCODERS
        or model_type in SEQ2SEQ
        or name in LIKE_LLAMA
        or (name in STYLES and name not in UNCOMPARED)
    )
