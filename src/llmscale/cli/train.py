"""``llmscale train``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli import train_layout as layout
from llmscale.cli import train_memory as memory
from llmscale.cli import train_step as step
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Examples: llmscale train llama-2-7b | llmscale train llama-3-8b --method lora --lora-rank 16 "
    "--lora-targets all-linear | llmscale train mixtral-8x7b --method lora --lora-targets q_proj,v_proj"
)
@takes_style
def train(
    model: step.Model = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="full (if not given), lora, qlora, dora, adalora, loha, lokr, oft, vera, ia3, prefix, …",
            show_default=False,
            rich_help_panel="What is trained",
        ),
    ] = "",
    lora_rank: Annotated[
        Optional[int],
        typer.Option(
            "--lora-rank",
            help="Rank of the adapter (block of OFT); peft's own default unless given.",
            rich_help_panel="What is trained",
        ),
    ] = None,
    lora_targets: Annotated[
        str,
        typer.Option(
            "--lora-targets",
            help="Names with commas, all-linear, or default: peft's own choice.",
            rich_help_panel="What is trained",
        ),
    ] = "default",
    lora_bias: Annotated[
        str, typer.Option("--lora-bias", help="none, all or lora_only.", rich_help_panel="What is trained")
    ] = "none",
    modules_to_save: Annotated[
        str, typer.Option("--modules-to-save", help="Modules trained whole besides.", rich_help_panel="What is trained")
    ] = "",
    virtual_tokens: Annotated[
        int, typer.Option("--virtual-tokens", help="Of prefix, prompt and p-tuning.", rich_help_panel="What is trained")
    ] = 20,
    prefix_projection: Annotated[
        bool,
        typer.Option(
            "--prefix-projection",
            help="Two layers make the prefix, and are trained too.",
            rich_help_panel="What is trained",
        ),
    ] = False,
    train_layers: Annotated[
        str,
        typer.Option(
            "--train-layers", metavar="last:N", help="What --method freeze trains.", rich_help_panel="What is trained"
        ),
    ] = "last:1",
    optimizer: Annotated[
        str, typer.Option("--optimizer", help="adamw, adamw-8bit, adafactor, sgd, …", rich_help_panel="Step")
    ] = "adamw",
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            help="fp32, amp, bf16, bf16+amp, megatron or deepspeed; amp in full, else bf16 if not given.",
            rich_help_panel="Step",
        ),
    ] = "",
    seq: memory.Seq = None,
    micro_batch: memory.MicroBatch = None,
    checkpointing: memory.Checkpointing = None,
    attn: memory.Attn = "sdpa",
    padded: memory.Padded = False,
    adapter_dtype: memory.AdapterDtype = "fp32",
    kbit_prepare: memory.KbitPrepare = "peft",
    loss: memory.Loss = "",
    objective: memory.Objective = "sft",
    precompute_ref: memory.PrecomputeRef = False,
    kl: memory.Kl = False,
    completion: memory.Completion = None,
    offload: memory.Offload = None,
    flops: step.FlopsOption = "square",
    tokens: step.Tokens = None,
    gpu: step.Gpu = None,
    count: layout.Count = None,
    global_batch: layout.GlobalBatch = None,
    tp: layout.Tp = None,
    pp: layout.Pp = None,
    vp: layout.Vp = None,
    cp: layout.Cp = None,
    ep: layout.Ep = None,
    zero: layout.Zero = None,
    network: layout.Network = None,
    mfu: step.Mfu = None,
    price: step.Price = None,
    grid: step.Grid = None,
    pue: step.Pue = 1.1,
    reproduce: step.Reproduce = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show modules, and precision recipes.")] = False,
    assume: opt.Assume = None,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """What training MODEL takes: parameters trained, bytes of all that a step holds, and where it is most."""
    from llmscale.answers.train import train as answer
    from llmscale.errors import UsageError
    from llmscale.render.views.train import TrainView

    if reproduce:
        step.reproduce(style)
        return
    if model is None:
        raise UsageError("MODEL is needed.", "llmscale train llama-2-7b, or llmscale train --reproduce.")
    result = answer(
        model,
        method=method,
        lora_rank=lora_rank,
        lora_targets=lora_targets,
        lora_bias=lora_bias,
        modules_to_save=modules_to_save,
        virtual_tokens=virtual_tokens,
        prefix_projection=prefix_projection,
        train_layers=memory.last_layers(train_layers),
        optimizer=optimizer,
        precision=precision,
        step=step.step_of(seq, micro_batch, checkpointing, attn, flops),
        run=step.compute_of(tokens, gpu, mfu, price, grid, pue),
        memory=memory.asked(
            seq,
            micro_batch,
            checkpointing,
            attn,
            padded,
            adapter_dtype,
            kbit_prepare,
            loss,
            objective,
            precompute_ref,
            kl,
            completion,
            offload,
        ),
        layout=layout.asked(
            count,
            global_batch,
            network,
            {"tp": tp, "pp": pp, "vp": vp, "cp": cp, "ep": ep, "zero": zero, "micro": micro_batch},
            checkpointing,
        ),
        assume=assume,
        catalogue=catalogue,
    )
    style.write(result, TrainView(explain))
