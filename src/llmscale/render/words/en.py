"""English: the sentence of each note. Labels are English already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.render.words.en_load import SENTENCES as LOAD
from llmscale.render.words.en_log import SENTENCES as LOG
from llmscale.render.words.en_releases import SENTENCES as RELEASES
from llmscale.render.words.en_servers import SENTENCES as SERVERS
from llmscale.render.words.en_training import SENTENCES as TRAINING
from llmscale.units import format_gib


def _or(names: list[str]) -> str:
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} or {names[-1]}"


def _many(requests: float) -> str:
    """Requests with a decimal where that says something."""
    return f"{requests:,.0f}" if requests >= 10 else f"{requests:.1f}" if requests >= 1 else f"{requests:.2f}"


LABELS: dict[str, str] = {}
SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "said": "{text}",
    "said_of": "{model}: {text}",
    **LOAD,
    **LOG,
    **RELEASES,
    **SERVERS,
    **TRAINING,
    "experts_fused": "The class holds all experts in one tensor: gate and up are one there, and peft gives that one "
    "twice the rank ({rank}).",
    "targets_missed": lambda v: f"{v['model']} has no {', '.join(v['names'])}; peft adapts the others.",
    "class_not_compared": "The modules of {model_type}'s class were not compared: adapters are counted on the "
    "checkpoint's.",
    "laws_not_comparable": "Losses of two laws are not comparable (tokenisers and data differ)."
    " ~: beyond the sizes and tokens that the law was fitted on.",
    "no_law_of_tuning": "Repeats are counted by the law of Muennighoff 2023 for pre-training; no law predicts a "
    "fine-tune.",
    "saved_unties": "The head shares the embedding's weights; saved modules are copies, so it is counted twice.",
    "unpacked_to_train": "{model} is published packed ({method}): what is trained here is a copy of it in 16 bits.",
    "adapters_in_fp32": "peft makes adapters of a 16-bit model in fp32.",
    "flops_not_counted": "FLOPs of {what} are not counted product by product: only 6ND is given.",
    "own_run_left_out": "Hours: the rows of the model itself are left out of the shares that ours follow from. "
    "FLOP: by the makers' own count.",
    "serve_cost_busy": "All sequences run all the time, {share:.0%} of the hours; prompts are read one at a time.",
    "flops_of_text": "FLOPs of text alone: what sees images or sound is left out.",
    "activations_not_modelled": "Activations and peaks of {what} are not modelled: they come on top of these figures.",
    "rank_above_width": "Rank {rank} is above {width}, the width of the narrowest matrix it adapts: that wins nothing.",
    "step_not_modelled": "What a step of {optimizer} needs besides its states is not modelled, so no peak is said.",
    "taken": "'{typed}' is taken as {model}.",
    "taken_in": "'{typed}' is taken as {model} in {quant}.",
    "taken_in_library": "'{typed}' is taken as {model}; Ollama's library has it in {quant} under that name.",
    "taken_in_usual": "'{typed}' is taken as {model}; Ollama and llama.cpp load it in {quant} unless told.",
    "library_default": "Ollama's library calls several sizes '{typed}': this is the one that it loads unless told.",
    "own_mix": "{mix} is its publisher's own mix of formats, which only its files tell: no quant is taken.",
    "file_not_here": "There is no such file on this disk: the catalogue's model of that name stands for it.",
    "ram_of_system": "What the system and other programs take of the RAM is not counted: --reserve 4GiB does.",
    "no_processor": "{runtime} on a processor alone is not modelled.",
    "hub_seen": "{why}: this is {repo} as it was when it was last read ({commit}).",
    "hub_downloaded": "{why}: this is {repo} as huggingface_hub has downloaded it.",
    "hub_catalogue": "{why}: this is {model} of the catalogue.",
    "hub_file": "{file} is taken, as llama.cpp does unless told; also there: {others}.",
    "hub_config_only": "{repo} has no safetensors and no GGUF files: its config.json is counted, not its tensors.",
    "pipeline_parts": lambda v: (
        f"{v['kind']}: {v['size']:,} bytes of weights, "
        + ", ".join(f"{one['part']} {one['bytes']:,}" for one in v["parts"])
        + "."
    ),
    "published_file": "{file} has {size} GB, {bits:g} bits a weight; which tensors are in which format is not known "
    "({source}).",
    "recipes_not_published": lambda v: (
        f"{', '.join(v['quants'])} are meant for models of other kinds: of {v['model']} these are what the recipes "
        "would give."
    ),
    "recipe_not_published": lambda v: (
        f"{v['quant']} is meant for {v['meant']}: of {v['model']} this is what the recipe would give"
        + (f"; what is published is {' and '.join(v['files'])}." if v["files"] else "; no such file is known here.")
    ),
    "file_size": lambda v: (
        f"A file of {v['size']} GB has {v['bits']:g} bits a weight, as "
        + (f"{v['recipes'][0]}" if len(v["recipes"]) == 1 else f"between {v['recipes'][0]} and {v['recipes'][1]}")
        + ". Which tensors it holds in which format, and so what it loses, its size does not tell."
    ),
    "local_models": "Models on this disk: {count}, {size} GB.",
    "local_models_fit": "Models on this disk: {count}, {size} GB; {fit} fit {device} ({usable} GiB usable).",
    "local_nothing": lambda v: f"No model lies in {', '.join(v['folders'])}.",
    "local_looked": lambda v: f"Looked in {', '.join(v['folders'])}.",
    "local_no_device": "This machine says neither of a GPU nor of its RAM: --gpu names a device.",
    "local_not_modelled": "A dash: what runs that format is not modelled on {device}.",
    "local_late": "The headers of all were not read in time: a dash stands for what they say.",
    "held_by_others": "Other processes hold {gib:.1f} GiB of {device}, which are not there to be used.",
    "install_to_see": "pip install '{extra}' to see this machine's NVIDIA cards.",
    "sold_as": "{size} is taken as the card that is sold so, which holds {gib} GiB.",
    "smallest_memory": lambda v: (
        f"{v['device']} is sold with {v['size']} to {v['others'][-1]} GB; {v['size']} GB is taken "
        f"({v['device']}:{v['others'][0]}GB for more)."
    ),
    "smallest_taken": lambda v: (
        f"'{v['name']}' is sold in several sizes: {v['device']} is taken, not {_or(v['others'])}."
    ),
    "also_smaller": lambda v: (
        f"Beside {v['device']} there is {_or(v['others'])}."
        if v["name"].lower() == v["device"]
        else f"'{v['name']}' is taken as {v['device']}; there is also {_or(v['others'])}."
    ),
    "also_target": lambda v: f"{v['target']} is taken as {v['device']}; {_or(v['others'])} have it too.",
    "general_rule": "How {runtime} lays out {model} is not modelled; a general rule stands for it.",
    "not_traced": "How {runtime} runs {model} is not traced; a general rule stands for its activations, which may be "
    "{most} times as much.",
    "context_beyond_limit": "A context of {context:,} is beyond the model's own limit of {limit:,} tokens.",
    "context_beyond_limits": lambda v: (
        f"A context of {v['context']:,} is beyond the own limit of {', '.join(v['models'])}."
    ),
    "context_changes_nothing": "{model} always sees {tokens:,} tokens; --context changes nothing.",
    "smallest_device_counts": "{runtime} puts the same on each device: of {devices}, what the smallest can hold.",
    "not_available_in": lambda v: f"{v['model']} cannot be had in {', '.join(v['quants'])}.",
    "map_names_nothing": "--quant-map: '{rule}' names no matrix of {model}, so it changes nothing.",
    "no_price": "{count} more would be enough; the catalogue has no price of theirs (--max-price).",
    "device_not_modelled": lambda v: (
        f"{v['runtime']} on {v['device']} is not modelled, only on GPUs of {', '.join(v['vendors'])}."
    ),
    "does_not_run_on": "{what} does not run on {device}: it needs {needs}.",
    "too_many_sequences": "vLLM does not start: up to {sequences:,} sequences may run by default, and there are "
    "{blocks:,} blocks of recurrent state. Add --max-num-seqs {blocks} or less.",
    "perhaps_too_many_sequences": "vLLM may not start: up to {sequences:,} sequences may run by default, and of "
    "~{blocks:,} blocks of recurrent state some logs had only {surely:,}. Add --max-num-seqs {surely} or less.",
    "loaded_in_16_bits": lambda v: (
        "SGLang quantises with --torchao-config what it has loaded in 16 bits: "
        f"{format_gib(v['before'])} GiB a device, and {format_gib(v['free'])} are free."
    ),
    "fits_split": "With -ts {split} all layers fit: the runtime's own shares put too much on one device.",
    "ram_short": lambda v: (
        f"The RAM would hold ~{format_gib(v['ram'])} GiB, and {format_gib(v['named'])} GiB of it are named."
    ),
    "fewer_requests": lambda v: (
        "The cache does not hold one request of that context whole."
        if v["asked"] == 1 or v["requests"] < 1
        else f"Only {v['requests']:,.1f} requests of that context run at once, and {v['asked']:,} are asked for."
    ),
    "cache_beyond_memory": lambda v: (
        f"Of --kv-cache-memory-bytes {format_gib(v['missing'])} GiB do not fit beside the weights."
    ),
    "share_of_unified": "The system uses this memory as well: vLLM ends at the start unless {share:.0%} of it are free "
    "then, and no more than {surely:.0%} surely are (--gpu-memory-utilization).",
    "graphs_outside_share": lambda v: (
        f"CUDA graphs of {format_gib(v['graphs'])} GiB have to find memory outside vLLM's share, and only "
        f"{format_gib(v['rest'])} GiB are left there (--enforce-eager takes none)."
    ),
    "stands_for_yours": "The .gguf file, or the folder after ./, stands for the one that you have.",
    "runs_under": "{quant} under {runtime}.",
    "run_by_others": lambda v: f"{'; '.join(f'{quant} under {runtime}' for quant, runtime in v['others'])}.",
    "no_command": "--command: no line to type is known for {runtime} here; a library is called from Python.",
    "size_has_no_command": "--command: {size} is only a size, and a line to type needs a model's name.",
    "estimate_of": lambda v: (
        f"{v['model']}: {v['size']} parameters"
        + (f", {v['active']} active" if v["active"] else "")
        + f", context {v['context']:,}"
        + (f", batch {v['batch']}" if v["batch"] > 1 else "")
        + f", KV {v['kv']}, {v['runtimes']}"
    ),
    "fits_from": "Fits from: the smallest common card ({sizes} GiB; one sold as 24 GB holds 24 GiB), with what driver, "
    "display (--reserve) and the runtime keep of it.",
    "speeds": lambda v: (
        "t/s: tokens a second"
        + (f" of all {v['batch']:,} sequences together" if v["batch"] > 1 else "")
        + f" with {v['context']:,} in the cache (docs/accuracy.md says how far off)."
    ),
    "speed_range": "95 in 100: the t/s lie there so often.",
    "first_token": "First token: after a prompt of {context:,} tokens.",
    "experts_in_ram": "{quant} on {device}: the experts of the first {layers} layers stay in RAM "
    "(--n-cpu-moe {layers}).",
    "estimate_fits": lambda v: (
        "Yes: {model} in {quant} fits {device}".format(**v)
        + (f" with ~{v['ram']} GiB in RAM" if v["ram"] else "")
        + ": ~{used} of {usable} GiB".format(**v)
        + (f", up to {v['context']:,} tokens" if v["context"] else "")
        + (f", {v['speed']} tokens/s." if v["speed"] else ".")
    ),
    "estimate_fits_split": lambda v: (
        "Yes, with -ts {split}: {model} in {quant} fits {device}".format(**v)
        + (f", {v['speed']} tokens/s; " if v["speed"] else "; ")
        + "as it is dealt out by itself it does not."
    ),
    "estimate_some_run": "In part: of {asked} sequences of {context:,} tokens ~{requests:,.1f} run at once on {device} "
    "in {quant}; the others wait.",
    "users": lambda v: (
        f"{v['quant']} on {v['device']}: at once "
        + ", ".join(f"~{_many(requests)} of {context // 1024}k" for context, requests in v["users"])
        + "."
    ),
    "waiting": lambda v: (
        (
            f"Of {v['asked']} ~{v['requests']:,.1f} run at once; others wait, or are preempted when these outgrow the "
            "cache. What lets in more:"
        )
        if v["requests"] >= 1
        else f"None of {v['asked']} runs: the cache holds ~{v['requests']:,.1f} of one. What lets some run:"
    ),
    "remedy_kv": "  --kv-dtype fp8: ~{requests:,.1f} of {asked} at once",
    "remedy_context": "  shorter sequences: all {asked} at once up to ~{context:,} tokens each",
    "remedy_quant": "  {quant}: ~{requests:,.1f} of {asked} at once",
    "remedy_devices": "  {count}x {device}: ~{requests:,.1f} of {asked} at once",
    "estimate_limited": lambda v: (
        "Maybe: {model} in {quant} has room on {device}, but memory is not all; see *."
        if v["may"]
        else "No: {model} in {quant} has room on {device}, and yet does not run so; see *."
    ).format(**v),
    "estimate_may_fit": lambda v: (
        "Maybe: {model} in {quant} takes {0} to {1} GiB, by its shape; {device} has {usable}.".format(*v["ends"], **v)
    ),
    "estimate_lacks_ram": "No: {model} in {quant} leaves ~{ram} GiB to the RAM beside {device}, more than --ram names.",
    "estimate_lacks_one": "No: {model} in {quant} takes ~{used} GiB and {device} has {usable}, but one of them has "
    "{own} and would hold ~{full}.",
    "estimate_lacks": "No: {model} in {quant} takes ~{used} GiB, and {device} has {usable}: ~{missing} GiB too much.",
    "fits_first": lambda v: (
        "{device}: {model} in {quant}".format(**v)
        + (f", {v['context']:,} tokens" if v["context"] else "")
        + (f", {v['speed']} tokens/s." if v["speed"] else ".")
    ),
    "fits_none_of": "{device} ({usable} of {memory} GiB usable): no, {model} lacks ~{missing} GiB even in {quant}.",
    "fits_none_just": "{device} ({usable} of {memory} GiB usable): nothing fits; {model} in {quant} lacks only "
    "~{missing} GiB.",
    "fits_nothing": "{device} ({usable} of {memory} GiB usable): nothing fits that is so.",
    "fits_columns": "{usable} of {memory} GiB usable; best quant for {context:,} tokens; context: longest.",
    "params_stated": lambda v: (
        f"Stated: {v['total']}" + (f", {v['active']} active" if v["active"] else "") + f" ({v['source']})"
    ),
    "params_of": lambda v: (
        f"{v['model']}: {v['total']} parameters"
        + (f", {v['active']} of them active for a token" if v["active"] else "")
        + f" ({'its shape is ' if v['shape'] else ''}{v['basis']})."
    ),
    "as_published": lambda v: f"{v['model']} is published in {v['quant'].upper()}: what is wider wins nothing.",
    "needs_from": lambda v: (
        "{model} at a context of {context:,}: from {device} on, in {quant}".format(**v)
        + (f" with ~{v['ram']} GiB in RAM" if v["ram"] else "")
        + (f"; all of it on devices from {v['whole']} on." if v["whole"] else ".")
    ),
    "needs_published": "{model} at a context of {context:,}: from {device} on in {quant}, as it is published; from "
    "{smaller} on in {less}.",
    "needs_crawls": lambda v: (
        f"With layers in RAM it is slower than {v['least']:g} t/s: such devices are left out (--all)."
        if v["known"]
        else "How fast layers in RAM are is not known without --ram-bandwidth: such devices are left out (--all)."
    ),
    "in_ram": lambda v: (
        "RAM: what layers or experts take there" + ("; --ram-bandwidth tells the speed." if v["unknown"] else ".")
    ),
    "needs_none": "{model} at a context of {context:,} takes ~{total} GiB even in {quant}: no device has so much.",
    "needs_more": "Try a smaller --quant, a larger --max-count, or less strict --max-price and --kind.",
    "needs_speed": lambda v: (
        "t/s: modelled"
        + (", a dash where nobody measured such devices" if v["unknown"] else "")
        + (f"; of all {v['batch']:,} sequences together." if v["batch"] > 1 else ".")
    ),
    "needs_other_kind": "Of other kinds {device} is enough ({kind}, {memory} GiB).",
    "needs_hidden": "{hidden} other devices would do as well (--all; --kind datacentre, laptop, unified).",
    "launch_prices": "Price: at launch.",
    "compared": lambda v: (
        (
            f"{v['model']} and {v['first']} have about as many parameters"
            if v["times"] == "1"
            else f"{v['model']} has {v['times']} times {'fewer' if v['less'] else 'as many'} parameters "
            f"{'than' if v['less'] else 'as'} {v['first']}"
        )
        + (
            f"; it saw {v['tokens']} tokens a parameter, {v['first']} {v['first_tokens']}."
            if v["tokens"] and v["first_tokens"]
            else "."
        )
    ),
    "usable_of": "{usable} of {memory} GiB usable.",
    "ram_taken": "RAM is taken to read {low}–{high} GB/s, as two channels do; --ram-bandwidth says yours.",
    "usable_under": lambda v: (
        f"Of {v['memory']} GiB usable: "
        + "; ".join(f"{usable} under {runtime} ({', '.join(quants)})" for runtime, usable, quants in v["under"])
        + "."
    ),
    "no_speed": lambda v: (
        "Speed: how fast the RAM is tells it, such as --ram-bandwidth 50GB/s."
        if v["in_ram"]
        else "Speed: nobody measured such a device."
        if v["named"]
        else "Speed: a size has none; a card that is named has."
    ),
    "slow_in_ram": "What is below {least:g} t/s with layers in RAM is left out.",
    "loss_words": lambda v: (
        "Loss: none < 0.5 % < small < 3 % < visible < 10 % < heavy" + ("." if v["own"] else "; ~ as on Llama 3 8B.")
    ),
    "below_floor": "{quant} is below what is worth using: a smaller model in a better quant is likely the better one.",
    "ranked_by": "Ranked by {test}, less the loss; then by use, size.",
    "fits_not_available": lambda v: (
        f"{v['count']} cannot be had here: {', '.join(v['some'])}"
        + (", ... (-o json names all)." if v["count"] > len(v["some"]) else ".")
    ),
    "fits_hidden": lambda v: (
        "; ".join(
            text
            for text, count in (
                (f"{v['hidden']} more are not shown ({'--all' if v['passed'] else '--limit'})", v["hidden"]),
                (f"{v['passed']} are older, closed or for other uses", v["passed"]),
            )
            if count
        )
        + "."
    ),
    "fits_overview": "The quant with the least loss that fits with a context of {context:,} tokens; a card sold as "
    "24 GB holds 24 GiB, of which driver and display keep {kept} (--reserve). The first of each size: --all for all.",
    "hidden_columns": lambda v: f"Too narrow to show: {', '.join(v['columns'])}.",
    "about_vllm": "vllm: usable is what --gpu-memory-utilization leaves of the memory that CUDA reports. Until 0.19 "
    "CUDA graphs go into the rest; from 0.20 on they are taken out of the cache.",
    "about_sglang": "sglang: weights and KV cache share --mem-fraction-static (SGLang's own choice unless given) of "
    "what is free at the start. What it leaves of a device for activations and CUDA graphs, by a rule that nobody has "
    "measured, is neither usable nor counted in the total.",
    "about_ollama": "ollama: llama-server is run; before 0.30 it had engines of its own. A context that is not named "
    "is Ollama's own on these devices. Of each device 1 GiB stays free, else layers go to RAM.",
    "about_mlx": "mlx: mlx-lm on Metal. Overhead is what is under way while a prompt as long as the context is read; a "
    "smaller --prefill-step-size takes less.",
    "about_exllama": "exllama: the token embedding, which is among the weights, stays in RAM.",
    "start_with": lambda v: (
        f"This machine: {', '.join(v['devices'])}, {v['usable']} GiB usable"
        + (f", {v['ram']} GiB RAM." if v["ram"] else ".")
    ),
    "start_without": lambda v: (
        "No GPU was found on this machine"
        + (f" ({v['ram']} GiB RAM)" if v["ram"] else "")
        + ". Three questions to ask:"
    ),
    "fits_sizes": lambda v: (
        "Best on a card of " + "; ".join(f"{size}: {model} in {quant}" for size, model, quant in v["best"]) + "."
        if v["best"]
        else "Nothing fits that is so."
    ),
    "serve_costs": lambda v: (
        f"A million tokens of {v['model']} on {v['device']}: "
        + "; ".join(f"{way} {cost} $" for way, cost in v["ways"])
        + "."
    ),
    "model_of_size": "{model}: {size} parameters",
    "quants_in_use": lambda v: (
        f"Formats in use: {v['model']} takes {v['weights']} GiB in {v['quant']}, and {v['whole']} in {v['widest']}"
        + (f"; the loss is {v['loss']}." if v["loss"] != "-" else ".")
        if v["quant"]
        else f"{v['model']} cannot be had in any of the formats in use."
    ),
    "quants_hidden": "{hidden} more are not shown (--all); --model shows what they make of another model.",
    "words_explained": "{count} words; llmscale explain WORD tells what one means, with figures.",
    "also_called": lambda v: f"Also: {', '.join(v['names'])}.",
    "word_sources": lambda v: f"Source: {'; '.join(v['sources'])}",
    "see_words": lambda v: f"See: llmscale explain {' | '.join(v['words'])}",
}
