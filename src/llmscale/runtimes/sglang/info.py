"""What is known of SGLang without running any of it; its options under its own names (sglang/srt/arg_groups/fields/).

What it lacks code for it runs by the code of transformers (``srt/models``, 0.5.23), but for encoder-decoders and
recurrent layers.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.option import Option
from llmscale.runtimes.parallel.unserved import NO_SERVER

MOST = 1 << 20
INFO = RuntimeInfo(
    name="sglang",
    serves=True,
    title="SGLang",
    source="github.com/sgl-project/sglang: sglang/srt/hardware_backend, sglang/srt/models",
    vendors=("NVIDIA", "AMD", "Intel", "Huawei", "Moore Threads"),
    # docs.sglang.io: CUDA 13 is required, whose oldest devices are Turing's.
    capability=(7.5, 7.5),
    runs=Runs(lacks=NO_SERVER),
    reads=Reads.NAMED,
    usual=("fp16", "fp8", "awq"),
    bits={"int4": "awq", "int8": "fp8"},
    steps=("bf16", "fp8", "awq"),
    options=(
        Option("tp", ("--tp", "--tensor-parallel-size"), "whole", "tensor parallel size.", "N", least=1, most=MOST),
        Option("mem_fraction_static", ("--mem-fraction-static",), "share", "share for weights and KV cache.", "F"),
        Option(
            "chunked_prefill_size",
            ("--chunked-prefill-size",),
            "whole",
            "tokens of a prefill chunk.",
            "N",
            least=1,
            most=MOST,
        ),
        Option(
            "max_running_requests", ("--max-running-requests",), "whole", "requests at once.", "N", least=1, most=MOST
        ),
    ),
    shares_tensors=True,
    note=note("about_sglang"),
)
