"""What is known to differ between a published checkpoint and the library's class, each with its reason.

llmscale names tensors as published checkpoints do. transformers renames, merges and splits some when it loads
them; `RULES` undoes that, so that the two lists can be compared tensor by tensor.
"""

from __future__ import annotations

import re
from math import prod
from typing import NamedTuple

from tests.oracle.subjects import Shape

#: Published model_type -> the one under which transformers has the same tensors.
SAME_AS = {"kimi_k2": "deepseek_v3", "gpt3": "gpt2"}

#: Published name of a class -> the library's.
CLASSES = {
    "KimiK25ForConditionalGeneration": "Kimi_K25ForConditionalGeneration",
    "Step3p7FlashForCausalLM": "Step3p7ForConditionalGeneration",
}

#: Catalogue models that the class cannot be built from.
NOT_BUILT = {
    "gpt-3-xl": "the paper's 24 heads of 128 are not the hidden size of 2048, which the class insists on",
    "gpt-3-13b": "the paper's 40 heads of 128 are not the hidden size of 5140, which the class insists on",
    "dbrx": "transformers 5.23 does not read the published file's attention; configs/dbrx*.json are spelt as it wants",
    "gemma-3n-e2b": "the vision tower is timm's, which is not in the oracle's environment",
    "gemma-3n-e4b": "the vision tower is timm's, which is not in the oracle's environment",
    "hunyuan-a13b": "the file says attention_head_dim, the class wants head_dim; configs/hunyuan-a13b.json says both",
}

#: Catalogue models of which the class holds something else than the published checkpoint.
EXPLAINED = {
    "minicpm-v-4.6": "what is derived names each stored tensor once, the tied head not again",
    "longcat-flash": "the class allocates matrices for 256 identity experts, which the published 560 B do not hold",
}

#: A further name of a stored tensor that is no further use of it: never counted again, not even untied.
SAME_TENSOR = {
    r"(^|\.)(encoder|decoder)\.embed_tokens\.weight$": "encoder and decoder look up the one shared table",
    r"\.decoder\.bias$": "the head's bias, known to its decoder as well",
    r"^prompt_encoder\.shared_embedding\.": "SAM's prompt encoder uses the image's position matrix",
}

#: Buffers that are learnt, or at least measured, and that published checkpoints hold.
COUNTED_BUFFERS = {
    r"\.e_score_correction_bias$": "the router's load balance, learnt without a gradient",
    r"\.expert_bias$": "the same in LFM2",
    r"\.(input|output)_(min|max)$": "Gemma 4's measured bounds of activations",
    r"\.layer_scalar$": "Gemma 4's scale of a layer",
    r"\.std_(bias|scale)$": "Gemma 4's standardisation of image features",
}

#: Buffers that are constants of the architecture.
UNCOUNTED_BUFFERS = {
    r"^final_logits_bias$": "BART and kin: a row of zeros",
    r"\.gate\.tid2eid$": "DeepSeek V4: a table of integers, which expert a token takes; no parameter",
    r"\.act_fn\.(beta|eps)$": "Apertus: two constants of the activation",
    r"\.ple_embedding\.(layer_multipliers|ngram_heads_\w+)$": "Qwen4-Exp: how n-grams are hashed, integers",
    r"self_attn\.(diagonal_decay|key_decay|query_decay|slope_rate)$": "MiniMax: follows from the number of heads",
}


