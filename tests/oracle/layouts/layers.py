"""What real libraries store of one linear layer: its tensors and their bytes, by number format.

Each library quantises, or lays out, a layer of one of a few shapes on the CPU; what counts are the tensors that it
would save. None is imported before it is asked.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

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


def compressed(preset: str, group: int = 0) -> Build:
    """A layer in one of its presets, in groups of so many columns where that is not the preset's own."""

    def build(rows: int, columns: int) -> Bytes:
        import torch

        tensors, compressors = import_module("compressed_tensors.quantization"), "compressed_tensors.compressors"
        model = torch.nn.Sequential(torch.nn.Linear(columns, rows, bias=False, dtype=torch.bfloat16))
        scheme = tensors.preset_name_to_scheme(preset, ["Linear"])
        if group:
            scheme.weights.group_size = group
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
        return dict(parts_of(model[0].weight))

    return build


def parts_of(weight: Any) -> Iterator[tuple[str, int]]:
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
    "ct_w4_g32": ("compressed-tensors", compressed("W4A16", 32)),
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
