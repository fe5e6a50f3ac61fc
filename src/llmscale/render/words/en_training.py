"""English sentences of training on devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _ranged(v: dict[str, Any]) -> str:
    return "~{used} GiB ({low}-{high})".format(**v)


def _with(v: dict[str, Any]) -> str:
    return " With {flags} it takes ~{after} GiB and fits.".format(**v) if v["changed"] else ""


#: Kinds of module that are named one by one.
FEW = 4


def _adapted(names: tuple[str, ...]) -> str:
    """What an adapter stands beside."""
    if not names:
        return ""
    return f" ({', '.join(names)})" if len(names) <= FEW else f" ({len(names)} kinds of module)"


def _layout(v: dict[str, Any]) -> str:
    if v["sure"]:
        said = "Yes: {model} by {method} at {sequence:,} tokens fits {devices}: {layout}, ~{used} of {usable} GiB"
    else:
        said = "Perhaps: {model} by {method} at {sequence:,} tokens on {devices}: {layout} takes ~{used} GiB"
        said += " ({low}-{high}), and each has {usable}"
    return f"{said}, ~{{seconds}} s a step.".format(**v)


def _no_layout(v: dict[str, Any]) -> str:
    return "No: {model} by {method} at {sequence:,} tokens fits no layout of {devices}".format(**v) + (
        f"; with {v['instead']} it does." if v["instead"] else ", nor do 8-bit states, LoRA or QLoRA."
    )


def _reference(v: dict[str, Any]) -> str:
    if not v["wanted"]:
        return "no reference" + (", as TRL's beta is 0 unless given (--kl: one)" if v["kind"] == "asked" else "")
    if v["size"]:
        spared = "" if v["kind"] == "asked" or v["engine"] else " (--precompute-ref: none)"
        return f"the reference is a frozen copy of {v['size'] / 2**30:.2f} GiB{spared}"
    if v["before"]:
        return "the reference is not there while training"
    return "the reference is the model with its adapters off, 0 bytes"


def _objective(v: dict[str, Any]) -> str:
    said = f"{v['title']}: " + ("chosen and rejected are two sequences of one step; " if v["pair"] else "")
    said += f"{_reference(v)}."
    if v["value"]:
        said += f" A frozen reward model takes {v['reward'] / 2**30:.2f} GiB, and a value model that is trained whole "
        said += f"{v['value'] / 2**30:.2f} GiB with gradients and states."
    if v["engine"]:
        said += f" --micro-batch counts completions; vLLM on the same card takes {v['engine']:g} of it besides (TRL's "
        said += "default), which is not in these figures."
    if v["tiles"]:
        return f"{said} Logits are made by tiles, of answers alone (--completion), as TRL does."
    return f"{said} Log-probabilities are taken to hold what cross-entropy does."


#: By whether what the model keeps for backward is modelled: without it no smaller way is looked at.
_NOTHING = {
    True: " Nothing that is tried here makes it fit.",
    False: " Smaller ways, LoRA among them, are not judged: what it keeps for backward is not modelled.",
}
_FITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "yes": lambda v: (
        "Yes: {model} by {method} at {sequence:,} tokens fits {device}: ".format(**v)
        + f"{_ranged(v)} of {v['usable']} GiB."
    ),
    "maybe": lambda v: (
        "Perhaps: {model} by {method} at {sequence:,} tokens takes ".format(**v)
        + f"{_ranged(v)}, and {v['device']} has {v['usable']}.{_with(v)}"
    ),
    "no": lambda v: (
        "No: {model} by {method} at {sequence:,} tokens takes ".format(**v)
        + f"{_ranged(v)}, and {v['device']} has {v['usable']}."
        + (_with(v) or _NOTHING[v["modelled"]])
    ),
    "unknown": lambda v: (
        "Not known: what {model} keeps for backward is not modelled. Weights, gradients and states by "
        "{method} alone take ~{used} GiB, and {device} has {usable}."
    ).format(**v),
}
SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "train_takes": lambda v: (
        f"{v['model']}, {v['method']}{_adapted(v['names'])}: {v['gib']} GiB "
        + ("at the most" if v["whole"] else "between steps, without activations")
        + f", {v['batch']} x {v['sequence']:,} tokens; {v['trained']} of {v['total']} parameters are trained."
    ),
    "train_fit": lambda v: _FITS[v["fits"]](v),
    "train_methods": lambda v: (
        "{model} at {sequence:,} tokens on {device}: ".format(**v)
        + (f"{'; '.join(v['fitting'])} surely fit." if v["fitting"] else "no usual way surely fits.")
    ),
    "train_layout": lambda v: _layout(v) if v["found"] else _no_layout(v),
    "layout_ruled_out": "Ruled out: {layout} would take ~{seconds} s, and lacks up to ~{lacks} GiB.",
    "layout_reach": "The first surely holds --micro-batch {batch:,}, or --seq {sequence:,}, each alone.",
    "layouts_looked": "{looked:,} layouts looked at, {fitting:,} fit. Times are modelled, for their order: half of "
    "{rows} published ones within {median:.0%}; nodes of {node}, {network:g} GB/s a device between them (--network).",
    "layouts_not_modelled": "No layouts: {why}",
    "shape_assumed": lambda v: (
        "{name} is a size without a shape: ".format(**v)
        + "figures are those of {model}, and ends those of {models} models, brought to the size.".format(**v)
    ),
    "unpacked": lambda v: (
        f"Not packed: embeddings, head and norms, {v['parameters']:,} parameters in "
        + (
            f"fp32, {v['size'] / 1e9:.2f} GB; --kbit-prepare none, in bf16, saves {v['more'] / 1e9:.2f} GB."
            if v["wide"]
            else f"bf16, {v['size'] / 1e9:.2f} GB; peft's preparation would add {v['more'] / 1e9:.2f} GB."
        )
    ),
    "experts_summed": lambda v: (
        "Adapters of experts are added to the whole set of matrices, and autograd keeps the sum: "
        f"{v['size'] / 1e9:.2f} GB a layer; adapters of attention alone, or --checkpointing full, keep none."
    ),
    "objective": _objective,
    "needs_train": lambda v: (
        "{model} by {method} at {sequence:,} tokens".format(**v)
        + (" with checkpointing" if v["checkpointing"] else "")
        + (
            ": from {device} on; one device alone holds ~{used} GiB ({low}-{high}).".format(**v)
            if v["device"]
            else " takes ~{used} GiB ({low}-{high}) of one device: none is enough, nor so many (--max-count).".format(
                **v
            )
        )
    ),
    "needs_train_more": "NVIDIA's with bf16, launch prices. More: llmscale train {model} --method {method} --gpu "
    "DEVICE.",
    "logits": lambda v: (
        f"Logits of {v['tokens']:,} tokens are {v['size'] / 1e9:.2f} GB a copy in fp32, two or three at the peak, on "
        "each device: ZeRO divides none of them; --loss cut makes none."
    ),
    "offloaded_activations": lambda v: (
        f"In the host's memory: the inputs of layers that are run again, {v['size'] / 1e9:.2f} GB (transformers' "
        "offload)."
    ),
    "offloaded_optimizer": lambda v: (
        f"In the host's memory: {v['size'] / 1e9:.2f} GB of "
        + (
            "fp32 weights, gradients and moments, and a 16-bit copy (ZeRO-Offload); on the device gradients are a "
            "bucket of 500 million, DeepSpeed's default, and two of the largest tensor, ~."
            if v["partitioned"]
            else "states, and a copy of what is trained and of its gradients, which the device has too (torchao's "
            "CPUOffloadOptimizer; tensors below 4,096 elements stay)."
        )
    ),
    "sdpa_composed": lambda v: (
        "sdpa is counted as torch composes it where no flash kernel takes such heads, in fp32, scores kept; CUDA's "
        "memory-efficient kernel keeps none" + (": --attn flash." if v["kernel"] else ".")
    ),
    "mostly_activations": "Activations are {share:.0%} of it, which adapters do not spare: --checkpointing full does.",
    "mfu_twice": lambda v: (
        "MFU is 6 FLOPs an active parameter and token over the dense 16-bit rate, both times: "
        f"~{v['step_mfu']:.2f} in the modelled step of the first layout alone; {v['run_mfu']:.3f} over the whole run, "
        + ("as given (--mfu)" if v["given"] else "which published runs alike reached, stops and data included")
        + ". Hours and money are the run's."
    ),
    "frozen_run_again": lambda v: (
        f"Checkpoints take {v['more'] / 1e9:.2f} GB more than none here: transformers then wants a gradient from the "
        f"embeddings on, so each of {v['layers']:,} frozen layers keeps its input and is run again; without, they keep "
        "nothing."
    ),
    "train_reach": "Surely fits up to --micro-batch {batch:,}, or --seq {sequence:,}, each alone.",
    "train_on_top": "Context, allocator: fitted to {rows} published peaks; with their source left out half of them are "
    "within {median:.0%}, and the range holds {held} of them.",
    "scaling_says": lambda v: (
        (f"{v['name']}, " if v["name"] else "")
        + f"{v['parameters']}: the best share of compute is {v['tokens']} tokens"
        + (f", loss {v['loss']} by {v['law']}." if v["loss"] else ".")
        if (v["parameters"], v["tokens"]) == (v["best_parameters"], v["best_tokens"])
        else (f"{v['name']}, " if v["name"] else "")
        + f"{v['parameters']} on {v['tokens']} tokens"
        + (f": loss {v['loss']} by {v['law']}" if v["loss"] else "")
        + f"; the best share of that compute is {v['best_parameters']} on {v['best_tokens']}"
        + (f", {v['best_loss']}." if v["best_loss"] else ".")
    ),
}
