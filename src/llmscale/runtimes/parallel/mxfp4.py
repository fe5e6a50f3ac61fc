"""Sizes of experts in MXFP4 as kernels hold them: each rounds up what it works on.

The rounding is ``mxfp4_round_up_hidden_size_and_intermediate_size`` of vLLM 0.19.0
(``vllm/model_executor/layers/quantization/mxfp4.py``).
"""

from __future__ import annotations

from llmscale.records import NamedTuple

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


#: The kernel that runs on all devices.
MARLIN = Kernel(128, 256)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
