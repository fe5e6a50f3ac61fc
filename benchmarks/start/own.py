"""A catalogue of one's own with any number of models, of ten shapes, for `make bench`."""

from __future__ import annotations

import json
from pathlib import Path

#: Hidden size, MLP, layers, heads, heads of K and V, vocabulary: as ten published decoders have them.
SHAPES = (
    (2048, 5632, 22, 32, 4, 32000),
    (4096, 11008, 32, 32, 32, 32000),
    (4096, 14336, 32, 32, 8, 128256),
    (5120, 13824, 40, 40, 40, 32000),
    (3072, 8192, 28, 24, 8, 128256),
    (2560, 9728, 36, 32, 8, 151936),
    (5120, 17408, 40, 40, 8, 151936),
    (8192, 28672, 80, 64, 8, 128256),
    (1536, 8960, 28, 12, 2, 151936),
    (896, 4864, 24, 14, 2, 151936),
)
KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
)
ENTRY = """own-{number}:
  name: Own {number}
  aliases: [me/own-{number}-chat]
  publisher: me
  modality: text
  released: "2025-03"
  licence: MIT
  open: true
  source: https://example.org/{number}
  config: {config}
"""


def catalogue_of(count: int, folder: Path) -> Path:
    """The file of ``own-0`` up to so many."""
    path = folder / f"own-{count}.yaml"
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            config = dict(zip(KEYS, SHAPES[number % len(SHAPES)], strict=True))
            whole = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **config}
            file.write(ENTRY.format(number=number, config=json.dumps({**whole, "max_position_embeddings": 8192})))
    return path
