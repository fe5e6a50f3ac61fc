"""What one gives to llama.cpp besides a model: its settings, and what goes to which device.

The names are those of its own parameters, the defaults those of its programs (llama.cpp commit 0c1e57098,
common/common.h and include/llama.h).
"""

from __future__ import annotations

from llmscale.records import NamedTuple


class LlamaCppSettings(NamedTuple):
    """How it computes.

    Attributes:
        n_ctx: tokens of context, of all sequences together.
        n_batch, n_ubatch: tokens given to it at once, and computed at once.
        n_seq: sequences at once (``--parallel``).
        unified: whether sequences share one stream of cells (``--kv-unified``).
        swa_full: whether layers with a window get a full cache (``--swa-full``).
        flash_attention: whether attention is one operation.
        type_k, type_v: types of the cache.
        n_outputs_max: most tokens of one batch whose logits are wanted; 0 for all of them (llama-server asks for one a
            sequence, llama-bench and the C API for all).
        kv_offload: whether the cache of a layer on a device lies on that device (``--no-kv-offload``).
        op_offload: whether devices run large batches through layers whose weights lie on the host
            (``--no-op-offload``).
        cells: cells come in multiples of this without flash attention.
        mask_cast: whether the mask of flash attention is given in f32 and cast.
        reserves_f16: whether CUDA's f16 copies of a quantised cache are reserved with the graph.
        kept_states: states of each sequence that are kept besides the last one, to go back to (``n_rs_seq``).
    """

    n_ctx: int = 4096
    n_batch: int = 2048
    n_ubatch: int = 512
    n_seq: int = 1
    unified: bool = False
    swa_full: bool = False
    flash_attention: bool = True
    type_k: str = "f16"
    type_v: str = "f16"
    n_outputs_max: int = 0
    kv_offload: bool = True
    op_offload: bool = True
    cells: int = 256
    mask_cast: bool = False
    reserves_f16: bool = True
    kept_states: int = 0

    @property
    def batch(self) -> int:
        """Tokens given at once, which the context limits."""
        return min(self.n_ctx, self.n_batch)

    @property
    def ubatch(self) -> int:
        """Tokens computed at once."""
        return min(self.batch, self.n_ubatch)

    @property
    def outputs(self) -> int:
        """Tokens of one computed batch whose logits are kept."""
        return min(self.ubatch, self.n_outputs_max or self.batch)

    @property
    def streams(self) -> int:
        """Streams of cells."""
        return 1 if self.unified else self.n_seq


class Offload(NamedTuple):
    """The devices, and what goes to them.

    Attributes:
        devices: devices besides the host; 0 to run on the host alone.
        gpu_layers: layers on the devices, the output counted as one (``--gpu-layers``); None for all.
        split: share of the layers that each device gets (``--tensor-split``; by default each one's free memory, and
            here equal shares); empty for equal shares.
        cpu_moe, cpu_ffn: first layers whose experts, or whose dense feed-forward, stay on the host.
        cpu_experts: further layers whose experts do (``--override-tensor``).
        cuda: whether the devices are CUDA's; else they align and pad as host memory does.
        vulkan: whether they are Vulkan's, which runs operations in an order of its own.
        weights: type of the weights that are streamed to a device (see `LlamaCppSettings.op_offload`).
        streamed: their types by shape, as ggml orders the axes, where they are not all of that one.
        pipeline: whether several devices work on several batches at once, when llama.cpp would let them.
    """

    devices: int = 0
    gpu_layers: int | None = None
    split: tuple[float, ...] = ()
    cpu_moe: int = 0
    cpu_ffn: int = 0
    cuda: bool = True
    vulkan: bool = False
    weights: str = "f16"
    streamed: tuple[tuple[tuple[int, ...], str], ...] = ()
    pipeline: bool = True
    cpu_experts: tuple[int, ...] = ()

    @property
    def overridden(self) -> bool:
        """Whether parts of layers stay on the host whatever their layers do."""
        return bool(self.cpu_moe or self.cpu_ffn or self.cpu_experts)

    def keeps_experts(self, layer: int) -> bool:
        """Whether the experts of a layer stay on the host."""
        return layer < self.cpu_moe or layer in self.cpu_experts

    @property
    def host(self) -> int:
        """The number of the host, which comes after the devices."""
        return self.devices