class Rule(NamedTuple):
    """How one tensor is called, or cut, elsewhere.

    Attributes:
        pattern: searched in the name.
        into: what replaces the match; several when the tensor is cut into equal parts along its first axis.
        why: the reason.
        experts: the first axis counts experts, and ``{expert}`` in `into` numbers them.
        fold: the first two axes are one.
    """

    pattern: str
    into: tuple[str, ...]
    why: str
    experts: bool = False
    fold: bool = False

    def apply(self, name: str, shape: Shape) -> list[tuple[str, Shape]]:
        """The tensor under its other name, or the tensors that it is cut into."""
        if not re.search(self.pattern, name):
            return [(name, shape)]
        if self.fold:
            shape = (prod(shape[:2]), *shape[2:])
        numbers: tuple[int, ...] = (0,)
        if self.experts:
            numbers, shape = tuple(range(shape[0])), shape[1:]
        if len(self.into) > 1:
            assert shape[0] % len(self.into) == 0, f"{name} does not fall into {len(self.into)} parts"
            shape = (shape[0] // len(self.into), *shape[1:])
        renamed = [re.sub(self.pattern, into, name, count=1) for into in self.into]
        return [(new.replace("{expert}", str(number)), shape) for number in numbers for new in renamed]


class RuleSet(NamedTuple):
    """Rules for some model types, applied in their order to every name of the library's (or, `to_ours`, of ours)."""

    model_types: str
    rules: tuple[Rule, ...]
    to_ours: bool = False


def rules_for(model_type: str, *, to_ours: bool = False) -> list[Rule]:
    """Every rule of `model_type`, in order."""
    chosen = [s for s in RULES if s.to_ours == to_ours and model_type in s.model_types.split()]
    return [rule for rule_set in chosen for rule in rule_set.rules]


def _rename(pattern: str, into: str, why: str) -> Rule:
    return Rule(pattern, (into,), why)


def _attention(q: str, k: str, v: str, o: str) -> tuple[Rule, ...]:
    why = "one name for projections across the library's vision models"
    pairs = {"q_proj": q, "k_proj": k, "v_proj": v, "o_proj": o}
    return tuple(_rename(rf"attention\.{there}\.", f"attention.{here}.", why) for there, here in pairs.items())


def _experts(gate: str, up: str, down: str) -> tuple[Rule, ...]:
    why = "the library stores all experts as one tensor, gate and up on top of each other"
    return (
        Rule(
            r"experts\.gate_up_proj$",
            (f"experts.{{expert}}.{gate}.weight", f"experts.{{expert}}.{up}.weight"),
            why,
            experts=True,
        ),
        Rule(r"experts\.down_proj$", (f"experts.{{expert}}.{down}.weight",), why, experts=True),
    )


_TOWER = r"(embeddings|encoder|head|post_layernorm|pre_layrnorm|final_layer_norm)\."

RULES = (
    RuleSet(
        "afmoe deepseek_v2 deepseek_v3 deepseek_v32 dots1 ernie4_5_moe flex_olmo glm4_moe glm4v_moe glm_moe_dsa "
        "hunyuan_v1_moe jamba kimi_k2 mimo_v2_flash olmoe qwen2_moe qwen3_moe qwen3_next qwen3_vl_moe bailing_hybrid "
        "deepseek_v4 glm4_moe_lite glm5_next hy_v3 kimi_k25 laguna minimax_m3_vl mistral3 mistral4 step3p7",
        _experts("gate_proj", "up_proj", "down_proj"),
    ),
    RuleSet("kimi_linear lfm2_moe minimax minimax_m2 mixtral phimoe", _experts("w1", "w3", "w2")),
    RuleSet(
        "nemotron_h",
        (
            _rename(r"^model\.", "backbone.", "the publisher's base is called backbone"),
            Rule(
                r"experts\.(up|down)_proj$",
                (r"experts.{expert}.\1_proj.weight",),
                "experts as one tensor",
                experts=True,
            ),
        ),
    ),
    RuleSet(
        "granitemoe granitemoehybrid granitemoeshared",
        (
            _rename(r"experts\.gate_up_proj$", "input_linear.weight", "the publisher's name"),
            _rename(r"experts\.down_proj$", "output_linear.weight", "the publisher's name"),
            _rename(r"\.router\.weight$", ".router.layer.weight", "the publisher's router is a module of its own"),
        ),
    ),
    RuleSet(
        "minimax minimax_m2 mixtral phimoe",
        (
            _rename(r"\.mlp\.(?=experts|gate|router|e_score)", ".block_sparse_moe.", "the publisher's name"),
            _rename(r"\.router\.weight$", ".gate.weight", "Phi's router is published as a gate"),
        ),
    ),
    RuleSet(
        "kimi_linear",
        (
            _rename(r"\.mlp\.(?=experts|gate\.|shared_experts)", ".block_sparse_moe.", "the publisher's name"),
            _rename(r"\.forget_gate\.", ".", "the publisher has no module around the gate"),
            Rule(
                r"self_attn\.conv1d\.",
                tuple(f"self_attn.{part}_conv1d." for part in "qkv"),
                "the library runs the three convolutions as one",
            ),
        ),
    ),
    RuleSet("mimo_v2_flash", (_rename(r"\.sinks$", ".attention_sink_bias", "the publisher's name"),)),
    RuleSet(
        "ernie4_5_moe",
        (
            Rule(
                r"\.gate\.moe_statics\.",
                (".moe_statics.",),
                "published beside the gate, as one row; llmscale writes every such bias as a vector",
                fold=True,
            ),
        ),
    ),
    RuleSet(
        "bailing_hybrid glm5_next",
        (
            _rename(r"\.forget_gate\.", ".", "the publisher has no module around the gate"),
            Rule(
                r"self_attn\.conv1d\.",
                tuple(f"self_attn.{part}_conv1d." for part in "qkv"),
                "the library runs the three convolutions as one",
            ),
        ),
    ),
    RuleSet(
        "minimax_m3_vl",
        (
            Rule(
                r"(mlp|shared_experts)\.gate_up_proj\.",
                (r"\1.gate_proj.", r"\1.up_proj."),
                "published as two, built as one",
            ),
        ),
    ),
    RuleSet(
        "gemma4_unified",
        (
            _rename(
                r"embed_vision\.(?=patch|pos)", "vision_embedder.", "the publisher's patches are a module of their own"
            ),
            _rename(r"\.multimodal_embedder\.", ".", "the publisher has no module around the projection"),
        ),
    ),
    RuleSet(
        "kimi_k25",
        (
            _rename(r"^model\.language_model\.", "language_model.model.", "published around a whole language model"),
            _rename(r"^lm_head\.", "language_model.lm_head.", "published around a whole language model"),
            _rename(r"^model\.(?=vision_tower|mm_projector)", "", "published without a base"),
            _rename(r"position_embeddings$", "weight", "the publisher's name"),
            _rename(r"vision_tower\.(?=layers|final)", "vision_tower.encoder.", "the publisher's encoder is a module"),
            _rename(r"encoder\.layers\.", "encoder.blocks.", "the publisher's name"),
            _rename(r"\.norm1\.", ".norm0.", "the publisher counts from 0"),
            _rename(r"\.norm2\.", ".norm1.", "the publisher counts from 0"),
            _rename(r"\.mlp\.fc1\.", ".mlp.fc0.", "the publisher counts from 0"),
            _rename(r"\.mlp\.fc2\.", ".mlp.fc1.", "the publisher counts from 0"),
            _rename(r"\.attn\.proj\.", ".wo.", "the publisher's name"),
            _rename(r"\.attn\.(?=[qkv]_proj)", ".", "the publisher's matrices are no module"),
            _rename(r"mm_projector\.in_proj\.", "mm_projector.proj.0.", "the publisher's name"),
            _rename(r"mm_projector\.out_proj\.", "mm_projector.proj.2.", "the publisher's name"),
        ),
    ),
    RuleSet(
        "kimi_k25",
        (Rule(r"\.wqkv\.", (".q_proj.", ".k_proj.", ".v_proj."), "published as one, built as three"),),
        to_ours=True,
    ),
    RuleSet(
        "step3p7",
        (
            _rename(r"^model\.language_model\.", "model.", "the publisher's name"),
            _rename(r"^model\.vision_model\.", "vision_model.", "published without a base"),
            _rename(r"^model\.multi_modal_projector\.", "vit_large_projector.", "the publisher's name"),
            _rename(r"\.mlp\.gate\.e_score_correction_bias$", ".moe.router_bias", "the publisher's name"),
            _rename(r"\.mlp\.(?=gate\.|experts\.)", ".moe.", "the publisher's name"),
            _rename(r"\.mlp\.shared_experts\.", ".share_expert.", "the publisher's name"),
        ),
    ),
    RuleSet(
        "dbrx",
        (
            Rule(
                r"experts\.mlp\.(w1|v1|w2)$", (r"experts.mlp.\1",), "experts below each other in one matrix", fold=True
            ),
        ),
        to_ours=True,
    ),
    RuleSet(
        "exaone",
        tuple(
            _rename(there, here, "the published checkpoints' names; the library's are LLaMA's since 5.24")
            for there, here in (
                (r"^model\.embed_tokens\.", "transformer.wte."),
                (r"^model\.norm\.", "transformer.ln_f."),
                (r"^model\.layers\.", "transformer.h."),
                (r"\.input_layernorm\.", ".ln_1."),
                (r"\.post_attention_layernorm\.", ".ln_2."),
                (r"\.self_attn\.o_proj\.", ".attn.attention.out_proj."),
                (r"\.self_attn\.", ".attn.attention."),
                (r"\.mlp\.gate_proj\.", ".mlp.c_fc_0."),
                (r"\.mlp\.up_proj\.", ".mlp.c_fc_1."),
                (r"\.mlp\.down_proj\.", ".mlp.c_proj."),
            )
        ),
    ),
    RuleSet("gpt_neox", (_rename(r"^lm_head\.", "embed_out.", "the published checkpoints' name of the head"),)),
    RuleSet(
        "gemma3 internvl llava llava_next llava_onevision mistral3 mllama paligemma",
        (
            _rename(r"^model\.language_model\.", "language_model.model.", "published around a whole language model"),
            _rename(r"^lm_head\.", "language_model.lm_head.", "published around a whole language model"),
            _rename(
                r"^model\.(?=vision_tower|vision_model|multi_modal_projector|image_newline)",
                "",
                "published without a base",
            ),
        ),
    ),
    RuleSet(
        "gemma3 lfm2_vl llava llava_next llava_onevision paligemma",
        (_rename(rf"vision_tower\.(?={_TOWER})", "vision_tower.vision_model.", "the tower was a module in a module"),),
    ),
    RuleSet(
        "clip_vision_model siglip_vision_model siglip2_vision_model",
        (_rename(rf"^(?={_TOWER})", "vision_model.", "the tower was a module in a module"),),
    ),
    RuleSet("clip_text_model", (_rename(rf"^(?={_TOWER})", "text_model.", "the tower was a module in a module"),)),
    RuleSet(
        "qwen2_vl qwen2_5_vl",
        (
            _rename(r"^model\.language_model\.", "model.", "published as a language model with a visual part"),
            _rename(r"^model\.visual\.", "visual.", "published as a language model with a visual part"),
        ),
    ),
    RuleSet(
        "beit deit vit",
        (
            _rename(r"(^|\.)layers\.", r"\1encoder.layer.", "the published encoder is a module of its own"),
            *_attention("attention.query", "attention.key", "attention.value", "output.dense"),
            _rename(r"\.mlp\.fc1\.", ".intermediate.dense.", "as in BERT"),
            _rename(r"\.mlp\.fc2\.", ".output.dense.", "as in BERT"),
            _rename(
                r"(\d)\.relative_position_bias\.", r"\1.attention.attention.relative_position_bias.", "BEiT's place"
            ),
            _rename(r"shared_position_bias\.", "encoder.relative_position_bias.", "BEiT's name"),
        ),
    ),
    RuleSet(
        "dinov2 dinov2_with_registers",
        (
            *_attention("attention.query", "attention.key", "attention.value", "output.dense"),
            _rename(r"\.mlp\.down_proj\.", ".mlp.weights_out.", "the publisher's name"),
        ),
    ),
    RuleSet(
        "dinov2 dinov2_with_registers",
        (Rule(r"\.mlp\.weights_in\.", (".mlp.gate_proj.", ".mlp.up_proj."), "published as one, built as two"),),
        to_ours=True,
    ),
    RuleSet("dinov3_vit", (_rename(r"^model\.", "", "the published layers have no base"),)),
    RuleSet(
        "swin",
        (
            *_attention("self.query", "self.key", "self.value", "output.dense"),
            _rename(r"attention\.relative_position_bias\.", "attention.self.", "Swin's place"),
            _rename(r"\.mlp\.fc1\.", ".intermediate.dense.", "as in BERT"),
            _rename(r"\.mlp\.fc2\.", ".output.dense.", "as in BERT"),
        ),
    ),
    RuleSet(
        "hubert wav2vec2",
        (
            _rename(r"\.parametrizations\.weight\.original0$", ".weight_g", "torch's older weight norm"),
            _rename(r"\.parametrizations\.weight\.original1$", ".weight_v", "torch's older weight norm"),
        ),
    ),
    RuleSet(
        "nomic_bert",
        (
            _rename(r"^nomic_bert\.", "bert.", "the publisher's name"),
            _rename(r"embeddings\.LayerNorm\.", "emb_ln.", "the publisher's name"),
            _rename(r"(^|\.)layers\.", r"\1encoder.layers.", "the published encoder is a module of its own"),
            _rename(r"self_attn\.o_proj\.", "attn.out_proj.", "the publisher's name"),
            _rename(r"self_attn\.", "attn.", "the publisher's name"),
            _rename(r"mlp\.up_proj\.", "mlp.fc11.", "the publisher's name"),
            _rename(r"mlp\.gate_proj\.", "mlp.fc12.", "the publisher's name"),
            _rename(r"mlp\.down_proj\.", "mlp.fc2.", "the publisher's name"),
            _rename(r"post_attention_layernorm\.", "norm1.", "the publisher's name"),
            _rename(r"post_mlp_layernorm\.", "norm2.", "the publisher's name"),
        ),
    ),
    RuleSet(
        "nomic_bert",
        (Rule(r"attn\.Wqkv\.", ("attn.q_proj.", "attn.k_proj.", "attn.v_proj."), "published as one, built as three"),),
        to_ours=True,
    ),
)
