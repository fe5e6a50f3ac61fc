"""The kernel that experts in MXFP4 lie in under vLLM.

Which kernel it is depends on the device and the release (``get_mxfp4_backend`` in
``vllm/model_executor/layers/quantization/mxfp4.py``, later ``layers/fused_moe/oracle/mxfp4.py``). Triton's moves values
and scales into an order of its own (``layout_details/hopper_value.py`` and ``hopper_scale.py`` in the triton_kernels
that vLLM ships) and until 0.24 leaves the scales of the checkpoint in memory besides; with LoRA it is Marlin's always.
"""

from __future__ import annotations

from llmscale.formats.recipe import Quant
from llmscale.formats.weights import assign_format
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.mxfp4 import MARLIN, Kernel
from llmscale.runtimes.parallel.planes import MXFP4
from llmscale.runtimes.vllm.gguf import KIND
from llmscale.runtimes.vllm.profile import DeviceTraits
from llmscale.runtimes.vllm.releases import VllmRules

#: The family whose experts have kernels of their own.
GPT_OSS = "gpt_oss"
#: FlashInfer's, on compute capability 10.
TRTLLM = Kernel(256, 256, bias_bytes=4)


def kernel_of(spec: ModelSpec, quant: Quant, device: DeviceTraits, rules: VllmRules) -> Kernel:
    """The kernel that computes experts in MXFP4."""
    if spec.family != GPT_OSS or keeps_scratch(quant, tuple(inventory(spec).groups)):
        return MARLIN
    return {9: rules.mxfp4, 10: TRTLLM}.get(int(device.capability), MARLIN)


def keeps_scratch(quant: Quant, groups: tuple[TensorGroup, ...]) -> bool:
    """Whether experts keep their scratch between layers, see `llmscale.runtimes.vllm.profile.activation_peak`."""
    if quant.kind == KIND:
        return True
    experts = [group for group in groups if group.component == "experts" and len(group.shape) > 1]
    return not any(assign_format(quant, group).form.id == MXFP4 for group in experts)
