"""What llama.cpp's own converter and `llama-quantize --dry-run` make of a model, without any weights.

    python -m tests.oracle.gguf LLAMA_CPP_CHECKOUT LLAMA_QUANTIZE OUT_DIR [--presets P,P] [model ...]

The converter runs on our inventory's published names and shapes: its tensors are lazy and never read. The GGUF file
that comes out is a hole behind a real header, which is all that a dry run looks at. One JSON per model is written to
OUT_DIR, unless it is there already; `tests.oracle.gguf_record` turns them into the rows of tests/truth.
Needs the oracle's environment and a checkout of llama.cpp with llama-quantize built (see `gguf_record`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.oracle.omitted import with_factors
from tests.oracle.subjects import CONFIGS, Subject, subjects, tensors

TRUTH_CONFIGS = CONFIGS.parent.parent / "truth" / "configs"
#: Keys that published files hold, our catalogue leaves away because no tensor depends on them, and the converter reads.
COMMON = {
    "rms_norm_eps": 1e-6,
    "layer_norm_eps": 1e-5,
    "layer_norm_epsilon": 1e-5,
    "norm_epsilon": 1e-5,
    "rope_theta": 10000.0,
    "max_position_embeddings": 4096,
    "hidden_act": "silu",
}
#: What else the converter reads of some model types.
READ = json.loads((Path(__file__).parent / "gguf_config_keys.json").read_text(encoding="utf-8"))
#: The publisher's name of a class that transformers calls otherwise.
CLASSES = {"mpt": "MPTForCausalLM", "phimoe": "PhiMoEForCausalLM"}
#: The class that the text part of a published multimodal config names, which is what the converter goes by.
_TEXT = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
}
WRAPPED = dict.fromkeys(
    ("idefics2", "idefics3", "internvl", "llava", "llava_next", "llava_onevision", "paligemma", "smolvlm"), _TEXT
)
#: Model types whose file is taken as it is: transformers' class would add experts to a dense one.
RAW = ("nemotron_h",)
#: Rows of the vocabulary that Gemma 3's tokenizer has, and to which the converter cuts the embedding.
GEMMA3_TOKENS = 262_144
KEPT = ("block_count", "attention.head_count", "attention.head_count_kv", "expert_count", "nextn_predict_layers")


def converter(checkout: Path) -> Any:
    """The module `conversion` of that checkout, with indexing and vocabulary replaced by ours."""
    sys.path[:0] = [str(checkout), str(checkout / "gguf-py")]
    import conversion
    import conversion.base

    return conversion


def published(subject: Subject) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the checkpoint; a tied tensor is there once."""
    found: dict[str, tuple[int, ...]] = {}
    groups = subject.inventory()
    # Falcon's checkpoints hold the head apart, though it is tied.
    for group in groups.groups if subject.model_type == "falcon" else groups.stored():
        found.update(tensors(group))
    return found


def _as_published(config: dict[str, Any]) -> dict[str, Any]:
    """Keys that a publisher spells in another way than our catalogue, and the converter reads in that way alone."""
    kind = config["model_type"]
    if kind == "falcon" and config.get("multi_query") and not config.get("new_decoder_architecture"):
        config["num_kv_heads"] = 1
    if kind == "hunyuan_v1_moe":
        layers = config["num_hidden_layers"]
        for key in ("moe_topk", "num_shared_expert", "moe_intermediate_size"):
            if isinstance(config.get(key), int):
                config[key] = [config[key]] * layers
    config = with_factors(config)
    if kind in CLASSES:
        config["architectures"] = [CLASSES[kind]]
    text = config.get("text_config")
    if kind in WRAPPED and isinstance(text, dict) and not text.get("architectures"):
        text["architectures"] = [WRAPPED[kind][text.get("model_type", "")]]
    if kind == "nemotron-nas":
        for block in config["block_configs"]:
            block["attention"] = {"n_heads_in_group": None, "replace_with_linear": False, **block["attention"]}
            block["ffn"] = {"ffn_mult": None, **block["ffn"]}
    if kind == "dots1":
        config["scoring_func"] = "sigmoid"  # published as "noaux_tc", at which the converter stops
    if kind == "dbrx":
        config["attn_config"] = {"rope_theta": 5e5, "clip_qkv": 8, **config["attn_config"]}
    return config


