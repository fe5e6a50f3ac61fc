"""ggml's types of tensors: the bytes of their rows, and what CUDA's buffers make of them.

The types of weights and caches are number formats like others, so that their blocks stand in `data/formats.yaml`.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml.c (`ggml_row_size`), ggml/src/ggml-backend.cpp and
ggml/src/ggml-cuda/ggml-cuda.cu.
"""

from __future__ import annotations

from functools import cache
from math import lcm

from llmscale.formats.catalogue import number_format

#: Bytes of the integers that positions and row numbers are given in.
INTEGERS = {"i32": 4, "i64": 8}
#: Alignment of tensors in host memory, in CUDA's buffers, and elements that those pad rows of quantised ones to.
HOST_ALIGN = 32
CUDA_ALIGN = 128
CUDA_ROW = 512


@cache
def block(kind: str) -> tuple[int, int]:
    """Elements and bytes of one block of a type.

    Raises:
        NotFoundError: no type is called so.
    """
    if kind in INTEGERS:
        return 1, INTEGERS[kind]
    planes = number_format(kind).planes
    elements = lcm(*(plane.columns for plane in planes))
    return elements, sum(plane.bytes * elements // plane.columns for plane in planes)


def is_quantized(kind: str) -> bool:
    """Whether a type is stored in blocks."""
    return block(kind)[0] > 1


def row_bytes(kind: str, elements: int) -> int:
    """Bytes of one row."""
    count, size = block(kind)
    return elements // count * size


def buffer_bytes(kind: str, width: int, rows: int, cuda: bool) -> int:
    """Bytes of so many rows in a buffer: CUDA pads a quantised tensor whose rows are not a multiple of 512, and aligns.

    Source: ggml/src/ggml-cuda/ggml-cuda.cu (`ggml_backend_cuda_buffer_type_get_alloc_size`).
    """
    size = row_bytes(kind, width) * rows
    if not cuda:
        return size
    if is_quantized(kind) and width % CUDA_ROW:
        size += row_bytes(kind, CUDA_ROW - width % CUDA_ROW)
    return -(-size // CUDA_ALIGN) * CUDA_ALIGN
