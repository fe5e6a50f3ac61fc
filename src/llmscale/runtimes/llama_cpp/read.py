"""`ModelSpec` → `Facts`: what llama.cpp makes of a model.

Widths come from the spec's blocks. What only the architecture knows comes from `STYLES`: which tensors the GGUF holds
fused, how a layer's parts are joined, how experts are chosen. An architecture that is not in the table is taken for
the nearest generic one, and its `Facts.known` says so.

Source of the table: llama.cpp commit 0c1e57098, src/models/ (the graph of each architecture) and conversion/ (what the
converter writes for each published model).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from llmscale.model.blocks import attention as att
from llmscale.model.blocks import linear_attention, mlp, recurrent
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.spec import Block, ModelSpec
from llmscale.runtimes.llama_cpp.facts import (
    Attention,
    DeltaNet,
    Experts,
    Facts,
    Indexer,
    KimiDelta,
    Latent,
    Layer,
    Mamba,
    Mamba2,
    Mixer,
    Mlp,
    ShortConv,
)

Fields = Mapping[str, Any]
NONE: Fields = MappingProxyType({})


#: Layers of Baichuan's 7B models; its larger ones know positions by ALiBi.
BAICHUAN_7B = 32
#: Cells that sparse attention sees (`index_topk` of DeepSeek-V3.2 and of GLM-5, the only models that have it).
TOP = 2048


class Style(NamedTuple):
    """What an architecture adds to a model's blocks.

    Attributes:
        arch: llama.cpp's name of it.
        facts, attention, experts: fields of `Facts`, `Attention` and `Experts` that differ from their defaults.
        ffn: form of every feed-forward that the GGUF stores otherwise than the checkpoint.
        windows: whether layers with a sliding window have a cache of their own.
        unrotated: every how many layers one is not rotated; 1 for none that is, -1 for all but those with a window.
        sparse: first layers whose feed-forward keeps its largest activations only (Gemma 3n).
        normed_steps: whether Mamba's step size, B and C are normalised without weights (Falcon Mamba).
        graph: whether `llmscale.runtimes.llama_cpp.simulator.build` has the architecture's own graph.
        vocab: most rows that the converter keeps of the vocabulary.
    """

    arch: str
    facts: Fields = NONE
    attention: Fields = NONE
    experts: Fields = NONE
    ffn: str = ""
    windows: bool = False
    unrotated: int = 0
    sparse: int = 0
    normed_steps: bool = False
    graph: bool = True
    vocab: int = 0


LAYER: Fields = {"norm": "layer"}
FUSED: Fields = {"fused": True}
SCALED: Fields = {"scaled": "first"}
KEPT: Fields = {"rows": "norm", "kept": "norm"}

STYLES: dict[str, Style] = {
    "afmoe": Style("afmoe", {"post_norm": True}, {"gate": "apart"}, windows=True),
    "apertus": Style("apertus"),
    "arcee": Style("arcee"),
    "arctic": Style("arctic", {"residual": "arctic"}),
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
    "gemma4": Style(
        "gemma4",
        {**KEPT, "residual": "gemma4", "scaled": "later"},
        {"value_norm": True},
        {"merged": True},
        windows=True,
    ),
    "glm": Style("chatglm", NONE, FUSED, ffn="fused"),
    "glm4": Style("glm4", {"post_norm": True}, ffn="fused"),
    "glm4v": Style("glm4", {"post_norm": True, "positions": 4}, ffn="fused"),
    "glm4v_moe": Style("glm4moe", {"kept": "norm", "positions": 4}, experts={"router": "sigmoid"}),
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
    "mimo_v2_flash": Style("mimo2", NONE, NONE, {"router": "sigmoid"}, windows=True),
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
    "qwen2_moe": Style("qwen2moe", NONE, NONE, {"normed": False}),
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


def facts_of(spec: ModelSpec) -> Facts:
    """What llama.cpp makes of a language model whose tensors are known."""
    style = STYLES.get(spec.family)
    style = style or Style(spec.family, graph=False)
    known = style.graph
    if style.arch == "bailingmoe" and any(isinstance(p.block, att.Attention) and p.block.qk_norm for p in spec.placed):
        style = STYLES["bailing_moe_v2"]
    if style.arch == "baichuan" and spec.layers != BAICHUAN_7B:
        style = style._replace(unrotated=1)
    if style.arch == "granitehybrid" and not any(isinstance(p.block, recurrent.Mamba2) for p in spec.placed):
        style = STYLES["granite"]
    by_layer: dict[int, list[Block]] = {number: [] for number in range(spec.layers)}
    for placed in spec.placed:
        if placed.tower is None:
            for number in placed.layers:
                by_layer.setdefault(number, []).append(placed.block)
    layers = []
    window = 0
    windows = any(isinstance(p.block, att.Attention) and p.block.window for p in spec.placed)
    for number, blocks in sorted(by_layer.items()):
        mixer, width = _mixer(blocks, style, number, windows)
        ffn = _feed_forward(blocks, style)
        if isinstance(ffn, Mlp) and number < style.sparse:
            ffn = ffn._replace(form="sparse")
        if mixer is None and ffn is None:
            known = False
            continue
        if style.ffn and isinstance(ffn, Mlp) and ffn.form == "plain":
            known = False
        windowed = bool(style.windows and width)
        if windowed and width:
            window = width - 1 if style.arch == "mimo2" else width
        if isinstance(mixer, Attention) and any(
            isinstance(b, Parameter) and b.role == "attention.sinks" for b in blocks
        ):
            mixer = mixer._replace(sinks=True)
        beside = next((_mamba2(block) for block in blocks if isinstance(block, recurrent.Mamba2)), None)
        layers.append(Layer(mixer, ffn, windowed, beside if isinstance(mixer, Attention) else None))
    vocab = min(spec.vocab_size, style.vocab or spec.vocab_size)
    own = [
        p.block.width for p in spec.placed if isinstance(p.block, Embedding) and p.block.role == "embedding.per_layer"
    ]
    if own:
        style = style._replace(facts={**style.facts, "per_layer": own[0] // spec.layers})
    return Facts(style.arch, spec.hidden_size, vocab, tuple(layers), window, known=known, **style.facts)


def _mixer(blocks: Iterable[Block], style: Style, number: int, windows: bool) -> tuple[Mixer | None, int | None]:
    """A layer's attention or recurrence, and its window."""
    for block in sorted(blocks, key=lambda one: not isinstance(one, att.Attention)):
        match block:
            case att.Attention(source="self", cached=True) as a:
                return _attention(a, style, number, windows), a.window
            case att.LatentAttention() as a:
                chooser = next((Indexer(i.heads, i.head_dim, TOP) for i in blocks if isinstance(i, att.Indexer)), None)
                rotated = style.unrotated != 1
                return Latent(a.heads, a.q_rank or 0, a.kv_rank, a.rope, a.nope, a.v_head, rotated, chooser), None
            case recurrent.Mamba() as m:
                return Mamba(m.inner, m.state_size, m.conv, m.dt_rank, m.inner_norms or style.normed_steps), None
            case recurrent.Mamba2() as m:
                return _mamba2(m), None
            case linear_attention.GatedDeltaNet() as m:
                return DeltaNet(m.key_heads, m.value_heads, m.value_dim, m.conv, m.fused), None
            case linear_attention.KimiDeltaAttention() as m:
                return KimiDelta(m.heads, m.head_dim, m.conv), None
            case recurrent.ShortConvolution() as m:
                return ShortConv(m.hidden, m.conv), None
    return None, None


