"""Chinese labels of training, scaling and what serving costs, and sentences of training on devices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from llmscale.render.words.en_training import FEW

#: How what was never followed is named in English, and in Chinese.
_NEVER_FOLLOWED = {
    r", with a second model that is trained$": "(另有一个也要训练的模型)",
    r" of this model or method$": "(对此模型或方法)",
    r" of two stacks$": "(编码器与解码器两组层)",
    r" with an encoder$": "(带编码器)",
    r" with (\w+)$": r"(与 \1 同用)",
    r" under autocast$": "(autocast 下)",
    r" behind this head$": "(用于此输出头)",
    r" of model type ('.*')$": r"(模型类型 \1)",
    r"^model type ('.*')$": r"模型类型 \1",
    r"^a ('.*') without a head$": r"没有输出头的 \1",
    r"^an adapter of (.*)$": r"\1 的适配器",
}


def _adapted(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    return f"({'、'.join(names)})" if len(names) <= FEW else f"({len(names)} 类模块)"


def _unmodelled(v: dict[str, Any]) -> str:
    what = v["what"]
    for english, chinese in _NEVER_FOLLOWED.items():
        what = re.sub(english, chinese, what)
    return f"{what} 的激活与峰值尚未建模:需在以上数字之外另加。"


def _reference(v: dict[str, Any]) -> str:
    if not v["wanted"]:
        return "没有参考模型" + ("(TRL 的 beta 默认为 0;--kl 则有)" if v["kind"] == "asked" else "")
    if v["size"]:
        spared = "" if v["kind"] == "asked" or v["engine"] else "(--precompute-ref 则无)"
        return f"参考模型是 {v['size'] / 2**30:.2f} GiB 的冻结副本{spared}"
    if v["before"]:
        return "参考模型训练时不在显存中"
    return "参考模型即关闭适配器的模型本身,0 字节"


def _objective(v: dict[str, Any]) -> str:
    said = f"{v['title']}:" + ("被选与被拒为一步中的两个序列;" if v["pair"] else "") + f"{_reference(v)}。"
    if v["value"]:
        said += f"冻结的奖励模型占 {v['reward'] / 2**30:.2f} GiB;整体训练的价值模型连同梯度与状态占 "
        said += f"{v['value'] / 2**30:.2f} GiB。"
    if v["engine"]:
        said += f"--micro-batch 按生成条数计;同卡的 vLLM 另占该卡的 {v['engine']:g}(TRL 默认),不含在上述数字中。"
    if v["tiles"]:
        return f"{said}logits 分块计算,只算回答部分(--completion),与 TRL 相同。"
    return f"{said}对数概率按交叉熵所保留的计。"


TRAINING = {
    "Device-hours": "机时",
    "Days": "天数",
    "Energy kWh": "能耗 kWh",
    "Cost $, from": "费用 $,最低",
    "to": "至",
    "median error": "误差中位数",
    "in range": "在区间内",
    "In range": "在区间内",
    "Published runs": "已公布的训练",
    "Hours, ours": "机时,估计",
    "Theirs": "公布值",
    "FLOP ratio": "FLOP 比值",
    "Value": "数值",
    "Range": "区间",
    "Run": "训练",
    "Least compute with": "含推理时总算力最少,推理",
    "tokens served": "词元",
    "The next 0.01 of loss costs as much as all before at": "再降 0.01 损失与此前全部花费相当的算力",
    "How long models were trained": "各模型的训练量",
    "x optimum": "最优的倍数",
    "rented": "租用",
    "own": "自有",
    "an API": "API 服务",
    "would fit": "可容纳",
    "a million tokens, at rated power": "每百万词元(额定功率)",
    "Your own is cheaper than": "自有更便宜,相对",
    "tokens a day": "词元/天",
    "FLOPs of a step": "一步的 FLOPs",
    "of 6ND": "占 6ND",
    "tokens": "词元",
    "Forward": "前向",
    "Backward": "反向",
    "of it: recomputed": "其中重算",
    "Reference, forward": "参考模型前向",
    "6 x parameters x tokens": "6 x 参数 x 词元",
    "6 x active parameters x tokens": "6 x 激活参数 x 词元",
    "Activations, gradients": "激活与梯度",
    "Context, allocator": "上下文与分配器",
    "Free": "空闲",
    "In the host's memory": "在主机内存中",
    "Layout": "切分",
    "Step s": "每步 秒",
    "Tokens/s": "词元/秒",
    "Of the card": "占显卡",
    "Options": "选项",
    "Saves GiB": "节省 GiB",
    "Host GiB": "主机 GiB",
    "What makes it smaller": "如何减小",
    "Which ways fit": "哪些方式放得下",
}


def _ranged(v: dict[str, Any]) -> str:
    return "~{used} GiB({low}-{high})".format(**v)


def _with(v: dict[str, Any]) -> str:
    return "加上 {flags} 需 ~{after} GiB,放得下。".format(**v) if v["changed"] else ""


def _layout(v: dict[str, Any]) -> str:
    if v["sure"]:
        said = "可以:{model} 用 {method} 训练 {sequence:,} 词元放得进 {devices}:{layout},~{used} / {usable} GiB"
    else:
        said = "也许:{model} 用 {method} 训练 {sequence:,} 词元,{devices}:{layout} 需 ~{used} GiB({low}-{high}),"
        said += "每卡有 {usable}"
    return f"{said},每步 ~{{seconds}} 秒。".format(**v)


def _no_layout(v: dict[str, Any]) -> str:
    return "不行:{model} 用 {method} 训练 {sequence:,} 词元,{devices} 没有放得下的切分".format(**v) + (
        f";加上 {v['instead']} 则可以。" if v["instead"] else ",8 位状态、LoRA、QLoRA 也不行。"
    )


_NOTHING = {True: "这里试过的办法都放不下。", False: "更省的方式(如 LoRA)无法判断:反向所保留的内容尚未建模。"}
_FITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "yes": lambda v: (
        "可以:{model} 用 {method} 训练 {sequence:,} 词元放得进 {device}:".format(**v)
        + f"{_ranged(v)} / {v['usable']} GiB。"
    ),
    "maybe": lambda v: (
        "也许:{model} 用 {method} 训练 {sequence:,} 词元需要 ".format(**v)
        + f"{_ranged(v)},{v['device']} 有 {v['usable']}。{_with(v)}"
    ),
    "no": lambda v: (
        "不行:{model} 用 {method} 训练 {sequence:,} 词元需要 ".format(**v)
        + f"{_ranged(v)},{v['device']} 只有 {v['usable']}。"
        + (_with(v) or _NOTHING[v["modelled"]])
    ),
    "unknown": lambda v: (
        "未知:{model} 为反向保留的内容尚未建模。{method} 的权重、梯度与状态已占 ~{used} GiB,{device} 有 {usable}。"
    ).format(**v),
}
SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "train_takes": lambda v: (
        f"{v['model']},{v['method']}{_adapted(v['names'])}:"
        + ("最多占用" if v["whole"] else "两步之间占用(不含激活)")
        + f" {v['gib']} GiB,{v['batch']} x {v['sequence']:,} 词元;训练其 {v['total']}参数中的 {v['trained']}。"
    ),
    "train_fit": lambda v: _FITS[v["fits"]](v),
    "train_methods": lambda v: (
        "{model},{sequence:,} 词元,{device}:".format(**v)
        + (f"确定放得下:{';'.join(v['fitting'])}。" if v["fitting"] else "没有常用方式确定放得下。")
    ),
    "train_layout": lambda v: _layout(v) if v["found"] else _no_layout(v),
    "layout_ruled_out": "被排除:{layout} 每步只需 ~{seconds} 秒,但最多缺 ~{lacks} GiB。",
    "layout_reach": "第一种切分确定放得下的上限(各自单独):--micro-batch {batch:,},或 --seq {sequence:,}。",
    "layouts_looked": "共考察 {looked:,} 种切分,{fitting:,} 种放得下。时间为建模值,用于排序:"
    "{rows} 个已公布值中一半在 {median:.0%} 以内;每节点 {node} 卡,"
    "节点间每卡 {network:g} GB/s(--network)。",
    "shape_assumed": lambda v: (
        "{name} 只有规模而无结构:".format(**v)
        + "数字取自 {model},两端取自 {models} 个规模相近的模型并按规模换算。".format(**v)
    ),
    "unpacked": lambda v: (
        f"未压缩:嵌入、输出头与归一化共 {v['parameters']:,} 个参数,"
        + (
            f"为 fp32,{v['size'] / 1e9:.2f} GB;--kbit-prepare none 保留 bf16,节省 {v['more'] / 1e9:.2f} GB。"
            if v["wide"]
            else f"为 bf16,{v['size'] / 1e9:.2f} GB;peft 的预处理会多占 {v['more'] / 1e9:.2f} GB。"
        )
    ),
    "experts_summed": lambda v: (
        f"专家的适配器会加到整组矩阵上,autograd 保留其和:每层 {v['size'] / 1e9:.2f} GB;"
        "只适配注意力或 --checkpointing full 则不保留。"
    ),
    "objective": _objective,
    "activations_not_modelled": _unmodelled,
    "needs_train": lambda v: (
        "{model} 用 {method} 训练 {sequence:,} 词元".format(**v)
        + (",含重算" if v["checkpointing"] else "")
        + (
            ":{device} 起即可;单卡需 ~{used} GiB({low}-{high})。".format(**v)
            if v["device"]
            else ",单卡需 ~{used} GiB({low}-{high}):没有足够大的,这么多张也不够(--max-count)。".format(**v)
        )
    ),
    "needs_train_more": "仅支持 bf16 的 NVIDIA;价格为上市价。"
    "详见 llmscale train {model} --method {method} --gpu DEVICE。",
    "logits": lambda v: (
        f"{v['tokens']:,} 个词元的 logits 每份 fp32 {v['size'] / 1e9:.2f} GB,峰值时有两三份,每卡都有:"
        "ZeRO 不切分它们;--loss cut 不产生 logits。"
    ),
    "offloaded_activations": lambda v: (
        f"在主机内存中:重算各层的输入,{v['size'] / 1e9:.2f} GB(transformers 的 offload)。"
    ),
    "offloaded_optimizer": lambda v: (
        f"在主机内存中 {v['size'] / 1e9:.2f} GB:"
        + (
            "fp32 权重、梯度与动量,以及一份 16 位副本(ZeRO-Offload);设备上的梯度只有一个 5 亿元素的桶"
            "(DeepSpeed 默认值)与两份最大的张量,~。"
            if v["partitioned"]
            else "优化器状态,以及所训练参数及其梯度的副本,设备上也各有一份(torchao 的 CPUOffloadOptimizer;"
            "不足 4,096 个元素的张量留在设备上)。"
        )
    ),
    "sdpa_composed": lambda v: (
        "此处 sdpa 按 torch 的组合实现计算(fp32,保留分数),因为 flash 内核不支持这样的头;CUDA 的 memory-efficient "
        "内核不保留分数" + (":--attn flash。" if v["kernel"] else "。")
    ),
    "mostly_activations": "激活占其中 {share:.0%},适配器省不了;--checkpointing full 可以。",
    "mfu_twice": lambda v: (
        "两处 MFU 同一定义:每个激活参数每词元 6 FLOP,除以稠密 16 位算力。"
        f"~{v['step_mfu']:.2f} 只是第一种切分的一步(建模值);{v['run_mfu']:.3f} 是整次训练的,"
        + ("由 --mfu 给定" if v["given"] else "取自相近的已公布训练,含停顿与数据")
        + "。机时与费用按后者计。"
    ),
    "frozen_run_again": lambda v: (
        f"此处重算比不重算多占 {v['more'] / 1e9:.2f} GB:transformers 会要求从嵌入起都有梯度,"
        f"于是 {v['layers']:,} 个冻结层各自保留输入并重跑一遍;不重算时它们什么都不保留。"
    ),
    "train_reach": "确定放得下的上限(各自单独):--micro-batch {batch:,},或 --seq {sequence:,}。",
    "train_on_top": "上下文与分配器:按 {rows} 个已公布的峰值拟合;不用其来源时一半在 {median:.0%} 以内,"
    "区间包含其中 {held} 个。",
}
