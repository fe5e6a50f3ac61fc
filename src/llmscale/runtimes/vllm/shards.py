"""Which part of each weight tensor one rank holds under tensor, pipeline, data and expert parallelism.

Read in vLLM 0.19.0; files are under ``vllm/model_executor/``:

- ``layers/linear.py``: a column-parallel layer splits its outputs and its bias, a row-parallel layer splits its inputs
  and keeps the whole bias, a replicated layer splits nothing. ``QKVParallelLinear`` splits query heads and gives each
  rank at least one KV head, so KV heads are replicated where there are fewer of them than ranks.
- ``layers/vocab_parallel_embedding.py``: rows are padded to a multiple of 64, then divided by the ranks.
- ``layers/fused_moe/config.py`` (``FusedMoEParallelConfig.make``): without ``--enable-expert-parallel`` every expert
  is split over all tensor and data parallel ranks; with it whole experts are dealt out to them, the first ranks taking
  one more where they do not divide.
- ``layers/mamba/mamba_mixer.py``, ``mamba_mixer2.py``, ``models/qwen3_next.py``, ``layers/kda.py``: channels and heads
  are split, Mamba-2's groups too where they divide and one a rank where they do not.
- ``models/llava.py``, ``qwen2_vl.py``, ``siglip.py``: towers and projectors split as the text part does. Gemma's audio
  towers, and its later vision towers, are transformers' own, which every rank holds whole.
- ``models/deepseek_v2.py``: the low-rank factors into MLA (q_a, kv_a) and the whole indexer are replicated.
- ``vllm/distributed/utils.py`` (``get_pp_indices``): layers are dealt out evenly, what is left over to the stages
  before the last, from the back. The embedding stands on the first stage, norm and head on the last; a tied
  embedding on both (``models/llama.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from typing import NamedTuple

from llmscale.errors import UsageError
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.mlp import PackedExperts, StackedExperts
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.blocks.tied import Tied
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import Block, ModelSpec, PlacedBlock
from llmscale.units import MIB

#: ``DEFAULT_VOCAB_PADDING_SIZE`` of layers/vocab_parallel_embedding.py.
VOCAB_PADDING = 64

#: ``FLASHINFER_MLA_WORKSPACE_BUFFER_SIZE``.
MLA_WORKSPACE = 128 * MIB
#: PyTorch's allocator: least tensor with a segment of its own, what its size is a multiple of, least rest it cuts off.
OWN_SEGMENT, SEGMENT_STEP, LEAST_REMAINDER = 10 * MIB, 2 * MIB, MIB
#: Families whose official checkpoints are read in Mistral's own format, whose vision tower every rank holds whole
#: (``models/pixtral.py``); tests/truth/vllm.json has Mistral Small 3.1 on four ranks.
WHOLE_TOWERS = {"mistral3", "pixtral"}
#: Families whose token embedding is PyTorch's own (models/whisper.py); tests/truth/vllm_more.json has four ranks of it.
WHOLE_EMBEDDINGS = {"whisper"}

#: How families begin whose windows rotate unlike their full attention (models/gemma3.py, models/olmo2.py).
OWN_BASES = ("gemma3", "olmo3")
#: Families whose rotary positions have parts for time, height and width; their table is four times as long
#: (layers/rotary_embedding/mrope.py). With the share of a head that rotates where their config does not say it
#: outside its text part (transformers_utils/configs/qwen3_5.py; GLM's is published in ``rope_parameters``).
MROPE = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"), 1.0),
    **dict.fromkeys(("qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"), 0.25),
    **dict.fromkeys(("glm4v", "glm4v_moe"), 0.5),
}
MROPE_TABLE = 4
#: Families of which half of a head rotates, whether their config says so or not (models/glm.py, glm4.py, chatglm.py).
HALF = ("glm", "glm4", "chatglm")
#: What the projectors are called whose outputs enter later layers; each has a buffer for a whole step
#: (``deepstack_input_embeds`` in models/qwen3_vl.py).
DEEPSTACK = "deepstack"

#: Bytes of one tensor of a group with the shape that the rank holds, by plane: values, scales, zero points.
PlaneBytes = Callable[[TensorGroup, tuple[int, ...]], tuple[int, ...]]


class Parallel(NamedTuple):
    """How many ranks share the work, as ``vllm serve`` names it.

    Attributes:
        tensor, pipeline, data: ``--tensor-parallel-size``, ``--pipeline-parallel-size``, ``--data-parallel-size``.
        experts: ``--enable-expert-parallel``.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    experts: bool = False

    @property
    def devices(self) -> int:
        """Devices that one such deployment takes."""
        return self.tensor * self.pipeline * self.data


