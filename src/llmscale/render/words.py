"""The words of the output in English and Chinese: titles and labels are looked up, numbers get 亿 and 万亿."""

from __future__ import annotations

from collections.abc import Callable

from llmscale.units import format_count

ZH = {
    "Model": "模型",
    "Quant": "量化",
    "Weights GiB": "权重 GiB",
    "KV cache GiB": "KV 缓存 GiB",
    "State GiB": "状态 GiB",
    "Overhead GiB": "开销 GiB",
    "Draft GiB": "草稿 GiB",
    "Total GiB": "合计 GiB",
    "Fits from GiB": "最小显存 GiB",
    "Device": "设备",
    "Fits": "能否运行",
    "Free GiB": "剩余 GiB",
    "Missing GiB": "缺少 GiB",
    "Max context": "最长",
    "KV cache tokens": "KV 缓存词元",
    "Requests": "并发请求",
    "Component": "组成部分",
    "Parameters": "参数量",
    "Params": "参数量",
    "Loss %": "损失%",
    "t/s": "词/秒",
    "95 in 100": "95% 区间",
    "First token": "首词",
    "Max batch": "最多并发",
    "Bits per weight": "每权重位数",
    "Needs": "硬件要求",
    "Read by": "可用于",
    "Share": "占比",
    "Total": "总参数",
    "Active": "激活参数",
    "Scale tier": "规模等级",
    "Stated": "官方数字",
    "Untied total": "不共享时总数",
    "Non-embedding": "非嵌入参数",
    "Publisher": "发布者",
    "Licence": "许可证",
    "Released": "发布时间",
    "Context": "上下文",
    "Training tokens": "训练词元",
    "Layers": "层数",
    "Hidden size": "隐藏维度",
    "Attention": "注意力",
    "Ratio": "比值",
    "Memory GiB": "显存 GiB",
    "Usable GiB": "可用 GiB",
    "Kind": "类型",
    "Price USD": "价格 USD",
    "Power W": "功耗 W",
    "Bandwidth GB/s": "带宽 GB/s",
    "Year": "年份",
    "embedding": "嵌入",
    "attention": "注意力",
    "mlp": "前馈网络",
    "experts": "专家",
    "shared_experts": "共享专家",
    "router": "路由",
    "recurrent": "循环",
    "norm": "归一化",
    "head": "输出头",
    "vision": "视觉",
    "audio": "音频",
    "projector": "投影",
    "other": "其他",
    "yes": "是",
    "no": "否",
    "maybe": "可能",
    "Fit": "放得下",
    "Just miss": "差一点",
    "open": "开放",
    "closed": "封闭",
    "~ is not exact: modelled or assumed.": "~ 表示不精确:为建模或假设值。",
}

Words = Callable[[str], str]


def words(lang: str) -> Words:
    """A function that says an English label in `lang` (``en`` or ``zh``); what has no translation stays."""
    return (lambda text: ZH.get(text, text)) if lang == "zh" else (lambda text: text)


def count(value: int | None, lang: str) -> str:
    """A count for people, a dash when there is none."""
    return "-" if value is None else format_count(value, lang)
