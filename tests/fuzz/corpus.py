"""Good files of every format that is read, to be damaged, and words that readers stumble over."""

from __future__ import annotations

import json
from typing import Any

from tests.gguf_files import TENSORS_OF_A_LLAMA, about, gguf_bytes
from tests.helpers import TINY
from tests.pytorch_files import old, written, zipped
from tests.safetensors_files import safetensors_bytes

TOKENS: dict[str, Any] = {"tokenizer.ggml.tokens": ["a", "bc"] * 4, "tokenizer.chat_template": "{{ x }}"}
MIXTURE = TINY | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
VISION = {
    "model_type": "paligemma",
    "text_config": TINY | {"model_type": "gemma"},
    "vision_config": {"model_type": "siglip_vision_model", "image_size": 28, "patch_size": 14},
}
ENTRY = """my-m:
  name: Mine
  aliases: [mine, &a "m-1"]
  publisher: me
  modality: text
  released: "2024-01"
  licence: MIT
  open: true
  source: https://example.org
  checked: here
  parameters: 7B
  no_config: "not published, *a"
"""
CORPUS: dict[str, list[bytes]] = {
    "model.gguf": [
        gguf_bytes(about() | TOKENS, TENSORS_OF_A_LLAMA, data=False),
        gguf_bytes(about("nobody") | TOKENS, TENSORS_OF_A_LLAMA[:9], little=False, version=2, data=False),
        gguf_bytes(about("deepseek2") | {"deepseek2.expert_count": 4}, TENSORS_OF_A_LLAMA[:5], data=False),
    ],
    "model.safetensors": [
        safetensors_bytes({"model.layers.0.mlp.up_proj.weight": ("BF16", (4, 8)), "lm_head.weight": ("F32", (2, 2))}),
        safetensors_bytes({f"h.{n}.experts.{n}.qweight": ("I32", (n, 4)) for n in range(5)}, data=False),
    ],
    "pytorch_model.bin": [written({"a.weight": ("F32", (4, 8)), "b": ("I64", (3,))}, form) for form in (zipped, old)],
    "model.safetensors.index.json": [json.dumps({"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}).encode()],
    "config.json": [json.dumps(config).encode() for config in (TINY, MIXTURE, VISION)],
    "mine.yaml": [ENTRY.encode()],
    "recipe.yaml": [b"name: mine\nbase: q8_0\nrules: {experts: q4_k, embed: f16}\nnarrow: refuse\n"],
}
#: What is put into them.
WORDS = [
    b"",
    b"\0",
    b"\xff" * 8,
    b"\x00\x00\x00\x00\x00\x00\x00\x80",
    b"\x1b[31m",
    b"-1",
    b"1e999",
    b"9" * 5000,
    b"NaN",
    b"null",
    b"true",
    b"[" * 2000,
    b"{" * 200,
    b'{"a":' * 500,
    b"&a [*a]",
    b"*a",
    b"!!python/object:os.system ls",
    b"../../etc/passwd",
    b"\xed\xa0\x80",
    b"\xe4\xba\xbf",
    b"\r\n\t",
    b'"',
    b"general.alignment",
    b"0.5",
]