#: One device.
ALONE = Parallel()


class Shard(NamedTuple):
    """What of a tensor group one rank holds: in each of `layers` layers, `experts` tensors of `shape`."""

    group: TensorGroup
    shape: tuple[int, ...]
    layers: int
    experts: int

    @property
    def copies(self) -> int:
        """Tensors of the group on the rank."""
        return self.layers * self.experts


class Heads(NamedTuple):
    """Heads of a softmax attention on one rank."""

    query: int
    kv: int


def padded_vocab(rows: int) -> int:
    """Rows of a token embedding or head as vLLM allocates them."""
    return -(-rows // VOCAB_PADDING) * VOCAB_PADDING


def kv_heads(total: int, tensor: int) -> int:
    """KV heads on one rank: a share, or one of its own where there are more ranks than heads."""
    return max(1, total // tensor)


def stage_layers(layers: int, pipeline: int, stage: int) -> range:
    """The layers of one pipeline stage, without ``VLLM_PP_LAYER_PARTITION``."""
    sizes = [layers // pipeline] * pipeline
    for back in range(2, layers % pipeline + 2):
        sizes[-back] += 1
    first = sum(sizes[:stage])
    return range(first, first + sizes[stage])


def refuse_impossible(spec: ModelSpec, parallel: Parallel) -> None:
    """Refuse what vLLM refuses when it reads its arguments (``vllm/config/model.py``, ``verify_with_parallel_config``).

    Raises:
        UsageError: in vLLM's words where it has some.
    """
    tensor = parallel.tensor
    for placed in _text(spec):
        heads, groups = _attention_heads(placed.block)
        if heads % tensor:
            raise UsageError(
                f"Total number of attention heads ({heads}) must be divisible by tensor parallel size ({tensor}).",
                "Take a tensor parallel size that divides it.",
            )
        if groups and max(groups, tensor) % min(groups, tensor):
            raise UsageError(
                f"{groups} KV heads can neither be divided over nor repeated on {tensor} ranks.",
                "Take a tensor parallel size that divides them or is a multiple of them.",
            )
    if spec.layers < parallel.pipeline:
        raise UsageError(f"{spec.layers} layers cannot be dealt out to {parallel.pipeline} pipeline stages.")


def shards(spec: ModelSpec, parallel: Parallel = ALONE, stage: int = 0) -> Iterator[Shard]:
    """What a rank of pipeline stage `stage` holds, group by group; the first ranks of it, where they differ."""
    layers = stage_layers(spec.layers, parallel.pipeline, stage)
    last = stage == parallel.pipeline - 1
    after_layers = False
    for placed in spec.placed:
        after_layers = after_layers or (bool(placed.layers) and placed.tower is None)
        for group in inventory(replace(spec, placed=(placed,))).groups:
            here = _layers_here(group, layers, stage == 0, last, after_layers)
            if here:
                shape, experts = _share(group, placed.block, ALONE if _whole(spec, placed, group) else parallel)
                yield Shard(group, shape, here, 2 * experts if _makes_values(group, placed.block) else experts)


def weights_per_rank(spec: ModelSpec, planes: PlaneBytes, parallel: Parallel = ALONE, stage: int | None = None) -> int:
    """Bytes of weights on a rank of pipeline stage `stage`; of the stage with most of them when None."""
    if stage is None:
        return max(weights_per_rank(spec, planes, parallel, stage) for stage in range(parallel.pipeline))
    return sum(shard.copies * sum(planes(shard.group, shard.shape)) for shard in shards(spec, parallel, stage))


def _whole(spec: ModelSpec, placed: PlacedBlock, group: TensorGroup) -> bool:
    """Whether every rank holds all of it."""
    if placed.tower is not None:
        return spec.family in WHOLE_TOWERS
    return spec.family in WHOLE_EMBEDDINGS and group.role == "embedding.token"


def _makes_values(group: TensorGroup, block: Block) -> bool:
    """Whether the matrix of the keys makes the values too: vLLM loads it into both places (models/gemma4.py)."""
    return group.role == "attention.k" and isinstance(block, Attention) and len(block.names) == 3


def resident_bytes(
    spec: ModelSpec,
    planes: PlaneBytes,
    parallel: Parallel = ALONE,
    stage: int = 0,
    element_bytes: int = 2,
    *,
    tokens: int = 0,
) -> int:
    """What loading the model leaves on the rank besides its weights: rotary tables, allocator slack, what MLA adds.

    Args:
        tokens: of a step, ``--max-num-batched-tokens``.

    MLA's FlashInfer backend takes 128 MiB when it is imported, whichever backend is then chosen
    (``vllm/v1/attention/backends/mla/flashinfer_mla.py``); and where kv_b is quantised its two halves are kept in 16
    bits besides (``process_weights_after_loading`` in layers/attention/mla_attention.py).
    """
    total = rotary_bytes(spec, element_bytes) + allocator_slack(spec, planes, parallel, stage)
    if stage == 0:
        total += deepstack(spec) * tokens * spec.hidden_size * element_bytes
    if any(isinstance(placed.block, LatentAttention) for placed in _text(spec)):
        total += MLA_WORKSPACE
    for shard in shards(spec, parallel, stage):
        plain = prod(shard.shape) * element_bytes
        if shard.group.role == "attention.kv_b" and sum(planes(shard.group, shard.shape)) < plain:
            total += shard.copies * plain
    return total


def deepstack(spec: ModelSpec) -> int:
    """Into how many later layers the vision tower's outputs enter."""
    return max((len(placed.layers) for placed in spec.placed if DEEPSTACK in placed.prefix), default=0)


def allocator_slack(spec: ModelSpec, planes: PlaneBytes, parallel: Parallel = ALONE, stage: int = 0) -> int:
    """What PyTorch counts as allocated besides the tensors' own bytes.

    From 10 MiB on a tensor has a segment of its own in whole 2 MiB, and what is left of it is cut off only where it is
    more than 1 MiB (``c10/cuda/CUDACachingAllocator.cpp``: ``kMinLargeAlloc``, ``kRoundLarge``, ``kSmallSize``). vLLM
    keeps as one tensor what it computes at once: gate and up, the projections into heads, all experts of a layer.
    A segment that was used before may fit better, so this is the most it can be.
    """
    fused: dict[tuple[object, ...], tuple[int, int]] = {}
    for shard in shards(spec, parallel, stage):
        place, _, kind = shard.group.name.rpartition(".")
        parent, part = place.rpartition(".")[0], _FUSED.get(shard.group.role)
        for number, plane in enumerate(planes(shard.group, shard.shape)):
            key = (shard.group.layers, parent if part else place, part, kind, number)
            _, size = fused.get(key, (0, 0))
            fused[key] = (shard.layers, size + shard.experts * plane)
    return sum(layers * _slack(size) for layers, size in fused.values())


def _slack(size: int) -> int:
    left = -size % SEGMENT_STEP
    return left if size >= OWN_SEGMENT and left <= LEAST_REMAINDER else 0


def rotary_bytes(spec: ModelSpec, element_bytes: int) -> int:
    """Tables of cosines and sines, which ``torch`` counts as part of the loaded model.

    One table (positions, rotated elements of a head) for each head width and, where windows and full attention have
    bases of their own, each kind (layers/rotary_embedding/base.py, cached by ``get_rope``). Linear and dynamic
    stretching make it longer (linear_scaling_rope.py, dynamic_ntk_scaling_rope.py), of full attention alone. Nothing
    for a model with learned positions.
    """
    positions = spec.positions or spec.max_context
    if positions is None:
        return 0
    kinds: set[tuple[int, bool]] = set()
    for placed in _text(spec):
        if any(tensor.role == "embedding.position" for tensor in placed.block.tensors()):
            return 0
        if isinstance(placed.block, Attention):
            windowed = spec.family.startswith(OWN_BASES) and placed.block.window is not None
            kinds.add((placed.block.head_dim, windowed))
        elif isinstance(placed.block, LatentAttention):
            kinds.add((placed.block.rope, False))
    if spec.family in MROPE:
        return sum(MROPE_TABLE * positions * int(MROPE[spec.family] * width) * element_bytes for width, _ in kinds)
    # What MLA rotates is named as such, whole.
    latent = any(isinstance(placed.block, LatentAttention) for placed in _text(spec))
    share = 1.0 if latent else 0.5 if spec.family in HALF else spec.rotary_share
    stretched = int(positions * spec.rope_factor)
    return sum((positions if windowed else stretched) * int(share * width) * element_bytes for width, windowed in kinds)


def computed(block: Block) -> Block:
    """The block itself, or the one whose weights it borrows."""
    return block.block if isinstance(block, Tied) else block


def _text(spec: ModelSpec) -> Iterator[PlacedBlock]:
    return (placed for placed in spec.placed if placed.tower is None)


def _attention_heads(block: Block) -> tuple[int, int]:
    if isinstance(block, Attention):
        return block.heads, block.kv_heads
    if isinstance(block, LatentAttention):
        return block.heads, 0
    return 0, 0


def _layers_here(group: TensorGroup, layers: range, first: bool, last: bool, after_layers: bool) -> int:
    """In how many layers of the stage the group stands, 1 outside them; a tied tensor counts on another stage only."""
    if group.component in ("vision", "audio", "projector"):
        return max(1, len(group.layers)) if first else 0
    if group.layers:
        return 0 if group.tied_to else sum(layer in layers for layer in group.layers)
    if group.tied_to:
        return int(last and not first)
    return int(last if after_layers else first)


def _share(group: TensorGroup, block: Block, parallel: Parallel) -> tuple[tuple[int, ...], int]:
    """Shape of the rank's part of one tensor, and how many experts' it holds."""
    tensor, shape, role = parallel.tensor, group.shape, group.role
    if group.experts > 1:
        ranks = tensor * parallel.data
        if parallel.experts:
            return shape, -(-group.experts // ranks)
        return _split(group, _axis(group, block), ranks), group.experts
    if role in ("attention.q", "attention.k", "attention.v", "attention.qkv") and isinstance(block, Attention):
        return _attention_share(group, block, tensor), 1
    if isinstance(block, Mamba2):
        return _mamba2_share(group, block, tensor), 1
    if role in ("embedding.token", "embedding.per_layer", "head.out"):
        rows = padded_vocab(shape[0])
        return (-(-rows // tensor), *shape[1:]), 1
    return _split(group, _axis(group, block), tensor), 1


#: Roles that vLLM stores in one tensor where they stand together.
_FUSED = {
    **{f"attention.{part}": "qkv" for part in ("q", "k", "v")},
    **{f"attention.{part}": "qkv_a" for part in ("q_a", "kv_a")},
    **{f"{part}.{name}": "gate_up" for part in ("mlp", "shared_experts", "experts") for name in ("gate", "up")},
    "recurrent.in": "in",
}

#: Role or the part after its dot -> whether outputs ("out") or inputs ("in") are split; all else is replicated.
_SPLIT = {
    "attention.q": "out",
    "attention.k": "out",
    "attention.v": "out",
    "attention.qkv": "out",
    "attention.kv": "out",
    "attention.q_b": "out",
    "attention.kv_b": "out",
    "attention.gate": "out",
    "attention.sinks": "out",
    "attention.o": "in",
    "recurrent.in": "out",
    "recurrent.conv": "out",
    "recurrent.dt": "out",
    "recurrent.a": "out",
    "recurrent.d": "out",
    "recurrent.gate": "out",
    "recurrent.x": "in",
    "recurrent.out": "in",
    **{f"{part}.{name}": "out" for part in ("mlp", "shared_experts", "experts") for name in ("gate", "up", "gate_up")},
    **{f"{part}.down": "in" for part in ("mlp", "shared_experts", "experts", "projector")},
    **{f"projector.{name}": "out" for name in ("gate", "up")},
}


def _axis(group: TensorGroup, block: Block) -> str | None:
    """`_SPLIT` of the role, turned round where the checkpoint stores (in, out)."""
    kind = _SPLIT.get(group.role)
    transposed = getattr(block, "transposed", False) or isinstance(block, StackedExperts)
    if isinstance(block, PackedExperts) and group.experts > 1:
        # Llama 4 stores (in, out), the others (out, in); what is split is the side that is not the hidden size.
        transposed = (group.shape[0] == block.hidden) == (kind == "out")
    return f"{kind}^T" if kind and transposed else kind


def _split(group: TensorGroup, kind: str | None, ranks: int) -> tuple[int, ...]:
    shape = group.shape
    if kind is None or not shape or _low_rank(group):
        return shape
    if len(shape) == 1:
        # A bias follows its outputs; that of a row-parallel layer is kept whole.
        return (-(-shape[0] // ranks),) if kind.startswith("out") else shape
    if group.role == "recurrent.a" and len(shape) == 4:
        axis = 2
    else:
        axis = {"out": 0, "in": 1, "out^T": len(shape) - 1, "in^T": 0}[kind]
    return tuple(-(-size // ranks) if place == axis else size for place, size in enumerate(shape))


def _low_rank(group: TensorGroup) -> bool:
    """Kimi Delta Attention's factors from hidden to one head's width, which are replicated (layers/kda.py)."""
    return group.name.endswith(("f_a_proj.weight", "g_a_proj.weight"))


def _attention_share(group: TensorGroup, block: Attention, tensor: int) -> tuple[int, ...]:
    """Rows of the projections into heads: a share of the query heads, KV heads at least one."""
    query = -(-block.heads // tensor) * block.head_dim
    groups = kv_heads(block.kv_heads, tensor)
    key, value = groups * block.head_dim, groups * (block.v_head_dim or block.head_dim)
    rows = {
        "attention.q": 2 * query if block.query_gate else query,
        "attention.k": key,
        "attention.v": value,
        "attention.qkv": query + key + value,
    }[group.role]
    if len(group.shape) == 1:
        return (rows,)
    return (group.shape[0], rows) if block.transposed else (rows, group.shape[1])


def _mamba2_share(group: TensorGroup, block: Mamba2, tensor: int) -> tuple[int, ...]:
    """Heads are split; B and C groups are too where they divide, else every rank has one."""
    heads = block.heads // tensor
    groups = mamba2_groups(block.groups, tensor)
    convolved = heads * block.head_dim + 2 * groups * block.state_size
    rows = {
        "recurrent.in": heads * block.head_dim + convolved + heads,
        "recurrent.conv": convolved,
        "recurrent.dt": heads,
        "recurrent.a": heads,
        "recurrent.d": heads,
        "norm": heads * block.head_dim,
    }.get(group.role)
    if rows is None:
        return _split(group, "in", tensor)
    return (rows, *group.shape[1:])


def mamba2_groups(groups: int, tensor: int) -> int:
    """B and C groups on one rank (``extra_groups_for_head_shards`` of layers/mamba/mamba_utils.py)."""
    return groups // tensor if groups % tensor == 0 else 1
