"""What llama.cpp's architectures add to the blocks of a model, which only they know.

Which tensors the GGUF holds fused, how a layer's parts are joined, how experts are chosen. An architecture that is not
in the table is taken for the nearest generic one, and its `ModelFacts.known` says so.

Source of the table: llama.cpp commit 0c1e57098, src/models/ (the graph of each architecture) and conversion/ (what the
converter writes for each published model).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple

Fields = Mapping[str, Any]
NONE: Fields = MappingProxyType({})

#: Layers of Baichuan's 7B models; its larger ones know positions by ALiBi.
BAICHUAN_7B = 32


class Style(NamedTuple):
    """What an architecture adds to a model's blocks.

    Attributes:
        arch: llama.cpp's name of it.
        facts, attention, experts: fields of `ModelFacts`, `AttentionFacts` and `ExpertsFacts` that differ from their
            defaults.
        ffn: form of every feed-forward that the GGUF stores otherwise than the checkpoint.
        dense: whether a feed-forward beside a mixture is added to it (Arctic, Gemma 4).
        shared_gate: how a shared expert is gated where it has a gate.
        windows: whether layers with a sliding window have a cache of their own.
        window_more: tokens that such a layer keeps more than the published window.
        unrotated: every how many layers one is not rotated; 1 for none that is, -1 for all but those with a window.
        sparse: first layers whose feed-forward keeps its largest activations only (Gemma 3n).
        normed_steps: whether Mamba's step size, B and C are normalised without weights (Falcon Mamba).
        graph: whether `llmscale.runtimes.llama_cpp.simulator.assemble` has the architecture's own graph.
        vocab: most rows that the converter keeps of the vocabulary.
    """

    arch: str
    facts: Fields = NONE
    attention: Fields = NONE
    experts: Fields = NONE
    ffn: str = ""
    dense: bool = False
    shared_gate: str = "sigmoid"
    windows: bool = False
    window_more: int = 0
    unrotated: int = 0
    sparse: int = 0
    normed_steps: bool = False
    graph: bool = True
    vocab: int = 0


LAYER: Fields = {"norm": "layer"}
FUSED: Fields = {"fused": True}
SCALED: Fields = {"scaled": "first"}
KEPT: Fields = {"rows": "norm", "kept": "norm"}
_GEMMA4 = Style(
    "gemma4",
    {**KEPT, "residual": "gemma4", "scaled": "later"},
    {"value_norm": True},
    {"merged": True},
    dense=True,
    windows=True,
)

STYLES: dict[str, Style] = {
    "afmoe": Style("afmoe", {"post_norm": True}, {"gate": "apart"}, windows=True),
    "apertus": Style("apertus"),
    "arcee": Style("arcee"),
    "arctic": Style("arctic", {"residual": "arctic"}, dense=True),
    "baichuan": Style("baichuan"),
    "bailing_moe": Style("bailingmoe"),
    "bailing_moe_v2": Style("bailingmoe2", NONE, FUSED, {"router": "sigmoid"}),
    "bamba": Style("granitehybrid", SCALED),
    "bloom": Style("bloom", {**LAYER, "embedding_norm": True}, FUSED, unrotated=1),
    "chatglm": Style("chatglm", NONE, FUSED, ffn="fused"),
    "cohere": Style("command-r", {**LAYER, "residual": "cohere"}),
    "cohere2": Style("cohere2", {**LAYER, "residual": "cohere"}, windows=True, unrotated=-1),
    "dbrx": Style("dbrx", LAYER, FUSED),
    "deepseek": Style("deepseek", experts={"normed": False}),
    "deepseek_v2": Style("deepseek2", {"kept": "norm"}, experts={"normed": False}),
    "deepseek_v3": Style("deepseek2", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "deepseek_v32": Style("deepseek32", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "dots1": Style("dots1", experts={"router": "sigmoid"}),
    "ernie4_5": Style("ernie4_5"),
    "ernie4_5_moe": Style("ernie4_5-moe"),
    "exaone": Style("exaone"),
    "exaone4": Style("exaone4", {"post_norm": True, "residual": "unnormed"}, windows=True, unrotated=-1),
    "falcon": Style("falcon", {**LAYER, "residual": "falcon"}, FUSED),
    "falcon_h1": Style("falcon-h1", {"rows": "added"}),
    "falcon_mamba": Style("mamba", normed_steps=True),
    "gemma": Style("gemma"),
    "gemma2": Style("gemma2", {"post_norm": True}, windows=True),
    "gemma3": Style("gemma3", {"post_norm": True}, windows=True, vocab=262144),
    "gemma3_text": Style("gemma3", {"post_norm": True}, windows=True, vocab=262144),
    "gemma3n": Style(
        "gemma3n",
        {"rows": "end", "residual": "gemma3n", "scaled": "later"},
        {"value_norm": True},
        windows=True,
        sparse=10,
    ),
    "gemma4": _GEMMA4,
    "gemma4_unified": _GEMMA4,
    "glm": Style("chatglm", NONE, FUSED, ffn="fused"),
    "glm4": Style("glm4", {"post_norm": True}, ffn="fused"),
    "glm4v": Style("glm4", {"post_norm": True, "positions": 4}, ffn="fused"),
    "glm4v_moe": Style("glm4moe", {"kept": "norm", "positions": 4}, experts={"router": "sigmoid"}),
    "glm4_moe_lite": Style("deepseek2", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "glm4_moe": Style("glm4moe", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "glm_moe_dsa": Style("glm-dsa", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "gpt2": Style("gpt2", {**LAYER, "embedded_positions": True}, FUSED, unrotated=1),
    "gpt_bigcode": Style("starcoder", {**LAYER, "embedded_positions": True}, FUSED, unrotated=1),
    "gpt_neox": Style("gptneox", {**LAYER, "residual": "neox"}, FUSED),
    "gpt_oss": Style(
        "gpt-oss", {"rows": "end", "kept": "hidden"}, NONE, {"router": "weights", "normed": False}, windows=True
    ),
    "granite": Style("granite", SCALED),
    "granitemoe": Style("granitemoe", SCALED),
    "granitemoehybrid": Style("granitehybrid", SCALED, unrotated=1),
    "grok-1": Style("grok", {"post_norm": True, "flash": False}),
    "hunyuan_v1_dense": Style("hunyuan-dense", NONE, {"norm": "late"}),
    "hunyuan_v1_moe": Style("hunyuan-moe", NONE, {"norm": "late"}),
    "internlm": Style("llama"),
    "internlm2": Style("internlm2"),
    "jamba": Style("jamba", {"residual": "onto both"}, NONE, {"normed": False}, unrotated=1),
    "kimi_k2": Style("deepseek2", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "kimi_k25": Style("deepseek2", {"kept": "norm"}, experts={"router": "sigmoid"}),
    "kimi_linear": Style("kimi-linear", {"eager": True}, experts={"router": "sigmoid"}, unrotated=1),
    "lfm2": Style("lfm2", {"residual": "onto both"}),
    "lfm2_moe": Style("lfm2moe", {"residual": "onto both"}, NONE, {"router": "sigmoid"}),
    "llama": Style("llama"),
    "smolvlm": Style("llama"),
    "llava_onevision": Style("llama"),
    "llava_next": Style("llama"),
    "llava": Style("llama"),
    "internvl": Style("llama"),
    "idefics3": Style("llama"),
    "idefics2": Style("llama"),
    "llama4": Style(
        "llama4",
        {"tempered": "unrotated"},
        NONE,
        {"router": "sigmoid", "normed": False, "before": True},
        windows=True,
        unrotated=-1,
    ),
    "mamba": Style("mamba"),
    "mamba2": Style("mamba2"),
    "mimo_v2_flash": Style("mimo2", NONE, NONE, {"router": "sigmoid"}, windows=True, window_more=-1),
    "minicpm": Style("minicpm", SCALED),
    "minimax_m2": Style("minimax-m2", NONE, NONE, {"router": "sigmoid"}),
    "mistral": Style("llama"),
    "mistral3": Style("mistral3", {"tempered": "all"}),
    "mixtral": Style("llama"),
    "mpt": Style("mpt", LAYER, FUSED, unrotated=1),
    "nemotron": Style("nemotron", LAYER),
    "nemotron_h": Style("nemotron_h", KEPT, {}, {"router": "sigmoid"}, unrotated=1),
    "olmo": Style("olmo", LAYER),
    "olmo2": Style("olmo2", {"post_norm": True, "residual": "unnormed"}),
    "olmo3": Style("olmo2", {"post_norm": True, "residual": "unnormed"}, windows=True),
    "olmoe": Style("olmoe", NONE, NONE, {"normed": False}),
    "openelm": Style("openelm", {"residual": "onto first"}, FUSED),
    "orion": Style("orion", LAYER),
    "phi": Style("phi2", {**LAYER, "residual": "phi2"}),
    "phi3": Style("phi3", {"residual": "onto"}, FUSED, ffn="fused"),
    "phimoe": Style("phimoe", {"residual": "onto"}),
    "qwen": Style("qwen", NONE, FUSED),
    "qwen2": Style("qwen2"),
    "qwen2_moe": Style("qwen2moe", NONE, NONE, {"normed": False}, shared_gate="silu"),
    "qwen2_vl": Style("qwen2vl", {"positions": 4}),
    "qwen2_5_vl": Style("qwen2vl", {"positions": 4}),
    "qwen3": Style("qwen3"),
    "qwen3_moe": Style("qwen3moe"),
    "qwen3_vl": Style("qwen3vl", {"positions": 4, "deepstack": 3}),
    "qwen3_vl_moe": Style("qwen3vlmoe", {"positions": 4, "deepstack": 3}),
    "qwen3_next": Style("qwen3next", {**KEPT, "eager": True}),
    "qwen3_5": Style("qwen35", {**KEPT, "eager": True, "positions": 4}),
    "qwen3_5_moe": Style("qwen35moe", {**KEPT, "eager": True, "positions": 4}),
    "seed_oss": Style("seed_oss"),
    "smollm3": Style("smollm3", unrotated=4),
    "stablelm": Style("stablelm", LAYER),
    "starcoder2": Style("starcoder2", LAYER),
}


def style_of(spec: ModelSpec) -> Style:
    """The architecture that the converter makes of a model."""
    style = STYLES.get(spec.family, Style(spec.family, graph=False))
    blocks = [placed.block for placed in spec.placed]
    match style.arch:
        case "bailingmoe" if any(isinstance(block, Attention) and block.qk_norm for block in blocks):
            return STYLES["bailing_moe_v2"]
        case "granitehybrid" if not any(isinstance(block, Mamba2) for block in blocks):
            return STYLES["granite"]
        case "baichuan" if spec.layers != BAICHUAN_7B:
            return style._replace(unrotated=1)
        case _:
            return style
