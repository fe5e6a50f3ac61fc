"""MLX, through mlx-lm: what it holds while it reads a prompt, which is where the peak stands.

Read in mlx 0.32.2 (commit 846d1762) and mlx-lm 0.32.2 (commit d78bf58e in data/quants.yaml is older and the same here):

- ``mlx_lm/generate.py`` (``generate_step``): a prompt is read in chunks of 2,048 tokens, all but its last token; after
  each chunk the caches are evaluated, so the logits of a prompt are never made. ``--kv-bits`` turns a cache into a
  quantised one from 5,000 tokens on. ``Peak memory`` is ``mx.get_peak_memory()`` in units of 10^9 bytes: what arrays
  held at most, without the buffers that MLX keeps to use again, which it gives up before it asks for more than its
  limit.
- ``mlx_lm/models/cache.py``: ``KVCache`` grows in steps of 256 tokens; ``RotatingKVCache`` keeps a window, and a chunk
  more while it reads a prompt. The families with one are those whose file in ``mlx_lm/models`` makes it.
- ``mlx/transforms.cpp``, ``mlx/backend/metal/device.cpp``, ``eval.cpp``: how much of a step is under way at once, see
  `llmscale.runtimes.mlx.encoder`.
"""

from __future__ import annotations

#: Tokens of a chunk of the prompt (``--prefill-step-size``), and prompts that are read at once (``BatchGenerator``).
CHUNK, PROMPTS = 2048, 8
#: Tokens that a cache grows by.
STEP = 256
#: Tokens from which a cache is quantised (``--quantized-kv-start``).
QUANTISED_FROM = 5000
#: Families, as `ModelSpec.family` or `text_family` begins, whose windows have a rotating cache. Those of llama.py do
#: where the configuration names the kind of each layer, which is where only some layers have a window.
ROTATING = (
    "afmoe",
    "baichuan_m1",
    "cohere2",
    "exaone4",
    "exaone_moe",
    "gemma3",
    "gemma4",
    "gpt_oss",
    "laguna",
    "mimo_v2_flash",
    "ministral3",
    "muse_glimmer",
    "olmo3",
    "plamo2",
    "plamo3",
    "recurrent_gemma",
    "step3p5",
)
ROTATING_SOME = ("llama", "mistral")
