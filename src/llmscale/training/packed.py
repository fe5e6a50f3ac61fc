"""Bytes of matrices in NF4 with double quantisation, as QLoRA's base model has them.

The format is that of `data/formats.yaml`; which matrices are in it: linear layers, but the head (transformers
``quantizers/quantizer_bnb_4bit.py`` asks ``integrations/bitsandbytes.py``, ``get_keys_to_not_convert``, which leaves
the output embedding; read before 5.23.0). Sixteen models of the real classes: tests/truth/training_qlora.json.
"""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import number_format
from llmscale.model.spec import ModelSpec
from llmscale.training.adapters import LINEAR
from llmscale.training.modules import COMPARED, Module, modules, routes

#: How one matrix lies, measured.
NF4 = "bnb_nf4_dq"
#: What the library keeps of it besides: the mean of its maxima, one fp32 number that is no tensor of a checkpoint.
MEAN = 4


def packed_bytes(elements: int) -> int:
    """Bytes of one matrix."""
    return number_format(NF4).size((elements,)) + MEAN


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
