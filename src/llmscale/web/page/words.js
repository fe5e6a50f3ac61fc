"use strict";
// Words of the page by language; a language is one more key.
const WORDS = {
  en: {
    skip: "To the answer", what: "what a large model takes, and what it fits", question: "Question", model: "Model", gpu: "Device",
    quant: "Quant", runtime: "Runtime", own: "by quant", kv: "KV cache", context: "Context", sequences: "Sequences", picture: "Picture",
    foot: "The question is the address of this page; the same on the command line:", fits: "fits", nofit: "does not fit", maybe: "may fit",
    used: "used", free: "free", missing: "missing", total: "Total GiB", longest: "Max context", speed: "tokens/s",
    weights: "Weights", kv_cache: "KV cache", state: "State", compute: "Compute", overhead: "Overhead", mmproj: "Vision tower", draft: "Draft", other: "Other",
    memory: "memory by context", parts: "where parameters sit", users: "users by context", frontier: "size and speed", scale: "all models",
    contexts: "longest context by model", trouble: "No answer", on: "on", host: "in host memory", of: "of",
  },
  zh: {
    skip: "跳到结果", what: "大模型占用多少显存,放得下放不下", question: "问题", model: "模型", gpu: "设备",
    quant: "量化", runtime: "运行时", own: "随量化", kv: "键值缓存", context: "上下文", sequences: "序列数", picture: "图",
    foot: "本页地址即问题;命令行同问:", fits: "放得下", nofit: "放不下", maybe: "可能放得下",
    used: "已用", free: "剩余", missing: "缺少", total: "合计 GiB", longest: "最长上下文", speed: "词元/秒",
    weights: "权重", kv_cache: "键值缓存", state: "状态", compute: "计算缓冲", overhead: "开销", mmproj: "视觉塔", draft: "草稿模型", other: "其他",
    memory: "显存与上下文", parts: "参数分布", users: "用户数与上下文", frontier: "规模与速度", scale: "所有模型",
    contexts: "各模型最长上下文", trouble: "没有答案", on: "于", host: "在主机内存", of: "共",
  },
};
