"""Chinese: labels and the sentences of notes, in the terms of the field. What a note quotes stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from llmscale.render.words import zh_facts, zh_load, zh_local, zh_log, zh_releases, zh_servers, zh_training
from llmscale.store.phrases import phrases
from llmscale.units import format_gib


def _many(requests: float) -> str:
    return f"{requests:,.0f}" if requests >= 10 else f"{requests:.1f}" if requests >= 1 else f"{requests:.2f}"


def _test(name: str) -> str:
    """A benchmark, with the date of its questions."""
    what, _, when = name.partition(", questions of ")
    return f"{what}({when} 的题目)" if when else f"{what} "


def quoted(text: str) -> str:
    """What came with the answer: said in Chinese where that is known, else marked as the words of its source."""
    told = phrases("zh")(text)
    return told if re.search("[\u4e00-\u9fff]", told) else f"原文:{told}"


LABELS = {
    "Card": "显卡",
    "Try:": "试试:",
    "What can I run on a card?": "一张显卡能运行什么?",
    "Does a model fit, how fast?": "模型放得下吗,多快?",
    "Which card does a model need?": "模型需要什么显卡?",
    "All that runs here:": "本机可运行的全部:",
    "Which formats fit:": "哪些量化放得下:",
    "With the rest in RAM:": "其余放在内存:",
    "How to run the first:": "如何运行第一个:",
    "What that quant is:": "该量化是什么:",
    "Word": "词",
    "Method": "方法",
    "Optimizer": "优化器",
    "Objective": "训练目标",
    "Checkpointing": "重计算",
    "Embedding": "嵌入",
    "Experts": "专家",
    "File GiB": "文件 GiB",
    "Compute GiB": "计算缓冲 GiB",
    "Gradients GiB": "梯度 GiB",
    "States GiB": "状态 GiB",
    "Activations GiB": "激活 GiB",
    "Sparsity": "稀疏",
    "Reserve": "预留",
    "Runtime": "运行时",
    "Micro-batch": "微批量",
    "Link": "互连",
    "Link GB/s": "互连 GB/s",
    "Slot GB/s": "插槽 GB/s",
    "Bridge GB/s": "桥接 GB/s",
    "Memory GB/s": "带宽 GB/s",
    "Forward FLOP": "前向 FLOP",
    "Backward FLOP": "反向 FLOP",
    "full": "全部",
    **zh_facts.LABELS,
    **zh_log.LABELS,
    **zh_load.LABELS,
    **zh_local.LABELS,
    **zh_training.TRAINING,
    "Trainable": "可训练参数",
    "Law": "定律",
    "Refit of 2024": "2024 年重拟合",
    "Over-training, C4": "过训练,C4",
    "Over-training, RedPajama": "过训练,RedPajama",
    "Over-training, RefinedWeb": "过训练,RefinedWeb",
    "Kaplan (superseded)": "Kaplan(已被取代)",
    "Tokens": "词元",
    "Tokens/param": "词元/参数",
    "Loss": "损失",
    "Change": "变化",
    "Of the reducible %": "占可降部分 %",
    "Best share of the same compute": "同等算力的最佳分配",
    "What doubling brings": "翻倍的效果",
    "2x parameters": "参数翻倍",
    "2x tokens": "词元翻倍",
    "2x both": "两者翻倍",
    "Part": "部分",
    "Weights": "权重",
    "Gradients": "梯度",
    "Optimizer states": "优化器状态",
    "Together": "合计",
    "Activations": "激活",
    "Peak of": "峰值阶段",
    "Forward": "前向",
    "Backward": "反向",
    "Optimizer step": "优化器更新",
    "Most in any step": "各步最大值",
    "Most in any step, undivided": "各步最大值(未切分)",
    "Most in any step GiB": "各步最大值 GiB",
    "Parameters added, by module": "新增参数(按模块)",
    "Module": "模块",
    "Bytes of a trained parameter, by recipe": "每个训练参数的字节数(按方案)",
    "Precision": "精度",
    "Weight": "权重",
    "Gradient": "梯度",
    "Master": "主副本",
    "States": "状态",
    "Bytes/param": "字节/参数",
    "What it is": "说明",
    "Model": "模型",
    "Quant": "量化",
    "Weights GiB": "权重 GiB",
    "KV cache GiB": "键值缓存 GiB",
    "State GiB": "状态 GiB",
    "Overhead GiB": "开销 GiB",
    "Draft GiB": "草稿 GiB",
    "Total GiB": "合计 GiB",
    "Fits from GiB": "最小显存 GiB",
    "Device": "设备",
    "No GPU was found on this machine.": "本机未找到 GPU。",
    "Fits": "能否运行",
    "Free GiB": "剩余 GiB",
    "Missing GiB": "缺少 GiB",
    "Max context": "最长",
    "KV cache tokens": "键值缓存词元",
    "Requests": "并发请求",
    "Component": "组成部分",
    "Parameters": "参数量",
    "Params": "参数量",
    "Loss %": "损失%",
    "t/s": "词元/秒",
    "95 in 100": "95% 区间",
    "First token": "首词元",
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
    "On card GiB": "显存 GiB",
    "Left GiB": "剩余 GiB",
    "RAM GiB": "内存 GiB",
    "KV GiB": "键值缓存 GiB",
    "Other GiB": "其他 GiB",
    "Or": "同类",
    "consumer": "消费级",
    "datacentre": "数据中心",
    "workstation": "工作站",
    "laptop": "笔记本",
    "unified": "统一内存",
    "Used GiB": "已用 GiB",
    "KV tokens": "缓存词元",
    "mmproj GiB": "视觉投影 GiB",
    "Bits": "位数",
    "none": "无",
    "small": "小",
    "visible": "可见",
    "heavy": "大",
    "yes": "是",
    "no": "否",
    "maybe": "可能",
    "Fit": "放得下",
    "Just miss": "差一点",
    "open": "开放",
    "closed": "封闭",
    "Memory of": "显存占用:",
    "Context, tokens": "上下文,词元",
    "Context of each, tokens": "每个序列的上下文,词元",
    "GiB on the device": "设备上的 GiB",
    "GiB by context, in host memory too": "各上下文所需 GiB(含主机内存)",
    "KV cache": "键值缓存",
    "State": "状态",
    "Compute": "计算缓冲",
    "Overhead": "开销",
    "Vision tower": "视觉塔",
    "Draft": "草稿模型",
    "Sequences": "序列数",
    "Hyper-parameters": "超参数来源",
    "Size and speed": "规模与速度",
    "Tokens per second": "词元/秒",
    "another is larger and faster": "有更大且更快者",
    "none is larger and faster": "没有更大且更快者",
    "Each in the quant that loses least; size is no score.": "各取放得下的量化中损失最小者;规模并非评分。",
    "Users at once": "同时用户数",
    "Does not fit": "放不下",
    "open weights": "开放权重",
    "closed, published size": "封闭,规模已公布",
    "not disclosed, range of rumours": "未公布,传闻范围",
    "The scale of large models": "大模型的规模",
    "Neither disclosed nor rumoured": "既未公布也无传闻",
    "Sources: llmscale models show MODEL": "来源:llmscale models show MODEL",
    "~ is not exact: modelled or assumed.": "~ 表示不精确:为建模或假设值。",
}
#: How a figure is known.
_BASES = {"exact": "精确", "modelled": "建模", "assumed": "假设", "reported": "据公布", "rumoured": "传闻"}

SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "said": lambda v: quoted(v["text"]),
    "said_of": lambda v: f"{v['model']}:{quoted(v['text'])}",
    "file_not_here": "本机没有此文件:以目录中同名的模型代替。",
    "ram_of_system": "系统和其他程序占用的内存未计入:可用 --reserve 4GiB。",
    "no_processor": "{runtime} 在纯 CPU 上未建模。",
    **zh_log.SENTENCES,
    **zh_load.SENTENCES,
    **zh_local.SENTENCES,
    **zh_releases.SENTENCES,
    **zh_servers.SENTENCES,
    **zh_training.SENTENCES,
    "layouts_not_modelled": lambda v: f"无切分:{quoted(v['why'])}",
    "taken": "'{typed}' 视为 {model}。",
    "taken_in": "'{typed}' 视为 {model},量化为 {quant}。",
    "taken_in_library": "'{typed}' 视为 {model};Ollama 库中此名称的量化为 {quant}。",
    "taken_in_usual": "'{typed}' 视为 {model};未指明量化时 Ollama 与 llama.cpp 载入 {quant}。",
    "library_default": "Ollama 库中 '{typed}' 有多种规模:此为未指明时载入的一种。",
    "own_mix": "{mix} 是其发布者自己的混合格式,只有文件本身才说得清:不从名称取量化。",
    "hub_seen": "{why};此处为上次读取的 {repo}({commit})。",
    "hub_downloaded": "{why};此处为 huggingface_hub 已下载的 {repo}。",
    "hub_catalogue": "{why};此处为目录中的 {model}。",
    "hub_file": "取 {file}(与 llama.cpp 的默认相同);另有:{others}。",
    "hub_config_only": "{repo} 没有 safetensors 或 GGUF 文件:按其 config.json 计算,未读取张量。",
    "held_by_others": "其他进程占用 {device} 的 {gib:.1f} GiB,此部分不可用。",
    "install_to_see": "安装 pip install '{extra}' 后可看到本机的 NVIDIA 显卡。",
    "sold_as": "{size} 视为以此容量出售的显卡,即 {gib} GiB。",
    "smallest_memory": lambda v: (
        f"{v['device']} 有 {v['size']} 至 {v['others'][-1]} GB 多种容量,此处取 {v['size']} GB"
        f"(更大者写 {v['device']}:{v['others'][0]}GB)。"
    ),
    "smallest_taken": lambda v: f"'{v['name']}' 有多种容量:取 {v['device']},而非 {'、'.join(v['others'])}。",
    "also_smaller": lambda v: (
        f"除 {v['device']} 外另有 {'、'.join(v['others'])}。"
        if v["name"].lower() == v["device"]
        else f"'{v['name']}' 视为 {v['device']};另有 {'、'.join(v['others'])}。"
    ),
    "also_target": lambda v: f"{v['target']} 视为 {v['device']};{'、'.join(v['others'])} 亦然。",
    "general_rule": "{runtime} 如何布置 {model} 尚未建模,以通用规则代替。",
    "experts_fused": "该类把所有专家放在一个张量中:gate 与 up 合一,peft 对其使用两倍的秩({rank})。",
    "targets_missed": lambda v: f"{v['model']} 没有 {'、'.join(v['names'])};peft 只适配其余模块。",
    "class_not_compared": "未核对 {model_type} 类的模块:适配器按检查点中的模块计数。",
    "laws_not_comparable": "不同定律的损失不可相互比较(分词器与数据不同)。~:超出该定律拟合时的规模与词元数。",
    "no_law_of_tuning": "重复数据按 Muennighoff 2023 的预训练定律折算;没有定律能预测微调。",
    "saved_unties": "输出头与嵌入共享权重;保存的模块是副本,因此计入两次。",
    "unpacked_to_train": "{model} 以量化形式({method})发布:此处训练的是其 16 位副本。",
    "adapters_in_fp32": "16 位模型的适配器由 peft 以 fp32 建立。",
    "flops_not_counted": "未逐个矩阵乘法统计 {what} 的 FLOPs:只给出 6ND。",
    "own_run_left_out": "机时:我们的估计不使用该模型自己的数据。FLOP:按发布者自己的算法。",
    "serve_cost_busy": "所有序列始终运行,占 {share:.0%} 的时间;提示词逐个读取。",
    "flops_of_text": "仅文本部分的 FLOPs:不含视觉与音频部分。",
    "rank_above_width": "秩 {rank} 超过所适配最窄矩阵的 {width};peft 允许,但不会学到更多。",
    "step_not_modelled": "{optimizer} 一步所需的临时内存尚未建模,因此不给出峰值。",
    "not_traced": "{runtime} 如何运行 {model} 尚未逐步跟踪,其激活以通用规则代替,实际可能达到其 {most} 倍。",
    "context_beyond_limit": "上下文 {context:,} 超出该模型自身的上限 {limit:,} 个词元。",
    "context_beyond_limits": lambda v: f"上下文 {v['context']:,} 超出以下模型自身的上限:{'、'.join(v['models'])}。",
    "context_changes_nothing": "{model} 总是处理 {tokens:,} 个词元,--context 不起作用。",
    "smallest_device_counts": "{runtime} 在每个设备上放置同样多的内容:{devices} 中以最小者为准。",
    "not_available_in": lambda v: f"{v['model']} 没有以下量化:{'、'.join(v['quants'])}。",
    "map_names_nothing": "--quant-map:规则 '{rule}' 不对应 {model} 的任何矩阵,因此不起作用。",
    "no_price": "另有 {count} 种也足够,但目录中没有它们的价格(--max-price)。",
    "device_not_modelled": lambda v: (
        f"{v['runtime']} 在 {v['device']} 上未建模,只对以下厂商的 GPU 建模:{'、'.join(v['vendors'])}。"
    ),
    "does_not_run_on": "{what} 不能在 {device} 上运行,它需要 {needs}。",
    "too_many_sequences": "vLLM 无法启动:默认最多同时运行 {sequences:,} 个序列,而循环状态块只有 {blocks:,} 个。"
    "请加上 --max-num-seqs {blocks} 或更小的值。",
    "perhaps_too_many_sequences": "vLLM 可能无法启动:默认最多同时运行 {sequences:,} 个序列,而约 {blocks:,} 个循环状态块"
    "在有的日志中只有 {surely:,} 个。加上 --max-num-seqs {surely} 或更小的值即可启动。",
    "loaded_in_16_bits": lambda v: (
        f"SGLang 的 --torchao-config 先以 16 位载入再量化:每张卡需 {format_gib(v['before'])} GiB,"
        f"而空闲只有 {format_gib(v['free'])} GiB。"
    ),
    "fits_split": "加上 -ts {split} 即可全部放下:运行时自己的分配使其中一个设备超出。",
    "ram_short": lambda v: f"内存需容纳 ~{format_gib(v['ram'])} GiB,而给出的是 {format_gib(v['named'])} GiB。",
    "fewer_requests": lambda v: (
        "缓存放不下一个该上下文长度的完整请求。"
        if v["asked"] == 1 or v["requests"] < 1
        else f"该上下文下只能同时运行 {v['requests']:,.1f} 个请求,而要求的是 {v['asked']:,} 个。"
    ),
    "cache_beyond_memory": lambda v: (
        f"--kv-cache-memory-bytes 有 {format_gib(v['missing'])} GiB 放不进权重之外的显存。"
    ),
    "share_of_unified": "此内存与系统共用:启动时须有 {share:.0%} 空闲,否则 vLLM 立即退出;有把握的只有 {surely:.0%}"
    "(--gpu-memory-utilization)。",
    "graphs_outside_share": lambda v: (
        f"{format_gib(v['graphs'])} GiB 的 CUDA 图须放在 vLLM 份额之外,而那里只剩 {format_gib(v['rest'])} GiB"
        "(--enforce-eager 则不占用)。"
    ),
    "stands_for_yours": "命令中的 .gguf 文件或 ./ 后的文件夹代表您自己的那一个。",
    "runs_under": "{quant} 由 {runtime} 运行。",
    "run_by_others": lambda v: f"{';'.join(f'{quant} 由 {runtime} 运行' for quant, runtime in v['others'])}。",
    "no_command": "--command：{runtime} 在此没有可直接键入的命令；库由 Python 代码调用。",
    "size_has_no_command": "--command：{size} 只是规模，要给出命令需指明具体模型。",
    "estimate_of": lambda v: (
        f"{v['model']}:{v['size']}参数"
        + (f",激活 {v['active']}" if v["active"] else "")
        + f",上下文 {v['context']:,}"
        + (f",并发 {v['batch']}" if v["batch"] > 1 else "")
        + f",KV {v['kv']},{v['runtimes']}"
    ),
    "fits_from": "最小显存:放得下的最小常见显卡({sizes} GiB;标称 24 GB 的卡有 24 GiB),已扣除驱动、显示(--reserve)"
    "和运行时保留的部分。",
    "speeds": lambda v: (
        "词元/秒:"
        + (f"全部 {v['batch']:,} 个序列合计," if v["batch"] > 1 else "")
        + f"缓存中有 {v['context']:,} 个词元时(误差见 docs/accuracy.md)。"
    ),
    "speed_range": "95% 区间:词元/秒的真值有 95% 落在其中。",
    "first_token": "首词元:读完 {context:,} 个词元的提示之后。",
    "experts_in_ram": "{device} 上的 {quant}:前 {layers} 层的专家留在内存中(--n-cpu-moe {layers})。",
    "estimate_fits": lambda v: (
        "可以:{model} 的 {quant} 放得进 {device}".format(**v)
        + (f"(~{v['ram']} GiB 在内存中)" if v["ram"] else "")
        + ":~{used} / {usable} GiB".format(**v)
        + (f",最长 {v['context']:,} 词元" if v["context"] else "")
        + (f",{v['speed']} 词元/秒。" if v["speed"] else "。")
    ),
    "estimate_fits_split": lambda v: (
        "加上 -ts {split} 可以:{model} 的 {quant} 放得进 {device}".format(**v)
        + (f",{v['speed']} 词元/秒;" if v["speed"] else ";")
        + "按默认分配则放不下。"
    ),
    "estimate_some_run": "部分可以:{device} 上用 {quant},{asked} 个 {context:,} 词元的序列"
    "同时只能运行 ~{requests:,.1f} 个,其余排队。",
    "users": lambda v: (
        f"{v['quant']} 在 {v['device']} 上同时可服务:"
        + "、".join(f"{context // 1024}k 词元 ~{_many(requests)} 个" for context, requests in v["users"])
        + "。"
    ),
    "waiting": lambda v: (
        f"{v['asked']} 个中同时只能运行 ~{v['requests']:,.1f} 个,其余排队,缓存不足时部分会被抢占。可行的办法:"
        if v["requests"] >= 1
        else f"{v['asked']} 个都无法运行:缓存只放得下 ~{v['requests']:,.1f} 个。可行的办法:"
    ),
    "remedy_kv": "  --kv-dtype fp8:同时 ~{requests:,.1f} / {asked} 个",
    "remedy_context": "  缩短序列:每个不超过 ~{context:,} 词元时 {asked} 个可同时运行",
    "remedy_quant": "  {quant}:同时 ~{requests:,.1f} / {asked} 个",
    "remedy_devices": "  {count}x {device}:同时 ~{requests:,.1f} / {asked} 个",
    "estimate_limited": lambda v: (
        "不一定:{model} 的 {quant} 在 {device} 上显存够用,但不只受显存限制,见 *。"
        if v["may"]
        else "不行:{model} 的 {quant} 在 {device} 上显存够用,但这样无法运行,见 *。"
    ).format(**v),
    "estimate_lacks_ram": "不行:{model} 的 {quant} 除 {device} 外还需 ~{ram} GiB 内存,超过 --ram 给出的大小。",
    "estimate_may_fit": lambda v: (
        "不一定:{model} 的 {quant} 需 {0} 至 {1} GiB,视结构而定;{device} 有 {usable} GiB。".format(*v["ends"], **v)
    ),
    "estimate_lacks_one": "不行:{model} 的 {quant} 共需 ~{used} GiB,{device} 共有 {usable} GiB,但其中一张"
    "只有 {own} GiB,需要放下 ~{full} GiB。",
    "estimate_lacks": "不行:{model} 的 {quant} 需要 ~{used} GiB,{device} 只有 {usable} GiB,超出 ~{missing} GiB。",
    "fits_first": lambda v: (
        "{device}:{model} 的 {quant}".format(**v)
        + (f",上下文最长 {v['context']:,} 词元" if v["context"] else "")
        + (f",{v['speed']} 词元/秒。" if v["speed"] else "。")
    ),
    "fits_none_of": "{device}(可用 {usable} / {memory} GiB):放不下,{model} 即使用 {quant} 也缺 ~{missing} GiB。",
    "fits_none_just": "{device}(可用 {usable} / {memory} GiB):没有放得下的;{model} 的 {quant} 只缺 ~{missing} GiB。",
    "fits_nothing": "{device}(可用 {usable} / {memory} GiB):没有符合条件且放得下的。",
    "fits_columns": "可用 {usable} / {memory} GiB;取 {context:,} 词元下放得下的最好量化;上下文为最长可用。",
    "params_stated": lambda v: (
        f"官方数字: {v['total']}" + (f",激活 {v['active']}" if v["active"] else "") + f"({v['source']})"
    ),
    "params_of": lambda v: (
        f"{v['model']}:{v['total']}参数"
        + (f",每个词元激活 {v['active']}" if v["active"] else "")
        + f"({'结构为' if v['shape'] else ''}{_BASES[v['basis']]})。"
    ),
    "as_published": lambda v: f"{v['model']} 按 {v['quant'].upper()} 发布:更宽的格式并无所得。",
    "needs_from": lambda v: (
        "{model},上下文 {context:,}:{device} 起即可,量化为 {quant}".format(**v)
        + (f",其中 ~{v['ram']} GiB 放在内存" if v["ram"] else "")
        + (f";全部放在显存中需 {v['whole']} 起。" if v["whole"] else "。")
    ),
    "needs_published": "{model},上下文 {context:,}:按发布的格式 {quant},{device} 起即可;用 {less} 则 {smaller} 起。",
    "needs_crawls": lambda v: (
        f"层放在内存时低于 {v['least']:g} 词元/秒:此类设备未列出(--all)。"
        if v["known"]
        else "未给出 --ram-bandwidth 时不知道层放在内存时有多快:此类设备未列出(--all)。"
    ),
    "in_ram": lambda v: "内存:层或专家在其中的占用" + (";--ram-bandwidth 给出速度。" if v["unknown"] else "。"),
    "needs_none": "{model},上下文 {context:,}:即使用 {quant} 也需要 ~{total} GiB,没有单卡或双卡放得下。",
    "needs_more": "可换更小的 --quant、更大的 --max-count,或放宽所设的 --max-price 与 --kind。",
    "needs_speed": lambda v: (
        "词元/秒:建模值"
        + (",无人实测的设备记为 -" if v["unknown"] else "")
        + (f";为全部 {v['batch']:,} 个序列合计。" if v["batch"] > 1 else "。")
    ),
    "needs_other_kind": "其他类别中 {device} 也够用({kind},{memory} GiB)。",
    "needs_hidden": "另有 {hidden} 种设备也可以(--all;--kind datacentre、laptop、unified)。",
    "launch_prices": "价格:上市价。",
    "compared": lambda v: (
        (
            f"{v['model']} 与 {v['first']} 的参数量大致相同"
            if v["times"] == "1"
            else f"{v['model']} 的参数量是 {v['first']} 的 {v['share']}"
            if v["less"]
            else f"{v['model']} 的参数量是 {v['first']} 的 {v['times']} 倍"
        )
        + (
            f";每个参数训练 {v['tokens']} 词元,{v['first']} 为 {v['first_tokens']}。"
            if v["tokens"] and v["first_tokens"]
            else "。"
        )
    ),
    "usable_of": "可用 {usable} / {memory} GiB。",
    "ram_taken": "内存带宽按双通道的 {low}–{high} GB/s 计;用 --ram-bandwidth 给出实际值。",
    "usable_under": lambda v: (
        f"{v['memory']} GiB 中可用:"
        + ";".join(f"{runtime} 下 {usable}({'、'.join(quants)})" for runtime, usable, quants in v["under"])
        + "。"
    ),
    "no_speed": lambda v: (
        "速度:取决于内存带宽,例如 --ram-bandwidth 50GB/s。"
        if v["in_ram"]
        else "速度:无人实测此类设备。"
        if v["named"]
        else "速度:仅有容量时无法给出;请写明显卡型号。"
    ),
    "slow_in_ram": "层在内存中且低于 {least:g} 词元/秒的不列出。",
    "loss_words": lambda v: (
        "损失(困惑度上升):无 < 0.5% < 小 < 3% < 可见 < 10% < 大" + ("。" if v["own"] else ";~ 测于 Llama 3 8B。")
    ),
    "below_floor": "{quant} 损失过大,不建议使用:较小的模型配较好的量化通常更好。",
    "fits_not_available": lambda v: (
        f"{v['count']} 个在这里没有可用的版本:{'、'.join(v['some'])}"
        + (" 等(-o json 列出全部)。" if v["count"] > len(v["some"]) else "。")
    ),
    "ranked_by": lambda v: f"按 {_test(v['test'])}的分数减去量化损失排序,其次按使用与规模。",
    "fits_hidden": lambda v: (
        ";".join(
            text
            for text, count in (
                (f"另有 {v['hidden']} 个未显示({'--all' if v['passed'] else '--limit'})", v["hidden"]),
                (f"{v['passed']} 个较旧、封闭或用于其他用途", v["passed"]),
            )
            if count
        )
        + "。"
    ),
    "fits_overview": "{context:,} 词元上下文下放得下的损失最小的量化;标称 24 GB 的卡有 24 GiB,其中驱动与显示保留 {kept}"
    "(--reserve)。只列各容量的前几个:--all 显示全部。",
    "hidden_columns": lambda v: f"宽度不足,未显示:{'、'.join(v['columns'])}。",
    "about_vllm": "vllm:可用是 CUDA 所报告显存按 --gpu-memory-utilization 的份额。0.19 及以前 CUDA 图占用其余部分,"
    "自 0.20 起从缓存中扣除。",
    "about_sglang": "sglang:权重与 键值缓存共用启动时空闲显存的 --mem-fraction-static(未指定则由 SGLang 自选)。"
    "其余留给激活与 CUDA 图,其规则无人实测,既不算可用也不计入合计。",
    "about_ollama": "ollama:运行的是 llama-server;0.30 以前另有自己的引擎。未指定的上下文由 Ollama 按设备自定。"
    "每个设备保留 1 GiB,放不下的层进入内存。",
    "about_mlx": "mlx:Metal 上的 mlx-lm。开销是读取与上下文等长的提示时在用的部分;--prefill-step-size 越小占用越少。",
    "about_exllama": "exllama:词元嵌入计入权重,但留在内存中。",
    "start_with": lambda v: (
        f"本机:{'、'.join(v['devices'])},可用 {v['usable']} GiB" + (f",内存 {v['ram']} GiB。" if v["ram"] else "。")
    ),
    "start_without": lambda v: "本机未找到 GPU" + (f"(内存 {v['ram']} GiB)" if v["ram"] else "") + "。可以问三个问题:",
    "fits_sizes": lambda v: (
        "各容量显卡的首选:" + ";".join(f"{size}:{model}({quant})" for size, model, quant in v["best"]) + "。"
        if v["best"]
        else "没有符合条件且放得下的。"
    ),
    "scaling_says": lambda v: (
        (f"{v['name']}," if v["name"] else "")
        + f"{v['parameters']}参数:算力的最佳分配是训练 {v['tokens']}词元"
        + (f",按{v['law']}损失为 {v['loss']}。" if v["loss"] else "。")
        if (v["parameters"], v["tokens"]) == (v["best_parameters"], v["best_tokens"])
        else (f"{v['name']}," if v["name"] else "")
        + f"{v['parameters']}参数训练 {v['tokens']}词元"
        + (f":按 {v['law']} 损失为 {v['loss']}" if v["loss"] else "")
        + f";同样算力的最佳分配是 {v['best_parameters']}参数、{v['best_tokens']}词元"
        + (f",损失 {v['best_loss']}。" if v["best_loss"] else "。")
    ),
    "serve_costs": lambda v: (
        f"{v['model']} 在 {v['device']} 上每百万词元:"
        + ";".join(f"{way} {cost} 美元" for way, cost in v["ways"])
        + "。"
    ),
    "model_of_size": "{model}:{size}参数",
    "quants_in_use": lambda v: (
        f"常用格式:{v['model']} 用 {v['quant']} 占 {v['weights']} GiB,用 {v['widest']} 占 {v['whole']} GiB"
        + (f";损失{v['loss']}。" if v["loss"] != "-" else "。")
        if v["quant"]
        else f"{v['model']} 没有任何常用格式。"
    ),
    "quants_hidden": "另有 {hidden} 种未显示(--all);--model 给出其他模型的大小。",
    "words_explained": "共 {count} 个词;llmscale explain 词 给出含义和数字。",
    "also_called": lambda v: f"又称:{'、'.join(v['names'])}。",
    "word_sources": lambda v: f"来源:{';'.join(v['sources'])}",
    "see_words": lambda v: f"参见:llmscale explain {' | '.join(v['words'])}",
}
