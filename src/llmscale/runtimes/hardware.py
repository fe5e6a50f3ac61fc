"""Whose GPUs each runtime is modelled on; elsewhere it may not run at all, or lays out memory in ways of its own.

Sources: llama.cpp's README ("Supported backends"); Ollama's docs/gpu.mdx; vLLM's installation page (what is not built
in is a plugin, such as vllm-metal, vllm-ascend and tpu-inference); ``sglang/srt/hardware_backend`` of SGLang 0.5.23
(its backend on Apple is MLX's, with buffers of its own); exllamav3's and exllamav2's READMEs (CUDA, and ROCm for EXL2);
the backends that PyTorch itself has (CUDA, ROCm, XPU, MPS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmscale.errors import UsageError
from llmscale.store.tables import table

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet

#: Vendors as the device catalogue spells them.
VENDORS = {
    "transformers": ("NVIDIA", "AMD", "Intel", "Apple"),
    "llama.cpp": ("NVIDIA", "AMD", "Intel", "Apple", "Huawei", "Moore Threads"),
    "vllm": ("NVIDIA", "AMD", "Intel"),
    "exllama": ("NVIDIA", "AMD"),
    "mlx": ("Apple",),
    "sglang": ("NVIDIA", "AMD", "Intel", "Huawei", "Moore Threads"),
    "ollama": ("NVIDIA", "AMD", "Intel", "Apple"),
}


#: Accelerators of a vendor of GPUs that no GPU code runs on.
NO_GPUS = ("gaudi",)


def unmodelled(runtime: str, devices: DeviceSet) -> str | None:
    """Why nothing is said of `runtime` on `devices`; None where something is, and of devices that are memory alone."""
    for kind in devices.members or (devices,):
        vendor = table("devices")["entries"].get(kind.id, {}).get("vendor")
        if vendor is not None and (vendor not in VENDORS[runtime] or kind.id.startswith(NO_GPUS)):
            return f"{runtime} on {kind.id} is not modelled, only on GPUs of {', '.join(VENDORS[runtime])}."
    return None


def refusal(why: str) -> UsageError:
    """The error that says so."""
    return UsageError(why, "Name another --runtime, or a --quant that another one reads.")
