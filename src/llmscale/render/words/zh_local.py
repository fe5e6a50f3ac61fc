"""Chinese of ``models local``, and of files that are known by their size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LABELS = {
    "Kept by": "来源程序",
    "Format": "格式",
    "Size GB": "大小 GB",
    "Takes GiB": "占用 GiB",
    "Cannot be read": "无法读取",
    "Path": "路径",
    "Why not": "原因",
}
SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "pipeline_parts": lambda v: (
        f"{v['kind']}:权重共 {v['size']:,} 字节,其中 "
        + "、".join(f"{one['part']} {one['bytes']:,}" for one in v["parts"])
        + "。"
    ),
    "published_file": "{file} 为 {size} GB,每权重 {bits:g} 位;各张量的格式未说明({source})。",
    "recipes_not_published": lambda v: (
        f"{'、'.join(v['quants'])} 适用于其他种类的模型:此处为按这些方案计算的 {v['model']}。"
    ),
    "recipe_not_published": lambda v: (
        f"{v['quant']} 适用于 {v['meant']}:此处为按该方案计算的 {v['model']}"
        + (f";已发布的是 {'、'.join(v['files'])}。" if v["files"] else ";此处未知有已发布的文件。")
    ),
    "file_size": lambda v: (
        f"{v['size']} GB 的文件为每权重 {v['bits']:g} 位,"
        + (f"约为 {v['recipes'][0]}" if len(v["recipes"]) == 1 else f"介于 {v['recipes'][0]} 与 {v['recipes'][1]} 之间")
        + "。各张量的格式及其损失无法由大小得知。"
    ),
    "local_models": "本机磁盘上有 {count} 个模型,共 {size} GB。",
    "local_models_fit": "本机磁盘上有 {count} 个模型,共 {size} GB;其中 {fit} 个可在 {device} 上运行"
    "(可用 {usable} GiB)。",
    "local_nothing": lambda v: f"以下目录中没有模型:{'、'.join(v['folders'])}。",
    "local_looked": lambda v: f"已查看:{'、'.join(v['folders'])}。",
    "local_no_device": "本机未报告 GPU 或内存:请用 --gpu 指定设备。",
    "local_not_modelled": "横线:该格式的运行时在 {device} 上未建模。",
    "local_late": "未能及时读完所有文件头:横线表示其中的信息未知。",
}
