"""Chinese: the words of ``log``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.units import format_gib


def _trouble(v: dict[str, Any]) -> str:
    where = "" if v["device"] is None else f"(设备 {v['device']})"
    asked = "" if v["wanted"] is None else f",申请 {format_gib(v['wanted'])} GiB"
    had = "" if v["available"] is None else f",可用 {format_gib(v['available'])}"
    whole = "" if v["whole"] is None else f"(共 {format_gib(v['whole'])})"
    estimate = "" if not v["estimate"] else f";估算为 {format_gib(v['estimate'])} GiB"
    return f"显存不足:{v['kind']}{where}{asked}{had}{whole}{estimate}。"


def _card(v: dict[str, Any]) -> str:
    """What the log calls a device, and how large it is."""
    memory = f"{format_gib(v['memory'])} GiB" if v["memory"] else ""
    return ", ".join(filter(None, (v["device"], memory)))


LABELS: dict[str, str] = {
    "Where": "位置",
    "device": "设备",
    "host memory": "内存",
    "Log": "日志",
    "Estimate": "估算",
    "Log MiB": "日志 MiB",
    "Estimate MiB": "估算 MiB",
    "Log - estimate": "日志-估算",
    "Besides weights": "权重之外",
    "not told": "未说明",
}
SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "log_of": lambda v: (
        f"{v['model']},{v['quant']},{v['context']:,} 词元,{v['runtime']} {v['release']}"
        + (f",{v['device']}。" if v["device"] else "。")
    ),
    "log_release_unread": "日志的版本 {release} 未读过;与 {compared} 比较。",
    "log_no_device": "日志没有写明设备;用 --gpu 指定。",
    "log_unknown_device": "不认识日志中的设备“{device}”;用 --gpu 指定。",
    "log_other_device": lambda v: f"日志中的设备({_card(v)})不是 {v['named']}({format_gib(v['has'])} GiB),估算按后者。",
    "log_trouble": _trouble,
    "log_fits_context": "可行:上下文最长 {context:,} 词元。",
    "log_fits_layers": "此上下文可行:{total} 层中 {layers} 层放在设备上(-ngl {layers})。",
    "log_fits_experts": "此上下文可行:前 {layers} 层的专家放在内存(--n-cpu-moe {layers})。",
    "log_fits_nothing": "此上下文在该量化下都放不下;llmscale fits {device} {model} 给出可行的量化。",
    "log_no_context": "日志没有写明词元数:按 {context:,} 计;用 --context 指定。",
    "log_held": lambda v: (
        f"PyTorch 已占 {format_gib(v['held'])} GiB;估算中权重为 {format_gib(v['weights'])},"
        f"总计 {format_gib(v['total'])}。"
    ),
    "log_more_held": "这多于估算的总和:实际运行的格式或模型份数不同,或词元、序列更多,或是在训练(llmscale train)。",
    "log_others": lambda v: f"其他进程占用该设备 {format_gib(v['others'])} GiB。",
    "log_spare": lambda v: (
        f"PyTorch 已取得的 {format_gib(v['spare'])} GiB 是过小的碎片:"
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True 或可解决。"
    ),
    "log_enough_free": "空闲多于所申请:并非设备容量不足,而是进程或驱动的限制。",
}
