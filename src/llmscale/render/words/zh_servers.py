"""Chinese sentences of what servers hold and leave, where it is a range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.units import format_gib

SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "cache_in_fp8": "{runtime} 始终以 FP8 保存 {model} 的缓存,不受 --kv-dtype 影响;其每步另占的显存无人测量。",
    "system_takes": lambda v: (
        f"{v['device']} 的显存与系统共用;实测启动时系统另占 {format_gib(v['low'])} 至 "
        f"{format_gib(v['high'])} GiB:"
        + (f"缓存可容纳 {v['fewest']:,} 至 {v['most']:,} 个词元。" if v["most"] is not None else "缓存相应增减。")
    ),
    "device_map_auto": lambda v: (
        'device_map="auto" 只看权重与加载时的空闲:各设备放 '
        f"{' + '.join(format_gib(each) for each in v['weights'])} GiB 权重;max_memory 可减少某张卡的份额。"
    ),
    "lmdeploy_range": lambda v: (
        f"LMDeploy 除权重外的占用仅知两次启动:计入 {format_gib(v['counted'])} GiB,可能为 {format_gib(v['least'])} 至 "
        f"{format_gib(v['most'])} GiB;--explain 给出相应的缓存容量。"
    ),
    "perhaps_fewer_requests": lambda v: (
        "缓存可能放不下一个该上下文长度的完整请求。"
        if v["least"] < 1
        else f"该上下文下可能只能同时运行 {v['least']:,.1f} 个请求,而要求的是 {v['asked']:,} 个。"
    ),
    "step_beyond_rest": lambda v: (
        f"一步 {v['tokens']:,} 个词元约需 {format_gib(v['step'])} GiB,而缓存约留下 {format_gib(v['rest'])} GiB:"
        "可能失败。减小 --cache-max-entry-count 或 --max-prefill-token-num 可缓解。"
    ),
    "about_lmdeploy": "lmdeploy:TurboMind 引擎。载入权重后空闲显存的 --cache-max-entry-count(0.8)用作键值缓存;"
    "每步计算所需来自其余部分,既不算可用也不计入合计。",
    "tensorrt_llm_range": lambda v: (
        f"TensorRT-LLM 除权重与一步计算外的占用由 H100 与 GB300 上的启动拟合:计入 {format_gib(v['counted'])} GiB,"
        f"可能为 {format_gib(v['least'])} 至 {format_gib(v['most'])} GiB;--explain 给出相应的缓存容量。"
    ),
    "page_cache_counts": lambda v: (
        f"处理器共用的内存中,{v['runtime']} 把加载留下的页缓存也算作已占用:缓存可能小得多。启动前请清空页缓存。"
    ),
    "about_tensorrt_llm": "tensorrt-llm:PyTorch 后端(trtllm-serve)。--max_num_tokens 的一步达到峰值后,剩余显存的 "
    "--kv_cache_free_gpu_memory_fraction(0.9)用作键值缓存,其余不可用。无论窗口大小,每层都保留整个上下文。"
    "ModelOpt 检查点若指定 FP8 缓存则采用:--kv-dtype fp8。",
    "layer_beyond_rest": lambda v: (
        f"超过阈值的提示会让每张卡再放一层的全部专家 {format_gib(v['layer'])} GiB,而 SGLang 只留下 "
        f"{format_gib(v['rest'])} GiB:可能失败。减小 --mem-fraction-static 可缓解。"
    ),
    "about_ktransformers": "ktransformers:SGLang 的各卡上每层只放 --kt-num-gpu-experts(1)个专家;全部专家按 --kt-method "
    "的格式放在内存中,默认与检查点相同。",
}
