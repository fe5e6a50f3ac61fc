"""``llmscale estimate``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Examples: llmscale estimate 7B --quant int4 | llmscale estimate llama-2-7b -q fp16 -q int8 --gpu rtx4090"
)
def estimate(
    model: opt.Model,
    quant: opt.Quants = None,
    quant_map: opt.QuantMap = None,
    sparsity: opt.Sparsity = None,
    context: opt.Context = None,
    batch: opt.Batch = 1,
    kv_dtype: opt.KvDtype = "fp16",
    runtime: opt.Runtime = None,
    gpu: Annotated[
        Optional[list[str]],
        typer.Option(
            "--gpu",
            metavar="DEVICE",
            help="rtx4090, '2x rtx3090', 'rtx4090 + rtx3060', 24GiB, rtx4090:20GB; may be given several times.",
            autocompletion=opt.complete_device,
        ),
    ] = None,
    reserve: opt.Reserve = None,
    ubatch: Annotated[
        Optional[int], typer.Option("--ubatch", metavar="N", help="llama.cpp: tokens computed at once.")
    ] = None,
    flash_attn: Annotated[
        Optional[bool], typer.Option("--flash-attn/--no-flash-attn", help="llama.cpp: attention in one operation.")
    ] = None,
    unified_kv: Annotated[
        Optional[bool],
        typer.Option("--unified-kv/--no-unified-kv", help="llama.cpp: one cache for all sequences."),
    ] = None,
    swa_full: Annotated[
        Optional[bool], typer.Option("--swa-full", help="llama.cpp: whole caches for sliding windows.")
    ] = None,
    kv_offload: Annotated[
        Optional[bool], typer.Option("--kv-offload/--no-kv-offload", help="llama.cpp: the cache on the device.")
    ] = None,
    gpu_layers: Annotated[
        str, typer.Option("--gpu-layers", "-ngl", metavar="N", help="llama.cpp: layers on the device; all, auto.")
    ] = "",
    n_cpu_moe: Annotated[
        Optional[int],
        typer.Option("--n-cpu-moe", metavar="N", help="llama.cpp: first layers whose experts stay in RAM."),
    ] = None,
    tp: Annotated[Optional[int], typer.Option("--tp", metavar="N", help="vLLM, SGLang: tensor parallel size.")] = None,
    pp: Annotated[Optional[int], typer.Option("--pp", metavar="N", help="vLLM: pipeline parallel size.")] = None,
    dp: Annotated[Optional[int], typer.Option("--dp", metavar="N", help="vLLM: data parallel size.")] = None,
    ep: Annotated[Optional[bool], typer.Option("--ep", help="vLLM: expert parallel.")] = None,
    gpu_memory_utilization: Annotated[
        Optional[float], typer.Option("--gpu-memory-utilization", metavar="F", help="vLLM: share of the memory.")
    ] = None,
    max_num_seqs: Annotated[
        Optional[int], typer.Option("--max-num-seqs", metavar="N", help="vLLM: sequences at once.")
    ] = None,
    max_num_batched_tokens: Annotated[
        Optional[int], typer.Option("--max-num-batched-tokens", metavar="N", help="vLLM: tokens of one step.")
    ] = None,
    enforce_eager: Annotated[Optional[bool], typer.Option("--enforce-eager", help="vLLM: no CUDA graphs.")] = None,
    mem_fraction_static: Annotated[
        Optional[float],
        typer.Option("--mem-fraction-static", metavar="F", help="SGLang: share for weights and KV cache."),
    ] = None,
    chunked_prefill_size: Annotated[
        Optional[int], typer.Option("--chunked-prefill-size", metavar="N", help="SGLang: tokens of a prefill chunk.")
    ] = None,
    max_running_requests: Annotated[
        Optional[int], typer.Option("--max-running-requests", metavar="N", help="SGLang: requests at once.")
    ] = None,
    prefill_step_size: Annotated[
        Optional[int], typer.Option("--prefill-step-size", metavar="N", help="MLX: tokens of a chunk of the prompt.")
    ] = None,
    attn: Annotated[
        str, typer.Option("--attn", metavar="A", help="transformers: sdpa, eager or flash_attention_2.")
    ] = "",
    cache: Annotated[str, typer.Option("--cache", metavar="C", help="transformers: dynamic or static.")] = "",
    ram: Annotated[
        Optional[str], typer.Option("--ram", metavar="SIZE", help="llama.cpp: RAM for what is not on the device.")
    ] = None,
    ram_bandwidth: Annotated[
        Optional[str],
        typer.Option(
            "--ram-bandwidth", metavar="SPEED", help="llama.cpp: of the RAM, 80GB/s; gives the speed of layers there."
        ),
    ] = None,
    mmproj: Annotated[
        str,
        typer.Option(
            "--mmproj", metavar="TYPE", help="llama.cpp: also its vision tower's file, in f16, bf16, q8_0 or f32."
        ),
    ] = "",
    draft: Annotated[
        str,
        typer.Option(
            "--draft", metavar="MODEL", help="llama.cpp: also a draft model.", autocompletion=opt.complete_model
        ),
    ] = "",
    draft_quant: Annotated[
        str,
        typer.Option(
            "--draft-quant",
            metavar="Q",
            help="Its weight format. Default: that of MODEL.",
            autocompletion=opt.complete_quant,
        ),
    ] = "",
    command: Annotated[
        bool, typer.Option("--command", help="Also what to type: the line that starts the runtime so.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with status 1 unless some format fits some --gpu.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the formulas with the numbers put in.")] = False,
    assume: opt.Assume = None,
    catalogue: opt.Catalogue = None,
    output: opt.OutputOption = opt.Output.table,
    lang: opt.LangOption = opt.Lang.en,
    no_color: opt.NoColor = False,
    width: opt.Width = None,
    quiet: opt.Quiet = False,
) -> None:
    """Memory of MODEL in each format: weights, KV cache, overhead, total, and what it fits."""
    from llmscale.answers.estimate import DEFAULT_QUANTS
    from llmscale.answers.estimate import estimate as answer
    from llmscale.errors import UsageError
    from llmscale.render.views.estimate import EstimateView

    if check and not gpu:
        raise UsageError("--check asks about a device, and none is named.", "Add --gpu, for example --gpu rtx4090.")
    if command and not gpu:
        raise UsageError("--command asks about a device, and none is named.", "Add --gpu, for example --gpu rtx4090.")
    result = answer(
        model,
        quant or DEFAULT_QUANTS,
        context=opt.tokens(context),
        batch=batch,
        kv_dtype=kv_dtype,
        runtime=runtime,
        gpus=gpu or (),
        reserve=reserve,
        options={
            "ubatch": ubatch,
            "flash_attn": flash_attn,
            "unified_kv": unified_kv,
            "swa_full": swa_full,
            "kv_offload": kv_offload,
            "gpu_layers": gpu_layers,
            "n_cpu_moe": n_cpu_moe,
            "ram": ram,
            "ram_bandwidth": ram_bandwidth,
            "tp": tp,
            "pp": pp,
            "dp": dp,
            "ep": ep,
            "gpu_memory_utilization": gpu_memory_utilization,
            "max_num_seqs": max_num_seqs,
            "max_num_batched_tokens": max_num_batched_tokens,
            "enforce_eager": enforce_eager,
            "mem_fraction_static": mem_fraction_static,
            "chunked_prefill_size": chunked_prefill_size,
            "max_running_requests": max_running_requests,
            "prefill_step_size": prefill_step_size,
            "mmproj": mmproj,
            "draft": draft,
            "draft_quant": draft_quant,
            "attn": attn,
            "cache": cache,
        },
        quant_map=quant_map,
        sparsity=sparsity,
        explain=explain,
        assume=assume,
        catalogue=catalogue,
    )
    Style(output, lang, no_color, width, quiet).write(result, EstimateView(bool(gpu), explain, command))
    if check and not any(device.fits for line in result.estimates for device in line.devices):
        raise typer.Exit(1)
