"""What is known of llama.cpp without running any of it; its options under its own names (common/arg.cpp)."""

from __future__ import annotations

from llmscale.runtimes.interface import Reads, RuntimeInfo
from llmscale.runtimes.option import Option

#: Words of ``--gpu-layers`` besides a number.
AUTO, ALL = "auto", "all"
#: Backends by ggml's names; ROCm's is CUDA's code.
CUDA, ROCM, VULKAN, METAL, SYCL = "cuda", "rocm", "vulkan", "metal", "sycl"
#: Speculation by the model's own layer.
MTP = "draft-mtp"
#: Families whose files may hold such a layer, as far as their starts were seen.
PREDICTING = frozenset({"qwen3_5", "qwen3_5_moe"})
UBATCH = Option(
    "ubatch", ("--ubatch", "-ub"), "whole", "tokens computed at once. Default: 512.", "N", least=1, most=1 << 20
)
FLASH = Option("flash_attn", ("--flash-attn/--no-flash-attn",), "flag", "attention in one operation.")
LAYERS = Option("gpu_layers", ("--gpu-layers", "-ngl"), "text", "layers on the device; all, auto.", "N", offloads=True)
RAM = Option("ram", ("--ram",), "ram", "RAM for what is not on the device; 32GB is 32 GiB.", "SIZE", offloads=True)
#: The presets that nearly every publisher of GGUF files has, from no loss to a visible one.
STEPS = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m")
#: What convert_hf_to_gguf.py writes as F32, F16 and BF16.
PLAIN = frozenset({"fp32", "fp16", "bf16"})
#: What its files call these widths; not all tensors of such a file have them, and those of towers are another file's.
BITS = {"int4": "q4_k_m", "int8": "q8_0", "fp32": "f32", "fp16": "f16", "bf16": "gguf-bf16"}
INFO = RuntimeInfo(
    name="llama.cpp",
    serves=True,
    title="llama.cpp",
    source="github.com/ggml-org/llama.cpp: README (Supported backends), common/arg.cpp",
    vendors=("NVIDIA", "AMD", "Intel", "Apple", "Huawei", "Moore Threads"),
    reads=Reads.OPEN,
    besides=PLAIN,
    bits=BITS,
    steps=STEPS,
    on_host=True,
    options=(
        UBATCH,
        FLASH,
        Option(
            "unified_kv",
            ("--unified-kv/--no-unified-kv", "-kvu"),
            "flag",
            "the context is one cache for all sequences.",
        ),
        Option("ctx_size", ("--ctx-size",), "tokens", "tokens of the whole cache, of all slots together.", "N"),
        Option("parallel", ("--parallel", "-np"), "text", "slots; auto: 4 over one cache, llama-server's own.", "N"),
        Option(
            "backend",
            ("--backend",),
            "text",
            "what computes: vulkan has limits of its own.",
            "NAME",
            choices=(CUDA, ROCM, VULKAN, METAL, SYCL),
        ),
        Option("swa_full", ("--swa-full",), "flag", "whole caches for sliding windows."),
        Option("kv_offload", ("--kv-offload/--no-kv-offload",), "flag", "the cache on the device."),
        LAYERS,
        Option(
            "n_cpu_moe",
            ("--n-cpu-moe", "-ncmoe"),
            "whole",
            "first layers whose experts stay in RAM.",
            "N",
            least=0,
            offloads=True,
        ),
        Option("cpu_moe", ("--cpu-moe", "-cmoe"), "flag", "the experts of all layers stay in RAM.", offloads=True),
        Option(
            "override_tensor",
            ("--override-tensor", "-ot"),
            "text",
            "experts in RAM by name: exps=CPU.",
            "RULE",
            cased=True,
            offloads=True,
        ),
        Option(
            "split_mode",
            ("--split-mode", "-sm"),
            "text",
            "how devices share it: layer, none.",
            "MODE",
            choices=("layer", "none", "row", "tensor"),
        ),
        Option(
            "main_gpu", ("--main-gpu", "-mg"), "whole", "the device of --split-mode none.", "N", least=0, most=1 << 10
        ),
        Option("tensor_split", ("--tensor-split", "-ts"), "text", "shares of the layers, one a device: 3,1.", "N,N"),
        RAM,
        Option(
            "ram_bandwidth",
            ("--ram-bandwidth",),
            "bandwidth",
            "bandwidth of the RAM, 80GB/s; gives the speed of layers there.",
            "SPEED",
        ),
        Option(
            "mmproj",
            ("--mmproj",),
            "text",
            "also its vision tower's file, in f16, bf16, q8_0 or f32.",
            "TYPE",
            choices=("f16", "bf16", "q8_0", "f32"),
        ),
        Option("draft", ("--draft",), "model", "also a draft model.", "MODEL"),
        Option("draft_quant", ("--draft-quant",), "quant", "its weight format. Default: that of MODEL.", "Q"),
        Option(
            "spec_type",
            ("--spec-type",),
            "text",
            "speculation by the layer made for it, draft-mtp.",
            "TYPE",
            choices=(MTP,),
            own_layer=True,
        ),
        Option(
            "spec_draft_n_max",
            ("--spec-draft-n-max",),
            "whole",
            "tokens proposed at once. Default: 3.",
            "N",
            least=1,
            most=64,
        ),
    ),
)
