"""What vLLM takes on a device besides weights, activations and cache: memory outside PyTorch, and CUDA graphs.

Both are measured, not derived; the rows are in tests/truth/vllm.json and tests/truth/vllm_more.json.

- Outside PyTorch's allocator: what cuBLAS, Triton and NCCL took between the start and the end of the profile run
  (``non_torch_increase`` in ``vllm/utils/mem_utils.py``). A rank alone takes one figure a release. One of several takes
  a larger one on cards that a switch links: the workspaces of fused and symmetric all-reduce are made for compute
  capability 9.0 and 10 alone (``distributed/device_communicators/all_reduce_utils.py``). On other cards four ranks
  of RTX 4090 took 0.09 GiB (one log, of 0.11), and four of capability 8.6 left 0.15 beside the modelled activations
  (one log, of 0.17.0); of four RTX PRO 6000 one log, of 0.27.0, shows 1.7, which is not modelled.
- Where the memory is the system's as well what is free is the RAM that is (``psutil.virtual_memory().available`` for
  compute capability 8.7, 11.0 and 12.1, ``MemorySnapshot.measure`` there): what any process took of it between the
  start and the end of the profile run counts as outside PyTorch, the engine's own heap and compilers first. Nine
  starts left between -1.1 and 11.5 GiB beside what is modelled, 4.2 in the middle; two of ranks on two machines 16.3.
- CUDA graphs: taken after the cache. From 0.20 an estimate of them is subtracted from it
  (``profile_cudagraph_memory`` in ``vllm/v1/worker/gpu_model_runner.py``); before, they had to fit into what
  ``--gpu-memory-utilization`` leaves. The line is fitted (`GRAPHS`) to a server's default limits on an H100; other
  limits capture other sizes (``_set_cudagraph_sizes`` in ``vllm/config/vllm.py``), and the memory is taken to go with
  their number.
"""

from __future__ import annotations

from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.vllm.cache import CROSSED
from llmscale.runtimes.vllm.profile import H100, DeviceTraits
from llmscale.runtimes.vllm.releases import Batch, VllmRules
from llmscale.units import GIB


class GraphLine(NamedTuple):
    """GiB of CUDA graphs: `base`, more for each layer, and for a mixture of experts its ranks' share of `experts`."""

    base: float
    layer: float
    experts: float


#: Least squares of the relative error over 37 rows of 18 models of 0.18 and 0.19 on H100, default batch sizes. On
#: models left out of the fit the middle error is 8 %, the largest 37 % (tests/runtimes/vllm/test_logs.py).
GRAPHS = GraphLine(0.419, 0.0136, 0.664)


#: Generations, by compute capability, whose kernels are their own and are loaded when they first run: 9 and 10.
MODULES = (9, 10)
#: Of one of several ranks whose cards no switch links: tests/truth/vllm_more.json, opt-2.7b.
UNLINKED_GROUP: int = round(0.09 * GIB)


class SystemMemory(NamedTuple):
    """What of memory that is the system's as well went between start and profile: the least, the middle, the most."""

    least: int
    middle: int
    most: int


#: Of a rank alone and of one of several, which are machines of their own (tests/truth/vllm_more.json and field.json):
#: the least is taken for none, the most so that the starts lie within it by what is printed, not by their own weights.
SYSTEM_ALONE = SystemMemory(0, round(4.2 * GIB), round(12.2 * GIB))
SYSTEM_GROUP = SystemMemory(0, round(4.2 * GIB), round(16.3 * GIB))
NO_SYSTEM = SystemMemory(0, 0, 0)
#: The limits that the line was fitted at.
FITTED = Batch(8192, 1024)
#: Largest step that is captured by default, and the distance of the sizes below 256 and from there.
LARGEST_CAPTURE, SMALL_STEP, LARGE_FROM, LARGE_STEP = 512, 8, 256, 16


def non_torch_bytes(rules: VllmRules, parallel: Parallel = ALONE, device: DeviceTraits = H100) -> int:
    """Bytes outside PyTorch's allocator on one rank."""
    alone = rules.non_torch if int(device.capability) in MODULES else rules.non_torch_other
    if parallel.devices == 1:
        return alone
    if not device.linked:
        return max(alone, UNLINKED_GROUP)
    base, each = rules.non_torch_group
    return base + each * parallel.tensor


def captured(batch: Batch, *, piecewise: bool = True) -> int:
    """How many CUDA graphs are captured: piecewise ones, and whole ones of steps that decode alone."""
    largest = min(2 * batch.sequences, LARGEST_CAPTURE, batch.tokens)
    small, large = range(SMALL_STEP, LARGE_FROM, SMALL_STEP), range(LARGE_FROM, LARGEST_CAPTURE + 1, LARGE_STEP)
    sizes: list[int] = [size for size in (1, 2, 4, *small, *large) if size <= largest]
    return piecewise * len(sizes) + len([size for size in sizes if size <= batch.sequences])


def system_bytes(parallel: Parallel, device: DeviceTraits) -> SystemMemory:
    """What else counts as outside PyTorch on one rank."""
    if not device.shared:
        return NO_SYSTEM
    return SYSTEM_ALONE if parallel.devices == 1 else SYSTEM_GROUP


def outside_torch(
    rules: VllmRules, parallel: Parallel = ALONE, device: DeviceTraits = H100, basis: Basis = Basis.MODELLED
) -> Quantity:
    """Both, between their ends."""
    own, system = non_torch_bytes(rules, parallel, device), system_bytes(parallel, device)
    return Quantity(own + system.middle, own + system.least, own + system.most, basis)


class GraphLayers(NamedTuple):
    """What the CUDA graphs of a rank go by.

    Attributes:
        experts: the rank's share of a mixture; 0 without.
        piecewise: whether graphs of parts of a step are captured besides whole ones.
    """

    layers: float
    experts: float
    piecewise: bool


def graph_layers(spec: ModelSpec, parallel: Parallel = ALONE) -> GraphLayers:
    """Those of a rank. Where there is an encoder, of the decoder alone: half of Whisper's layers."""
    crossed = spec.family in CROSSED
    experts = any(group.component == "experts" for group in inventory(spec).groups)
    return GraphLayers(spec.layers / parallel.pipeline / (2 if crossed else 1), experts / parallel.tensor, not crossed)


def graph_bytes(rank: GraphLayers, batch: Batch = FITTED) -> int:
    """Bytes of the CUDA graphs on one rank."""
    fitted = GRAPHS.base + GRAPHS.layer * rank.layers + GRAPHS.experts * rank.experts
    return round(fitted * GIB * captured(batch, piecewise=rank.piecewise) / captured(FITTED))
