"""The compute buffers of vision towers, as llama-server reserves them when it starts.

MiB, and the side in pixels of the image that they are for, by family and parameters of the towers (vision, audio and
projector together): `clip_init` of llama.cpp 0c1e57098 on projector files of the published shapes, CPU backend with
flash attention. The one of Qwen3.5 is what CUDA logs say of it too. See tests/truth/llamacpp_mmproj.json.
"""

from __future__ import annotations

GRAPHS: dict[tuple[str, int], tuple[float, int]] = {
    ("gemma3", 419_816_304): (121.25, 896),  # gemma-3-4b
    ("gemma3", 421_290_864): (121.25, 896),  # gemma-3-12b
    ("gemma3", 423_060_336): (121.25, 896),  # gemma-3-27b
    ("gemma4", 475_729_088): (202.46, 768),  # gemma-4-e2b
    ("gemma4", 478_088_384): (202.46, 768),  # gemma-4-e4b
    ("gemma4", 572_794_416): (150.63, 768),  # gemma-4-26b-a4b
    ("gemma4", 575_743_536): (150.63, 768),  # gemma-4-31b
    ("glm4v", 892_498_432): (515.05, 1288),  # glm-4.1v-9b
    ("glm4v_moe", 858_681_856): (515.05, 1288),  # glm-4.5v
    ("idefics3", 431_800_560): (20.01, 364),  # idefics3-8b
    ("idefics3", 434_220_912): (21.58, 384),  # smolvlm-2.2b
    ("llama4", 871_932_416): (22.99, 336),  # llama-4-scout
    ("mistral3", 420_083_712): (64.49, 448),  # ministral-3-3b
    ("mistral3", 428_472_320): (64.55, 448),  # ministral-3-8b
    ("mistral3", 438_958_080): (64.62, 448),  # ministral-3-14b, mistral-small-3.1
    ("pixtral", 434_957_312): (16.56, 256),  # pixtral-12b
    ("qwen2_5_vl", 668_684_288): (704.79, 1288),  # qwen2.5-vl-3b
    ("qwen2_5_vl", 676_550_144): (704.79, 1288),  # qwen2.5-vl-7b
    ("qwen2_5_vl", 688_841_984): (705.95, 1288),  # qwen2.5-vl-32b
    ("qwen2_5_vl", 704_573_696): (705.95, 1288),  # qwen2.5-vl-72b
    ("qwen2_vl", 665_271_296): (267.08, 1288),  # qwen2-vl-2b
    ("qwen2_vl", 675_759_104): (267.08, 1288),  # qwen2-vl-7b
    ("qwen2_vl", 699_356_672): (267.08, 1288),  # qwen2-vl-72b
    ("qwen3_5", 460_730_096): (248.1, 1472),  # qwen3.5-27b
    ("qwen3_5_moe", 446_571_248): (248.1, 1472),  # qwen3.5-35b-a3b
    ("qwen3_5_moe", 451_290_864): (248.1, 1472),  # qwen3.5-122b-a10b
    ("qwen3_5_moe", 456_010_480): (248.1, 1472),  # qwen3.5-397b-a17b
    ("qwen3_vl", 406_957_056): (322.49, 1472),  # qwen3-vl-2b
    ("qwen3_vl", 415_347_712): (322.49, 1472),  # qwen3-vl-4b
    ("qwen3_vl", 576_388_336): (372.08, 1472),  # qwen3-vl-8b
    ("qwen3_vl", 595_266_800): (417.54, 1472),  # qwen3-vl-32b
    ("qwen3_vl_moe", 538_631_408): (359.68, 1472),  # qwen3-vl-30b-a3b
    ("qwen3_vl_moe", 576_388_336): (372.08, 1472),  # qwen3-vl-235b-a22b
    ("smolvlm", 93_510_912): (21.0, 512),  # smolvlm-256m
    ("smolvlm", 98_229_504): (21.0, 512),  # smolvlm-500m
}