def _all(made: Any) -> Iterator[Any]:
    """What a converter yields and, as StableLM's does with the norms of its heads, wrongly returns instead."""
    returned = yield from made
    yield from returned or ()


def convert(conversion: Any, subject: Subject, folder: Path, out: Path) -> dict[str, Any]:
    """Convert one model; write the header of its GGUF file to `out` and make it as long as the whole would be."""
    import gguf
    import torch

    base = conversion.base
    config = {**COMMON, **READ.get(subject.model_type, {}), **subject.config}
    if isinstance(text := config.get("text_config"), dict):
        config["text_config"] = {**COMMON, **READ.get(text.get("model_type", ""), {}), **text}
    config = _as_published(config)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.model").touch()
    (folder / "tokenizer.json").write_text('{"model": {"type": "WordPiece"}}')
    held = published(subject)
    if subject.model_type == "apertus":  # buffers of the activation, of which the converter makes metadata
        for layer in range(config["num_hidden_layers"]):
            held |= {f"model.layers.{layer}.mlp.act_fn.{part}": (1,) for part in ("beta", "eps")}

    def index(self: Any, remote_hf_model_id: str | None = None) -> dict[str, Callable[[], Any]]:
        indexed = {}
        for name, shape in held.items():
            meta = base.LazyTorchTensor.meta_with_dtype_and_shape(torch.bfloat16, shape)

            def lazy(meta: Any = meta, shape: Any = shape) -> Any:
                return base.LazyTorchTensor(meta=meta, args=(), func=lambda: torch.zeros(shape, dtype=torch.bfloat16))

            if item := self.filter_tensors((name, lazy)):
                indexed[item[0]] = item[1]
        return indexed

    base.ModelBase.index_tensors = index
    # Values are asked for where a tensor is padded; they are all zero, and a lazy tensor is as good.
    eager = base.LazyTorchTensor.to_eager
    base.LazyTorchTensor.to_eager = classmethod(
        lambda cls, t: t if getattr(t, "shape", None) and t.numel() > 1 << 16 else eager(t)
    )
    # Gemma 3n moves its embeddings to the CPU, which would make gigabytes of zeros of them.
    base.LazyTorchTensor.to = lambda self, *given, **named: (
        self if "device" in named else base.LazyTorchTensor._wrap_fn(torch.Tensor.to)(self, *given, **named)
    )
    torch.equal = lambda *_: False  # all our tensors are zeros, and Mamba's converter drops a head like the embedding
    base.TextModel._create_vocab_sentencepiece = lambda self: ([b""] * GEMMA3_TOKENS, [], [])
    # transformers moves some keys that the converter looks for in their old place.
    load = base.ModelBase.load_hparams
    base.ModelBase.load_hparams = staticmethod(
        lambda *given, **named: {**config, **({} if config["model_type"] in RAW else load(*given, **named))}
    )
    hparams = base.ModelBase.load_hparams(folder, False)
    arch = conversion.get_model_architecture(hparams, conversion.ModelType.TEXT)
    model_class = conversion.get_model_class(arch)
    model_class.no_mtp = model_class.supports_mtp_export  # our inventory leaves the prediction layers out
    model = model_class(folder, gguf.LlamaFileType.MOSTLY_F16, out)
    model = getattr(model, "impl", model)  # Mistral 3's class only chooses between two others
    model.set_vocab = lambda: None
    log: list[tuple[str, list[str]]] = []
    modify = model.modify_tensors

    def logged(data: Any, name: str, bid: int | None) -> Iterator[Any]:
        if name.startswith(("blk.", "token_embd.", "output.", "output_norm.")):
            # Baichuan's converter calls itself with the new name, for ever.
            yield name, data
            return
        made = list(_all(modify(data, name, bid)))
        log.append((name, [n for n, _ in made]))
        yield from made

    model.modify_tensors = logged
    model.prepare_tensors()
    model.prepare_metadata(False)
    writer = model.gguf_writer
    kv = {key.split(".", 1)[1]: value.value for part in writer.kv_data for key, value in part.items() if "." in key}
    infos = {name: info for part in writer.tensors for name, info in part.items()}
    facts = {name: (list(info.shape), info.dtype.name) for name, info in infos.items()}
    writer.write_header_to_file(path=out)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    size = out.stat().st_size
    padded = sum(writer.ggml_pad(info.nbytes, writer.data_alignment) for info in infos.values())
    with out.open("r+b") as file:
        file.truncate(writer.ggml_pad(size, writer.data_alignment) + padded)
    return {
        "id": subject.id,
        "model_type": subject.model_type,
        "class": model_class.__name__,
        "arch": gguf.MODEL_ARCH_NAMES[model.model_arch],
        "kv": {key: kv[key] for key in KEPT if key in kv},
        "log": log,
        "tensors": facts,
    }


