"""``python -m tests.oracle.layouts``: what real libraries store of a linear layer and of a small model, byte by byte.

Each library quantises (or lays out) layers of a few shapes on the CPU; the tensors it would save are recorded with
their bytes in ``tests/truth/layouts.json``, under the number format that they are the measure of. Small models with
random weights go through transformers with bitsandbytes and torchao, and through mlx-lm. A library that is not there
keeps what was recorded of it. torch is needed; the others are: transformers, bitsandbytes, compressed-tensors, hqq,
torchao, gptqmodel, auto-round, autoawq, aqlm, mlx[cpu], mlx-lm.
"""

from __future__ import annotations

import json
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORD = Path(__file__).resolve().parent.parent / "truth" / "layouts.json"
#: (rows, columns): wide, tall, and one that 64 divides and 128 does not.
SHAPES = ((256, 1024), (1536, 256), (640, 320))
Bytes = dict[str, int]
Build = Callable[[int, int], Bytes]

#: Text and numbers about a layer that are saved as tensors: not weights, and not on the device.
METADATA = {
    "nbits",
    "group_size",
    "shape",
    "axis",
    "packing",
    "unpack_view_dtype",
    "view_as_float",
    "quant_scale",
    "quant_zero",
    "compute_dtype",
    "offload_meta",
    "encoded_state_dict",
    "stores_quant_config",
    "channel_wise",
    "optimize",
    "round_zero",
}

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


def _state(module: Any) -> Bytes:
    return {
        name: tensor.numel() * tensor.element_size()
        for name, tensor in module.state_dict().items()
        if hasattr(tensor, "element_size") and name not in METADATA and "quant_state" not in name
    }


def bitsandbytes_4bit(kind: str, double: bool) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        import bitsandbytes as bnb
        import torch

        layer = bnb.nn.Linear4bit(columns, rows, bias=False, quant_type=kind, compress_statistics=double)
        weight = torch.randn(rows, columns, dtype=torch.bfloat16)
        options = {"requires_grad": False, "quant_type": kind, "compress_statistics": double, "module": layer}
        layer.weight = bnb.nn.Params4bit(weight, **options)
        return _state(layer.to("cpu"))

    return build


def bitsandbytes_int8(rows: int, columns: int) -> Bytes:
    import bitsandbytes as bnb
    import torch

    layer = bnb.nn.Linear8bitLt(columns, rows, bias=False, has_fp16_weights=False)
    weight = torch.randn(rows, columns, dtype=torch.float16)
    layer.weight = bnb.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    return _state(layer.to("cpu"))


def gptq(bits: int, group: int) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        layer = import_module("gptqmodel.nn_modules.qlinear.torch").TorchLinear
        options = {"sym": True, "desc_act": False, "bias": False, "register_buffers": True}
        return _state(layer(bits=bits, group_size=group, in_features=columns, out_features=rows, **options))

    return build


def awq(group: int) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        return _state(import_module("awq.modules.linear.gemm").WQLinear_GEMM(4, group, columns, rows, False, "cpu"))

    return build


def autoround(rows: int, columns: int) -> Bytes:
    return _state(import_module("auto_round_extension.torch.qlinear_torch").QuantLinear(4, 128, columns, rows, False))


def compressed(preset: str) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        import torch

        tensors, compressors = import_module("compressed_tensors.quantization"), "compressed_tensors.compressors"
        model = torch.nn.Sequential(torch.nn.Linear(columns, rows, bias=False, dtype=torch.bfloat16))
        scheme = tensors.preset_name_to_scheme(preset, ["Linear"])
        tensors.apply_quantization_config(model, tensors.QuantizationConfig(config_groups={"all": scheme}))
        for name, tensor in model.named_parameters():
            if name.endswith("scale"):
                tensor.data.fill_(1)
        import_module(compressors).compress_module(model[0])
        return _state(model[0])

    return build


def block_fp8(rows: int, columns: int) -> Bytes:
    return _state(import_module("transformers.integrations.finegrained_fp8").FP8Linear(columns, rows, (128, 128)))


def bitnet(rows: int, columns: int) -> Bytes:
    import torch

    return _state(
        import_module("transformers.integrations.bitnet").BitLinear(columns, rows, False, dtype=torch.float16)
    )


def mlx(mode: str, group: int, bits: int) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        core, nn = import_module("mlx.core"), import_module("mlx.nn")
        layer = nn.Linear(columns, rows, bias=False)
        layer.set_dtype(core.bfloat16)
        quantised = nn.QuantizedLinear.from_linear(layer, group, bits, mode=mode)
        return {name: array.nbytes for name, array in quantised.parameters().items()}

    return build


def hqq(bits: int) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        import torch

        core = import_module("hqq.core.quantize")
        config = core.BaseQuantizeConfig(nbits=bits, group_size=64)
        layer = torch.nn.Linear(columns, rows, bias=False)
        return _state(core.HQQLinear(layer, config, compute_dtype=torch.bfloat16, device="cpu"))

    return build


def torchao(config: str) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        import torch

        ao = import_module("torchao.quantization")
        model = torch.nn.Sequential(torch.nn.Linear(columns, rows, bias=False, dtype=torch.bfloat16))
        ao.quantize_(model, getattr(ao, config)())
        return dict(_parts(model[0].weight))

    return build


def _parts(weight: Any) -> Iterator[tuple[str, int]]:
    """The tensors that a torchao weight is made of."""
    for name in (*weight.tensor_data_names, *getattr(weight, "optional_tensor_data_names", ())):
        if (tensor := getattr(weight, name)) is not None:
            yield name, tensor.numel() * tensor.element_size()


