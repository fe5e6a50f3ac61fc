"""GGUF files as tests need them, written byte by byte after github.com/ggml-org/ggml: docs/gguf.md."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

#: ggml's number of a type, values of a block, its bytes (ggml/include/ggml.h, ggml/src/ggml-common.h).
KINDS = {
    "F32": (0, 1, 4),
    "F16": (1, 1, 2),
    "Q4_0": (2, 32, 18),
    "Q8_0": (8, 32, 34),
    "Q4_K": (12, 256, 144),
    "Q6_K": (14, 256, 210),
    "IQ4_XS": (23, 256, 136),
    "BF16": (30, 1, 2),
    "MXFP4": (39, 32, 17),
}


class Written(NamedTuple):
    """A tensor to write; `shape` has rows before columns."""

    name: str
    shape: tuple[int, ...]
    kind: str = "F16"

    @property
    def bytes(self) -> int:
        _, block, size = KINDS[self.kind]
        return prod(self.shape) // block * size


def gguf_bytes(
    metadata: Mapping[str, Any],
    tensors: Sequence[Written],
    *,
    version: int = 3,
    little: bool = True,
    data: bool = True,
) -> bytes:
    """A file; without `data` its header alone."""
    order = "<" if little else ">"

    def pack(code: str, *values: Any) -> bytes:
        return struct.pack(order + code, *values)

    def text(value: str) -> bytes:
        raw = value.encode()
        return pack("Q", len(raw)) + raw

    def value_of(value: Any) -> bytes:
        if isinstance(value, bool):
            return pack("I?", 7, value)
        if isinstance(value, int):
            return pack("Iq", 11, value) if value >= 1 << 32 else pack("II", 4, value)
        if isinstance(value, float):
            return pack("If", 6, value)
        if isinstance(value, str):
            return pack("I", 8) + text(value)
        if value and isinstance(value[0], str):
            return pack("IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        kind, code = (7, "?") if value and isinstance(value[0], bool) else (5, "i")
        return pack("IIQ", 9, kind, len(value)) + b"".join(pack(code, each) for each in value)

    head = b"GGUF" + pack("IQQ", version, len(tensors), len(metadata))
    head += b"".join(text(key) + value_of(value) for key, value in metadata.items())
    offset = 0
    for each in tensors:
        axes = each.shape[::-1]
        head += text(each.name) + pack("I", len(axes)) + pack(f"{len(axes)}Q", *axes)
        head += pack("IQ", KINDS[each.kind][0], offset)
        offset += -(-each.bytes // 32) * 32
    return head + b"\0" * (-len(head) % 32 + offset) if data else head


def llama(
    layers: int = 2, hidden: int = 256, width: int = 512, vocab: int = 320, heads: int = 4, kv: int = 2
) -> list[Written]:
    """The tensors of a small LLaMA, in a mix of types."""
    part = hidden // heads * kv
    found = [Written("token_embd.weight", (vocab, hidden), "Q6_K")]
    for layer in range(layers):
        block = f"blk.{layer}."
        found += [
            Written(f"{block}attn_norm.weight", (hidden,), "F32"),
            Written(f"{block}attn_q.weight", (hidden, hidden), "Q4_K"),
            Written(f"{block}attn_k.weight", (part, hidden), "Q4_K"),
            Written(f"{block}attn_v.weight", (part, hidden), "Q6_K"),
            Written(f"{block}attn_output.weight", (hidden, hidden), "IQ4_XS"),
            Written(f"{block}ffn_norm.weight", (hidden,), "F32"),
            Written(f"{block}ffn_gate.weight", (width, hidden), "Q4_K"),
            Written(f"{block}ffn_up.weight", (width, hidden), "Q4_K" if layer else "Q8_0"),
            Written(f"{block}ffn_down.weight", (hidden, width), "Q8_0"),
        ]
    return [
        *found,
        Written("output_norm.weight", (hidden,), "F32"),
        Written("output.weight", (vocab, hidden), "Q6_K"),
    ]


def about(
    arch: str = "llama", layers: int = 2, hidden: int = 256, width: int = 512, heads: int = 4, kv: int = 2
) -> dict[str, Any]:
    """The metadata of `llama`."""
    return {
        "general.architecture": arch,
        "general.name": "Small",
        f"{arch}.block_count": layers,
        f"{arch}.context_length": 2048,
        f"{arch}.embedding_length": hidden,
        f"{arch}.feed_forward_length": width,
        f"{arch}.attention.head_count": heads,
        f"{arch}.attention.head_count_kv": kv,
    }


def write(path: Path, *args: Any, **more: Any) -> str:
    """A file of `gguf_bytes`; its path."""
    path.write_bytes(gguf_bytes(*args, **more))
    return str(path)


TENSORS_OF_A_LLAMA = llama()
