"""What real libraries store of small models with random weights, and the models.

They go through transformers with bitsandbytes and torchao, and through mlx-lm. None is imported before it is asked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from tests.oracle.layouts.layers import parts_of

BASE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "vocab_size": 512,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
}
#: Small models of the kinds that differ in what a tool takes for a linear layer.
MODELS: dict[str, dict[str, Any]] = {
    "llama": {**BASE, "model_type": "llama"},
    "llama-tied": {**BASE, "model_type": "llama", "tie_word_embeddings": True},
    "mixtral": {**BASE, "model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3-moe": {
        **BASE,
        "model_type": "qwen3_moe",
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 128,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "norm_topk_prob": True,
    },
    "qwen2-moe": {
        **{key: value for key, value in BASE.items() if key != "head_dim"},
        "model_type": "qwen2_moe",
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 128,
        "shared_expert_intermediate_size": 256,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    },
    "gpt-oss": {
        **BASE,
        "model_type": "gpt_oss",
        "intermediate_size": 256,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "gpt2": {"model_type": "gpt2", "n_embd": 256, "n_layer": 2, "n_head": 4, "vocab_size": 512, "n_positions": 128},
}


def transformers_model(quant: str, config: dict[str, Any]) -> int:
    """Bytes of a model that transformers quantises while it loads it."""
    import torch
    import transformers as hf

    options: dict[str, Callable[[], Any]] = {
        "bnb-int8": lambda: hf.BitsAndBytesConfig(load_in_8bit=True),
        "nf4": lambda: hf.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4"),
        "nf4-dq": lambda: hf.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
        ),
        "torchao-int8": lambda: hf.TorchAoConfig(import_module("torchao.quantization").Int8WeightOnlyConfig()),
    }
    kind = hf.AutoConfig.for_model(**config)
    with tempfile.TemporaryDirectory() as folder:
        hf.AutoModelForCausalLM.from_config(kind, dtype=torch.bfloat16).save_pretrained(folder)
        made = {"quantization_config": options[quant](), "dtype": torch.bfloat16, "device_map": "cpu"}
        model = hf.AutoModelForCausalLM.from_pretrained(folder, **made)
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings", config["model_type"] == "gpt2") else set()
    total = 0
    for name, tensor in model.state_dict().items():
        if hasattr(tensor, "element_size") and name not in tied and "quant_state" not in name:
            parts = parts_of(tensor) if hasattr(tensor, "tensor_data_names") else None
            total += sum(size for _, size in parts) if parts else tensor.numel() * tensor.element_size()
    return total


def mlx_model(quant: str, config: dict[str, Any]) -> int:
    """Bytes of a model that mlx-lm has quantised."""
    core, utils = import_module("mlx.core"), import_module("mlx_lm.utils")
    mode, group, bits = {
        "mlx-8bit": ("affine", 64, 8),
        "mlx-4bit": ("affine", 64, 4),
        "mlx-3bit": ("affine", 64, 3),
        "mlx-mxfp4": ("mxfp4", 32, 4),
    }[quant]
    model_class, arguments = utils._get_classes(config)
    given = {**config, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": None}
    model = model_class(arguments.from_dict(given))
    model.set_dtype(core.bfloat16)
    model, _ = utils.quantize_model(model, given, group, bits, mode)
    return sum(array.nbytes for _, array in import_module("mlx.utils").tree_flatten(model.parameters()))


#: Quant and model to the library and what it makes of it; pairs that the library does not take are not there.
WHOLE: Mapping[tuple[str, str], tuple[str, Callable[[str, dict[str, Any]], int]]] = {
    **{
        (quant, model): (library, transformers_model)
        for library, quants in (("bitsandbytes", ("bnb-int8", "nf4", "nf4-dq")), ("torchao", ("torchao-int8",)))
        for quant in quants
        for model in MODELS
        # torchao's recipe is for nn.Linear, and GPT-2 has none but its head.
        if (library, model) != ("torchao", "gpt2")
    },
    **{
        (quant, model): ("mlx-lm", mlx_model)
        for quant in ("mlx-8bit", "mlx-4bit", "mlx-3bit", "mlx-mxfp4")
        for model in ("llama", "llama-tied", "qwen3-moe", "gpt-oss")
    },
}
