"""Bytes of matrices in NF4 with double quantisation, as QLoRA's base model has them.

Sources: bitsandbytes 0.50.2 ``functional.py`` (``quantize_4bit``: half a byte an element, a maximum for each block of
64; ``compress_statistics``: the maxima less their mean in 8 bits, with an fp32 maximum for each 256 of them; the tables
of 16 and 256 fp32 numbers that each tensor has of its own); transformers 5.23.0 ``quantizers/quantizer_bnb_4bit.py``
(linear layers, but the head). Sixteen real models: tests/truth/training_qlora.json.
"""

from __future__ import annotations

from math import ceil

from llmscale.errors import UnsupportedModelError
from llmscale.model.spec import ModelSpec
from llmscale.training.adapters import LINEAR
from llmscale.training.modules import COMPARED, Module, modules, routes

BLOCK = 64
BLOCK_OF_MAXIMA = 256
FP32 = 4
#: Of one tensor: 16 levels, 256 levels of the maxima, and their mean.
TABLES = (16 + 256 + 1) * FP32


def packed_bytes(elements: int) -> int:
    """Bytes of one matrix."""
    maxima = ceil(elements / BLOCK)
    return ceil(elements / 2) + maxima + ceil(maxima / BLOCK_OF_MAXIMA) * FP32 + TABLES


def packed(spec: ModelSpec) -> tuple[int, int]:
    """Elements that lie in NF4, and their bytes.

    Raises:
        UnsupportedModelError: a model of which is not known which matrices those are.
    """
    if spec.family not in COMPARED or routes(spec):
        raise UnsupportedModelError(
            f"Which matrices of a '{spec.family}' model bitsandbytes packs is not known here: its linear layers "
            "were not compared, or its experts are one tensor that is none.",
            "Take --method lora, or a dense model: llmscale models list.",
        )
    chosen = [module for module in modules(spec) if module.kind in LINEAR and not module.head]
    elements = sum(_matrix(module) * module.copies for module in chosen)
    return elements, sum(packed_bytes(_matrix(module)) * module.copies for module in chosen)


def _matrix(module: Module) -> int:
    return module.inputs * module.outputs
