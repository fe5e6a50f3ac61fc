"""What vLLM takes on a device besides weights, activations and cache: memory outside PyTorch, and CUDA graphs.

Both are measured, not derived; the rows are in tests/truth/vllm.json.

- Outside PyTorch's allocator: what cuBLAS, Triton and NCCL took between the start and the end of the profile run
  (``non_torch_increase`` in ``vllm/utils/mem_utils.py``). A rank alone takes one figure a release; one of several takes
  a larger one, mostly buffers for collectives, that grows with their number.
- CUDA graphs: taken after the cache. From 0.20 an estimate of them is subtracted from it
  (``profile_cudagraph_memory`` in ``vllm/v1/worker/gpu_model_runner.py``); before, they had to fit into what
  ``--gpu-memory-utilization`` leaves. The line is fitted: see `GRAPHS`.
"""

from __future__ import annotations

from typing import NamedTuple

from llmscale.inventory import inventory
from llmscale.runtimes.vllm.releases import Release
from llmscale.runtimes.vllm.shards import ALONE, Parallel
from llmscale.spec import ModelSpec
from llmscale.units import GIB


class GraphLine(NamedTuple):
    """GiB of CUDA graphs: `base`, more for each layer, and for a mixture of experts its ranks' share of `experts`."""

    base: float
    layer: float
    experts: float


#: Least squares of the relative error over 37 rows of 18 models of 0.18 and 0.19 on H100, default batch sizes. On
#: models left out of the fit the middle error is 8 %, the largest 37 % (tests/test_runtime_vllm.py does it again).
GRAPHS = GraphLine(0.419, 0.0136, 0.664)


def non_torch_bytes(rules: Release, parallel: Parallel = ALONE) -> int:
    """Bytes outside PyTorch's allocator on one rank."""
    if parallel.devices == 1:
        return rules.non_torch
    base, each = rules.non_torch_group
    return base + each * parallel.tensor


def graph_bytes(spec: ModelSpec, parallel: Parallel = ALONE, *, eager: bool = False) -> int:
    """Bytes of the CUDA graphs on one rank; none with ``--enforce-eager``."""
    if eager:
        return 0
    layers = spec.layers / parallel.pipeline
    experts = any(group.component == "experts" for group in inventory(spec).groups)
    return round((GRAPHS.base + GRAPHS.layer * layers + GRAPHS.experts * experts / parallel.tensor) * GIB)
