"""Counts memory on torch's meta device, where tensors have shapes but no memory, as CUDA would have it.

A mode of torch's dispatcher sees every storage come, and a finaliser sees it go; each counts for a multiple of 512
bytes, as the CUDA allocator gives them. What the meta device does not do as CUDA would is done here instead:

- ``scaled_dot_product_attention`` would take its mathematical form, which makes all scores. In its place stands what
  PyTorch chooses on CUDA: flash attention without a mask and with equal heads up to 256 wide, else the
  memory-efficient kernel, to which a mask goes as numbers in rows of a multiple of 16.
- A question about values that has a yes or no (is everything unmasked, is the answer at its end) is answered with yes,
  as for a batch without padding.

Scratch memory inside kernels is not seen. Recurrent layers run as transformers runs them without the optional kernels.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import masking_utils

GRAIN = 512
#: Columns that the memory-efficient kernel's mask has a multiple of, and the widest head of the flash kernel.
MASK_COLUMNS, FLASH_HEAD = 16, 256


class Storages(TorchDispatchMode):
    """Counts storages as they come and go."""

    def __init__(self, weights: Iterator[torch.Tensor]) -> None:
        super().__init__()
        self._weights = {tensor.untyped_storage()._cdata for tensor in weights}
        self._alive: dict[int, int] = {}
        self.live = 0
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].dtype == torch.bool:
            return True
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.device.type == "meta":
                self._born(leaf.untyped_storage())
        return out

    def _born(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._alive or key in self._weights:
            return
        self._alive[key] = -(-storage.nbytes() // GRAIN) * GRAIN
        self.live += self._alive[key]
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._dead, key)

    def _dead(self, key: int) -> None:
        self.live -= self._alive.pop(key, 0)


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """``scaled_dot_product_attention`` as CUDA would dispatch it."""
    aten, head = torch.ops.aten, query.shape[-1]
    if attn_mask is None and head == value.shape[-1] <= FLASH_HEAD:
        if head % 8:
            query, key, value = (functional.pad(tensor, (0, 8 - head % 8)) for tensor in (query, key, value))
        made = aten._scaled_dot_product_flash_attention(query, key, value, 0.0, is_causal, False, scale=scale)[0]
        return made[..., :head]
    if attn_mask is not None:
        columns = attn_mask.shape[-1]
        if attn_mask.dtype == torch.bool:
            least = torch.scalar_tensor(float("-inf"), dtype=query.dtype, device=query.device)
            attn_mask = torch.where(attn_mask, 0.0, least)
        if columns % MASK_COLUMNS:
            attn_mask = functional.pad(attn_mask, (0, MASK_COLUMNS - columns % MASK_COLUMNS))[..., :columns]
        attn_mask = attn_mask.expand(*query.shape[:3], key.shape[2])
    found = aten._scaled_dot_product_efficient_attention(
        query, key, value, attn_mask, False, 0.0, is_causal, scale=scale
    )
    return found[0]


@contextmanager
def as_on_cuda() -> Iterator[None]:
    """Attention as CUDA would run it, and every mask taken for one without padding."""
    before = functional.scaled_dot_product_attention, masking_utils.fast_all
    functional.scaled_dot_product_attention = attention
    masking_utils.fast_all = lambda tensor: True
    try:
        with torch.no_grad():
            yield
    finally:
        functional.scaled_dot_product_attention, masking_utils.fast_all = before