def _mamba2(m: recurrent.Mamba2) -> Mamba2:
    return Mamba2(m.heads, m.head_dim, m.groups, m.state_size, m.conv, m.gated_norm)


def _attention(a: att.Attention, style: Style, number: int, windows: bool) -> Attention:
    norm = ""
    if a.qk_norm and any(a.qk_norm):
        norm = "head" if max(a.qk_norm) <= a.head_dim else "row"
    rope = True
    if style.unrotated > 0:
        rope = (number + 1) % style.unrotated != 0
    elif style.unrotated < 0:
        rope = a.window is not None or not windows
    fields: dict[str, Any] = {
        "norm": norm,
        "rope": rope,
        "sinks": a.sinks,
        "gate": "query" if a.query_gate else "",
    } | dict(style.attention)
    if not norm and fields["norm"] == "late":
        fields["norm"] = ""
    if len(a.names) == 3:
        fields["values"] = "key"
    return Attention(a.heads, a.kv_heads, a.head_dim, a.v_head_dim or a.head_dim, borrowed=not a.owns_kv, **fields)


def _feed_forward(blocks: Iterable[Block], style: Style) -> Mlp | Experts | None:
    dense: Mlp | None = None
    shared = 0
    experts: Experts | None = None
    shared_gate = False
    for block in blocks:
        match block:
            case mlp.GatedMlp() as m if m.component == "shared_experts":
                shared = m.intermediate
            case mlp.GatedMlp() as m:
                dense = Mlp(m.intermediate, style.ffn or "gated")
            case mlp.Mlp() as m:
                dense = Mlp(m.intermediate, "plain")
            case mlp.MixtureOfExperts() as m:
                fields: dict[str, Any] = {
                    "biased": m.correction_bias is not None,
                    "shared": m.shared,
                    "gated": m.gated,
                    "latent": m.latent or 0,
                }
                shared_gate = m.shared_gate is not None
                experts = Experts(m.experts, m.used, m.intermediate, **(fields | dict(style.experts)))
            case mlp.StackedExperts() as m:
                experts = Experts(m.experts, m.used, m.intermediate, bias=True, **style.experts)
            case mlp.MergedExperts() as m:
                experts = Experts(m.experts, m.used, m.intermediate, **style.experts)
            case mlp.PackedExperts() as m:
                down = next(shape for _, kind, shape in m.matrices if kind == "down")
                width = down[0] * down[1] // m.hidden
                experts = Experts(m.experts, m.used, width, **style.experts)
            case Linear(role="router.shared_gate"):
                shared_gate = True
    if experts is None:
        return dense
    if shared:
        experts = experts._replace(shared=shared)
    if dense and style.arch in ("arctic", "gemma4"):
        experts = experts._replace(dense=dense.width)
    if shared_gate:
        experts = experts._replace(shared_gate="silu" if style.arch == "qwen2moe" else "sigmoid")
    return experts
