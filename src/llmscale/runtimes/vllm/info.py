"""What is known of vLLM without running any of it; its options under its own names (vllm/engine/arg_utils.py).

What it lacks code for it runs by the code of transformers (``model_executor/models/registry.py``, 0.19.0), but for
encoder-decoders, recurrent layers and Llama 3.2 with its vision.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.option import Option
from llmscale.runtimes.parallel.unserved import NO_SERVER

MOST = 1 << 20
#: vllm/config/lora.py, `MaxLoRARanks`.
LORA_RANKS = ("1", "8", "16", "32", "64", "128", "256", "320", "512")
#: vllm/config/cache.py, `BlockSize`.
BLOCK_SIZES = ("1", "8", "16", "32", "64", "128", "256")
TENSOR = Option("tp", ("--tp", "--tensor-parallel-size"), "whole", "tensor parallel size.", "N", least=1, most=MOST)
#: docs/getting_started/installation/gpu.rocm.inc.md, the same from 0.14.0 to 379a848: of the RX 7000 no gfx1102.
TARGETS = ("gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1101", "gfx1150", "gfx1151", "gfx1200", "gfx1201")
INFO = RuntimeInfo(
    name="vllm",
    serves=True,
    title="vLLM",
    source="docs.vllm.ai: installation (what is not built in is a plugin); vllm/model_executor/models/registry.py",
    vendors=("NVIDIA", "AMD", "Intel"),
    # docs.vllm.ai: 7.0 up to 0.14, 7.5 in 0.31.
    capability=(7.5, 7.0),
    amd=TARGETS,
    runs=Runs(lacks=NO_SERVER | {"mllama"}),
    reads=Reads.OPEN,
    reads_files=True,
    bits={"int4": "awq", "int8": "fp8"},
    steps=("bf16", "fp8", "awq"),
    home=frozenset({"datacentre"}),
    options=(
        TENSOR,
        Option("pp", ("--pp", "--pipeline-parallel-size"), "whole", "pipeline parallel size.", "N", least=1, most=MOST),
        Option("dp", ("--dp", "--data-parallel-size"), "whole", "data parallel size.", "N", least=1, most=MOST),
        Option("ep", ("--ep", "--enable-expert-parallel"), "flag", "expert parallel."),
        Option("gpu_memory_utilization", ("--gpu-memory-utilization",), "share", "share of the memory.", "F"),
        Option("max_num_seqs", ("--max-num-seqs",), "whole", "sequences at once.", "N", least=1, most=MOST),
        Option(
            "max_num_batched_tokens",
            ("--max-num-batched-tokens",),
            "whole",
            "tokens of one step.",
            "N",
            least=1,
            most=MOST,
        ),
        Option("kv_cache_memory_bytes", ("--kv-cache-memory-bytes",), "size", "cache of each device, 20GiB.", "SIZE"),
        Option(
            "cpu_offload_gb",
            ("--cpu-offload-gb",),
            "whole",
            "GiB of weights of each device in RAM.",
            "N",
            least=0,
            most=1 << 14,
            offloads=True,
        ),
        Option(
            "prefix_caching",
            ("--enable-prefix-caching/--no-enable-prefix-caching",),
            "flag",
            "prefixes are cached; with recurrent layers off by default until 0.26.",
        ),
        Option("block_size", ("--block-size",), "text", "tokens of a block.", "N", choices=BLOCK_SIZES),
        Option("enable_lora", ("--enable-lora",), "flag", "room for LoRA adapters."),
        Option("max_loras", ("--max-loras",), "whole", "adapters at once. Default: 1.", "N", least=1, most=1 << 10),
        Option(
            "max_lora_rank", ("--max-lora-rank",), "text", "their largest rank. Default: 16.", "N", choices=LORA_RANKS
        ),
        Option(
            "speculative_config",
            ("--speculative-config", "-sc"),
            "text",
            'speculation, as JSON: {"method": "mtp", "num_speculative_tokens": 3}.',
            "JSON",
            cased=True,
            own_layer=True,
        ),
        Option("enforce_eager", ("--enforce-eager",), "flag", "no CUDA graphs."),
    ),
    shares_tensors=True,
    note=note("about_vllm"),
)