LINE = re.compile(r"^\[ *\d+/ *\d+\] +(\S+) +- \[([ \d,]+)\], type = +(\S+), size = .*?(?:\((\S+)\))?$")


def dry_run(quantize: Path, file: Path, preset: str) -> dict[str, str]:
    """The type that llama-quantize would give each tensor; empty where it fails for want of one that fits."""
    done = subprocess.run(
        [str(quantize), "--dry-run", str(file), str(file) + ".none", preset],
        capture_output=True,
        text=True,
        check=False,
    )
    types = {}
    for line in (done.stdout + done.stderr).splitlines():
        # A warning about a fallback stands on the line before.
        if match := LINE.match(line[line.find("[") :] if "[" in line else line):
            name, _, before, after = match.groups()
            types[name] = (after or before).upper()
    if "no tensor type fallback is defined" in done.stdout + done.stderr:
        return {}
    if done.returncode:
        raise RuntimeError(f"{preset}: {(done.stdout + done.stderr)[-200:]}")
    return types


def everything() -> Iterator[Subject]:
    """The catalogue, the oracle's configs, and the truth's."""
    yield from subjects()
    for path in sorted(TRUTH_CONFIGS.glob("*.json")):
        yield Subject(f"truth/{path.stem}", json.loads(path.read_text(encoding="utf-8")))


def main() -> int:
    """Convert and dry-run what is named, everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("quantize", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--presets", default="")
    parser.add_argument("models", nargs="*")
    args = parser.parse_intermixed_args()
    conversion = converter(args.checkout)
    conversion.load_all_models()
    import torch

    failed = 0
    for subject in everything():
        if args.models and not {subject.id, subject.model_type} & set(args.models):
            continue
        target = args.out / f"{subject.id.replace('/', '__')}.json"
        # A process each: some converters change tables that all share.
        if target.exists():
            continue
        if child := os.fork():
            failed += os.waitpid(child, 0)[1] != 0
            continue
        with tempfile.TemporaryDirectory() as name:
            out = Path(name) / "model.gguf"
            try:
                with torch.inference_mode():
                    found = convert(conversion, subject, Path(name), out)
                presets = args.presets.split(",") if args.presets else []
                found["dry"] = {preset: dry_run(args.quantize, out, preset) for preset in presets}
            except (Exception, SystemExit) as error:  # whatever the tool raises is the answer
                print(
                    f"{subject.id:40} {subject.model_type:20} {type(error).__name__}: {str(error)[-300:]}", flush=True
                )
                target.with_suffix(".err").write_text(f"{subject.model_type}: {type(error).__name__}: {error}")
                os._exit(1)
        target.write_text(json.dumps(found))
        print(f"{subject.id:40} {subject.model_type:20} {found['arch']}", flush=True)
        os._exit(0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