def aqlm(codebooks: int, bits: int) -> Build:
    def build(rows: int, columns: int) -> Bytes:
        import torch

        # Its kernels want CUDA when they are imported; the layer that holds the tensors does not.
        kernels = types.ModuleType("aqlm.inference_kernels")
        for name in ("get_backward_pass_kernel", "get_forward_pass_kernel", "optimize_for_training"):
            setattr(kernels, name, None)
        sys.modules["aqlm.inference_kernels"] = kernels
        layer = import_module("aqlm.inference").QuantizedLinear
        return _state(layer(columns, rows, 8, 1, codebooks, bits, bias=False, dtype=torch.float16))

    return build


#: Number format to the library and what it makes of a layer.
LAYERS: Mapping[str, tuple[str, Build]] = {
    "bnb_int8": ("bitsandbytes", bitsandbytes_int8),
    "bnb_nf4": ("bitsandbytes", bitsandbytes_4bit("nf4", False)),
    "bnb_nf4_dq": ("bitsandbytes", bitsandbytes_4bit("nf4", True)),
    "bnb_fp4": ("bitsandbytes", bitsandbytes_4bit("fp4", False)),
    "bnb_fp4_dq": ("bitsandbytes", bitsandbytes_4bit("fp4", True)),
    **{f"gptq{bits}_g{group}": ("gptqmodel", gptq(bits, group)) for bits in (2, 3, 4, 8) for group in (32, 64, 128)},
    **{f"gptq{bits}_row": ("gptqmodel", gptq(bits, -1)) for bits in (3, 4, 8)},
    **{f"awq_g{group}": ("autoawq", awq(group)) for group in (32, 64, 128)},
    "autoround4_g128": ("auto-round", autoround),
    "ct_w4": ("compressed-tensors", compressed("W4A16")),
    "ct_w4_asym": ("compressed-tensors", compressed("W4A16_ASYM")),
    "ct_w8": ("compressed-tensors", compressed("W8A16")),
    "int8_row": ("compressed-tensors", compressed("W8A8")),
    "fp8_static": ("compressed-tensors", compressed("FP8")),
    "fp8_row": ("compressed-tensors", compressed("FP8_DYNAMIC")),
    "mxfp8": ("compressed-tensors", compressed("MXFP8")),
    "mxfp6": ("compressed-tensors", compressed("MXFP6A16")),
    "mxfp4": ("compressed-tensors", compressed("MXFP4")),
    "nvfp4": ("compressed-tensors", compressed("NVFP4")),
    "nvfp4a16": ("compressed-tensors", compressed("NVFP4A16")),
    "fp8_block": ("transformers", block_fp8),
    "bitnet": ("transformers", bitnet),
    **{f"mlx{bits}": ("mlx", mlx("affine", 64, bits)) for bits in (2, 3, 4, 5, 6, 8)},
    "mlx8_g32": ("mlx", mlx("affine", 32, 8)),
    "mlx_nvfp4": ("mlx", mlx("nvfp4", 16, 4)),
    **{f"hqq{bits}": ("hqq", hqq(bits)) for bits in (1, 2, 3, 4, 8)},
    "ao_int8": ("torchao", torchao("Int8WeightOnlyConfig")),
    "ao_fp8": ("torchao", torchao("Float8WeightOnlyConfig")),
    "aqlm_1x16": ("aqlm", aqlm(1, 16)),
    "aqlm_2x8": ("aqlm", aqlm(2, 8)),
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
            parts = _parts(tensor) if hasattr(tensor, "tensor_data_names") else None
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


def main() -> int:
    """Measure what can be measured here and write it down; 1 when something that was tried failed."""
    old = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"layers": [], "models": []}
    layers = {(row["format"], *row["shape"]): row for row in old["layers"]}
    models = {(row["quant"], row["model"]): row for row in old["models"]}
    failed = 0
    for form, (library, build) in LAYERS.items():
        for shape in SHAPES:
            try:
                found = {"format": form, "library": _named(library), "shape": shape, "bytes": build(*shape)}
                layers[(form, *shape)] = found
            except Exception as error:  # what a shape that does not divide, or a missing library, raises
                failed += _failed(library, f"{form} {shape}", error)
    for (quant, model), (library, measure) in WHOLE.items():
        try:
            found = {"quant": quant, "model": model, "library": _named(library)}
            models[quant, model] = {**found, "bytes": measure(quant, MODELS[model])}
        except Exception as error:
            failed += _failed(library, f"{quant} {model}", error)
    what = "What real libraries store of linear layers and small models, made by tests/oracle/layouts.py."
    record = {"what": what, "configs": MODELS, "layers": list(layers.values()), "models": list(models.values())}
    RECORD.write_text(_lines(record), encoding="utf-8")
    print(f"{len(layers)} layers, {len(models)} models, {failed} failed")
    return min(failed, 1)


def _named(library: str) -> str:
    return f"{library} {version(library)}"


def _failed(library: str, what: str, error: Exception) -> int:
    said = " ".join(str(error).split())[:100] or type(error).__name__
    print(f"{what}: {library}: {said}")
    # Group sizes that do not divide a row are refused by most; that is what is looked for, not a failure.
    return int(not isinstance(error, (AssertionError, NotImplementedError, ImportError, ValueError)))


def _lines(record: dict[str, Any]) -> str:
    """JSON with a row a line."""
    parts = []
    for key, value in record.items():
        rows = value.items() if isinstance(value, dict) else value
        if isinstance(value, str):
            parts.append(f'"{key}": {json.dumps(value)}')
        elif isinstance(value, dict):
            parts.append(f'"{key}": {{\n' + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in rows) + "\n}")
        else:
            parts.append(f'"{key}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    raise SystemExit(main())
