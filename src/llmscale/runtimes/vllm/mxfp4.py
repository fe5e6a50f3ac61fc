"""Sizes of experts in MXFP4 as vLLM's kernels hold them: each rounds up what it works on.

Which kernel it is depends on the device and the release (``get_mxfp4_backend`` in ``layers/quantization/mxfp4.py``,
later ``layers/fused_moe/oracle/mxfp4.py``), the rounding on the kernel
(``mxfp4_round_up_hidden_size_and_intermediate_size``). Triton's moves values and scales into an order of its own
(``layout_details/hopper_value.py`` and ``hopper_scale.py`` in the triton_kernels that vLLM ships) and until 0.24 leaves
the scales of the checkpoint in memory besides.
"""

from __future__ import annotations

from typing import NamedTuple

#: Values that share a scale, of a byte.
BLOCK = 32


class Kernel(NamedTuple):
    """What a kernel makes of experts.

    Attributes:
        intermediate, hidden: what an expert's sizes are rounded up to.
        inner: the same of the values of a row, besides.
        scale_rows, scale_columns: the same of the scales; rows of gate and up count together.
        keeps_scales: whether the scales of the checkpoint stay besides its own.
        bias_bytes: bytes of an element of a bias.
    """

    intermediate: int
    hidden: int
    inner: int = 1
    scale_rows: int = 1
    scale_columns: int = 1
    keeps_scales: bool = False
    bias_bytes: int = 2

    def planes(self, rows: int, columns: int, *, down: bool) -> tuple[int, ...]:
        """Bytes of one matrix of one expert: values, scales, scales that are kept. Gate and up are two matrices."""
        tall, wide = (self.hidden, self.intermediate) if down else (self.intermediate, self.hidden)
        rows, columns = _up(rows, tall), _up(columns, wide)
        kept = rows * columns // BLOCK
        scales = _up(rows, self.scale_rows if down else self.scale_rows // 2 or 1) * _up(
            columns // BLOCK, self.scale_columns
        )
        values = rows * _up(columns, self.inner) // 2
        return (values, scales, kept) if self.keeps_scales else (values, scales)


#: On all other devices, and everywhere with LoRA.
MARLIN = Kernel(128, 256)
#: FlashInfer's, on compute capability 10.
TRTLLM = Kernel(256, 256, bias_bytes=4)
#: Triton's on compute capability 9.0.
TRITON = Kernel(64, 1, scale_rows=256, scale_columns=2, bias_bytes=4)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
