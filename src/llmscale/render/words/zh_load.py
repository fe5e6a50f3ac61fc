"""Chinese of many users at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LABELS = {"Per token": "每词元", "At once": "同时", "USD/h": "美元/时", "Layout": "布局"}


def _asked(v: dict[str, Any]) -> str:
    return "{users:,} 个用户,每次 {prompt:,} + {answer:,} 词元".format(**v)


def _targets(v: dict[str, Any]) -> str:
    named = [("首词元不超过", v["ttft"]), ("其后每个不超过", v["tpot"])]
    said = ",".join(f"{what} {_time(most)}" for what, most in named if most is not None)
    return f"({said})" if said else ""


def _time(seconds: float) -> str:
    return f"{seconds:g} 秒" if seconds >= 1 else f"{seconds * 1000:g} 毫秒"


def _told(v: dict[str, Any]) -> str:
    waits = "同时只能运行 {running:,} 个,其余排队。".format(**v) if v["running"] < v["users"] else ""
    verdict = {None: "", False: "未达到目标。", True: "很可能达到目标。"}[v["meets"]]
    return (
        f"{_asked(v)},{{device}} 上用 {{quant}}:合计 {{speed}} 词元/秒({{speeds}}),每个用户 {{each}};"
        "首词元 {first}({firsts}),其后每个 {token}({tokens})。".format(**v)
        + waits
        + ("达到目标。" if v["surely"] else verdict)
    ).format(**v)


SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "under_load": _told,
    "under_load_unknown": "{device} 上的 {quant}:多用户速度未知,因速度未知或一个请求也放不下。",
    "needs_load": lambda v: (
        f"{v['model']},{_asked(v)}{_targets(v)}:最便宜的是 {v['device']},{v['layout']},量化为 {v['quant']}。"
    ),
    "needs_load_none": lambda v: (
        f"{v['model']},{_asked(v)}{_targets(v)}:没有可行的设备"
        + (f";最接近的是 {v['device']},{v['layout']},量化为 {v['quant']}。" if v["device"] else "。")
    ),
    "load_steady": "用户:每人得到回答后立即再问;读提示与写回答在同一步中交错进行。均为建模值:词元/秒的区间包含未参与"
    "拟合的模型的公开数据的 {model:.0%}、未参与拟合的来源的 {source:.0%};首词元的上限为所有人同时提问时。"
    "误差见 docs/accuracy.md。",
    "load_rents": "美元/时:全部设备按此处所知最新价目表的租金;没有租金的按上市价、再按显存排序。",
    "load_more": "还有其他设备可行:--all 列出全部及各种布局,--kind 只列某类。",
    "load_perhaps": "中间值达到目标;区间远端未必。",
}
