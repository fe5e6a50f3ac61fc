"""From a published ``config.json`` to a `ModelSpec`: one module per family, found by ``model_type``.

To add a family: write its module with one function ``read(Config) -> ModelSpec`` and name it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from llmscale.errors import NotFoundError, UnsupportedModelError, UsageError
from llmscale.model.families._config import Config
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis

#: published model_type -> module of this package
FAMILIES = {
    "bert": "bert",
    "roberta": "bert",
    "xlm-roberta": "bert",
    "camembert": "bert",
    "ernie": "bert",
    "distilbert": "distilbert",
    "deberta-v2": "deberta_v2",
    "modernbert": "modernbert",
    "eurobert": "eurobert",
    "nomic_bert": "nomic_bert",
    "electra": "electra",
    "albert": "albert",
    "longformer": "longformer",
    "gpt2": "gpt2",
    "gpt3": "gpt2",
    "gptj": "gptj",
    "gpt_neox": "gpt_neox",
    "opt": "opt",
    "bloom": "bloom",
    "llama": "llama",
    "mistral": "llama",
    "Yi": "llama",
    "yi": "llama",
    "aquila": "llama",
    "xverse": "llama",
    "internlm": "internlm",
    "orion": "orion",
    "smollm3": "llama",
    "ministral": "llama",
    "ministral3": "llama",
    "seed_oss": "seed_oss",
    "hunyuan_v1_dense": "hunyuan_dense",
    "ernie4_5": "ernie4_5",
    "baichuan": "baichuan",
    "internlm2": "internlm2",
    "mixtral": "mixtral",
    "qwen": "qwen",
    "qwen2": "qwen2",
    "qwen3": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen3_vl_text": "qwen2",
    "qwen2_moe": "qwen2_moe",
    "qwen3_moe": "qwen2_moe",
    "qwen3_vl_moe_text": "qwen2_moe",
    "qwen2_vl": "qwen2_vl",
    "qwen2_5_vl": "qwen2_vl",
    "qwen3_vl": "qwen3_vl",
    "qwen3_5": "qwen3_vl",
    "qwen3_5_moe": "qwen3_vl",
    "qwen3_vl_moe": "qwen3_vl",
    "gemma": "gemma",
    "gemma2": "gemma",
    "gemma3_text": "gemma",
    "gemma3": "gemma3",
    "gemma3n_text": "gemma3n",
    "gemma3n": "gemma3n",
    "gemma4_text": "gemma4",
    "gemma4": "gemma4",
    "chatglm": "chatglm",
    "glm": "glm",
    "glm4": "glm",
    "glm4v_text": "glm",
    "glm4_moe": "glm4_moe",
    "glm4v_moe_text": "glm4_moe",
    "glm4v": "glm4v",
    "glm4v_moe": "glm4v",
    "falcon": "falcon",
    "RefinedWeb": "falcon",
    "RefinedWebModel": "falcon",
    "phi": "phi",
    "phi3": "phi3",
    "deepseek": "deepseek",
    "deepseek_v2": "deepseek",
    "deepseek_v3": "deepseek",
    "kimi_k2": "deepseek",
    "deepseek_v32": "deepseek_v32",
    "glm_moe_dsa": "deepseek_v32",
    "qwen3_next": "qwen3_next",
    "qwen3_5_text": "qwen3_next",
    "qwen3_5_moe_text": "qwen3_next",
    "llama4_text": "llama4",
    "llama4": "llama4",
    "mimo_v2_flash": "mimo_v2_flash",
    "minimax": "minimax",
    "minimax_text_01": "minimax",
    "minimax_m1": "minimax",
    "minimax_m2": "minimax_m2",
    "mamba": "mamba",
    "falcon_mamba": "mamba",
    "mamba2": "mamba",
    "jamba": "jamba",
    "bamba": "bamba",
    "falcon_h1": "falcon_h1",
    "granitemoe": "granitemoe",
    "granitemoeshared": "granitemoe",
    "granitemoehybrid": "granitemoe",
    "nemotron_h": "nemotron_h",
    "recurrent_gemma": "recurrent_gemma",
    "rwkv": "rwkv",
    "lfm2": "lfm2",
    "lfm2_moe": "lfm2",
    "dbrx": "dbrx",
    "jetmoe": "jetmoe",
    "zamba2": "zamba2",
    "longcat_flash": "longcat_flash",
    "kimi_linear": "kimi_linear",
    "afmoe": "afmoe",
    "dots1": "dots1",
    "grok-1": "grok",
    "bailing_moe": "bailing_moe",
    "bailing_moe_v2": "bailing_moe",
    "arctic": "arctic",
    "ernie4_5_moe": "ernie4_5_moe",
    "hunyuan_v1_moe": "hunyuan_moe",
    "hunyuan": "hunyuan_moe",
    "gpt_oss": "gpt_oss",
    "cohere": "cohere",
    "cohere2": "cohere",
    "stablelm": "stablelm",
    "stablelm_epoch": "stablelm",
    "olmo": "olmo",
    "olmo2": "olmo2",
    "olmo3": "olmo2",
    "olmoe": "olmoe",
    "flex_olmo": "olmoe",
    "starcoder2": "starcoder2",
    "gpt_bigcode": "gpt_bigcode",
    "granite": "llama",
    "nemotron": "nemotron",
    "exaone": "exaone",
    "exaone4": "exaone4",
    "phimoe": "phimoe",
    "minicpm": "minicpm",
    "minicpm3": "minicpm3",
    "arcee": "arcee",
    "apertus": "apertus",
    "helium": "helium",
    "gpt_neo": "gpt_neo",
    "codegen": "codegen",
    "mpt": "mpt",
    "persimmon": "persimmon",
    "openelm": "openelm",
    "nemotron-nas": "nemotron_nas",
    "t5": "t5",
    "mt5": "t5",
    "umt5": "t5",
    "bart": "bart",
    "mbart": "bart",
    "pegasus": "bart",
    "marian": "bart",
    "m2m_100": "bart",
    "blenderbot": "bart",
    "blenderbot-small": "bart",
    "whisper": "whisper",
    "moonshine": "moonshine",
    "wav2vec2": "wav2vec2",
    "hubert": "wav2vec2",
    "clip": "clip",
    "clip_text_model": "clip",
    "clip_vision_model": "clip",
    "siglip": "siglip",
    "siglip_text_model": "siglip",
    "siglip_vision_model": "siglip",
    "siglip2": "siglip",
    "siglip2_text_model": "siglip",
    "siglip2_vision_model": "siglip",
    "pixtral": "pixtral",
    "paligemma": "paligemma",
    "llava": "llava",
    "llava_next": "llava",
    "llava_onevision": "llava",
    "mistral3": "mistral3",
    "mllama": "mllama",
    "mllama_text_model": "mllama",
    "mllama_vision_model": "mllama_vision",
    "idefics2": "idefics2",
    "idefics2_vision": "idefics_vision",
    "idefics3": "idefics3",
    "idefics3_vision": "idefics_vision",
    "smolvlm": "idefics3",
    "smolvlm_vision": "idefics_vision",
    "internvl": "internvl",
    "internvl_vision": "internvl_vision",
    "vit": "vit",
    "deit": "vit",
    "dinov2": "dinov2",
    "dinov2_with_registers": "dinov2",
    "dinov3_vit": "dinov3_vit",
    "beit": "beit",
    "swin": "swin",
    "swinv2": "swin",
    "sam": "sam",
    "convnext": "convnext",
    "convnextv2": "convnext",
}


def from_config(data: Mapping[str, Any], where: str, assume: str | None = None) -> ModelSpec:
    """Read a config by its ``model_type``.

    Args:
        data: the parsed ``config.json``.
        where: file or entry, as messages shall call it.
        assume: the ``model_type`` to count it as when its own is not known. The spec is then assumed, and warns of
            that and of the keys that nobody read instead of refusing them.

    Raises:
        UsageError: its own ``model_type`` is known, and another one than `assume`.
        NotFoundError: there is no family `assume`.
        UnsupportedModelError: an unknown family, or a key that we do not understand.
        InputFileError: values that are missing, out of bounds or contradict each other.
    """
    if assume is not None:
        family = _family(assume)
        if data.get("model_type") != family:
            return _as(family, data, where)
    c = Config(data, where)
    spec = read_part(c)
    c.finish()
    method = published_in(data)
    return replace(spec, published_in=method) if method else spec


def published_in(config: Mapping[str, Any]) -> str:
    """The ``quant_method`` of a checkpoint that was published quantised; empty for others."""
    told = config.get("quantization_config")
    method = told.get("quant_method") if isinstance(told, Mapping) else None
    return method if isinstance(method, str) else ""


def _family(name: str) -> str:
    from llmscale.names import nearest, normal

    for known in FAMILIES:
        if normal(known) == normal(name):
            return known
    near = nearest(name, FAMILIES) or sorted(FAMILIES)
    raise NotFoundError(f"There is no family called '{name[:60]}'.", f"Nearest families: {_some(near)}.")


def _as(family: str, data: Mapping[str, Any], where: str) -> ModelSpec:
    own = Config(data, where).model_type
    if own in FAMILIES:
        raise UsageError(
            f"{where} says that it is '{own}', which llmscale knows; --assume {family} contradicts it.",
            "Leave --assume away.",
        )
    c = Config({**data, "model_type": family}, where)
    spec = read_part(c)
    said = f"its architecture '{own[:60]}' is not known" if own else "it names no architecture"
    warning = f"{where} is counted as '{family}' because --assume says so: {said}, and every number is a guess."
    if unread := c.unread():
        warning += f" Keys that may change it and that '{family}' does not read: {', '.join(unread)}."
    return replace(spec, basis=Basis.ASSUMED, warnings=(*spec.warnings, warning))


def read_part(c: Config) -> ModelSpec:
    """Read a config, or the part of one that is a model of its own (``text_config``), by its ``model_type``."""
    if "model_type" not in c.data:
        raise c.error("has no 'model_type'", f"It names the architecture. Known: {_some(sorted(FAMILIES))}.")
    module = FAMILIES.get(c.model_type)
    if module is None:
        from llmscale.names import nearest

        near = nearest(c.model_type, list(FAMILIES)) or sorted(FAMILIES)
        raise UnsupportedModelError(
            f"{c.where}: llmscale does not know the architecture '{str(c.data['model_type'])[:60]}', "
            "and a count by another one would be a guess.",
            f"Nearest families: {_some(near)}. --assume FAMILY counts it as one that you choose; "
            "a size literal such as 7B gives weights without the shape.",
        )
    spec: ModelSpec = import_module(f"llmscale.model.families.{module}").read(c)
    (kind, share), factor, state = c.rope(), c.rope_factor(), c.state_dtype()
    if (kind, share, factor, state) == ("", 1.0, 1.0, ""):
        return spec
    return replace(spec, rope_scaling=kind, rotary_share=share, rope_factor=factor, state_dtype=state)


def _some(words: list[str]) -> str:
    return ", ".join(words[:6]) + (" …" if len(words) > 6 else "")
