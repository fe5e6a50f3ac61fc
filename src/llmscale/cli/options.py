"""Options that commands share, declared once."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Optional

import typer

from llmscale.units import parse_tokens


class Lang(str, Enum):
    """Language of titles and labels."""

    en = "en"
    zh = "zh"


def _starting(names: list[str], incomplete: str) -> list[str]:
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def complete_model(incomplete: str) -> list[str]:
    """Catalogue ids that begin so; with an owner and a slash the addresses on hubs."""
    from llmscale.catalogue.user import location
    from llmscale.store.tables import table

    is_address = "/" in incomplete
    if location() is None:
        return _starting(table("completion")["addresses" if is_address else "models"], incomplete)
    from llmscale.catalogue.entries import models

    entries = models()["entries"]
    addresses = (alias for entry in entries.values() for alias in entry["aliases"] if "/" in alias)
    return _starting(list(addresses if is_address else entries), incomplete)


def complete_family(incomplete: str) -> list[str]:
    """Known model types that begin so."""
    from llmscale.model.families import model_types

    return [family for family in model_types() if family.lower().startswith(incomplete.lower())]


def complete_device(incomplete: str) -> list[str]:
    """Device ids that begin so, behind a count (``2x rtx30``) as well."""
    import re

    from llmscale.store.tables import table

    counted = re.match(r"\d{1,4}\s*[x*]\s*", incomplete)
    before = counted.group() if counted else ""
    names = _starting([*table("completion")["devices"], "local", "cpu"], incomplete[len(before) :])
    return [before + name for name in names]


def complete_quant(incomplete: str) -> list[str]:
    """Weight formats that begin so."""
    from llmscale.store.tables import table

    return _starting([*table("completion")["quants"], "all", "all-gguf"], incomplete)


def complete_kv(incomplete: str) -> list[str]:
    """Formats of a KV cache that begin so."""
    from llmscale.formats.catalogue import kv_formats

    return _starting(kv_formats(), incomplete)


def complete_runtime(incomplete: str) -> list[str]:
    """Runtimes that begin so."""
    from llmscale.runtimes.registry import NAMES

    return _starting(list(NAMES), incomplete)


def complete_output(incomplete: str) -> list[str]:
    """Formats of output that begin so."""
    from llmscale.render.registry import WRITERS

    return _starting(list(WRITERS), incomplete)


def tokens(text: str | None, option: str = "--context") -> int | None:
    """A number of tokens: ``8192``, ``8,192``, ``1e5`` or ``8k`` (1,024 each, as context lengths are named).

    Raises:
        UsageError: not a whole number.
    """
    return None if text is None else parse_tokens(text, option)


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A catalogue name, a size (7B, 1.1亿), a config.json or its folder.",
        autocompletion=complete_model,
    ),
]


def _catalogue(ctx: typer.Context, path: Optional[str]) -> Optional[str]:
    # `models --catalogue FILE list` names it before the subcommand, which has the option as well.
    path = path or ctx.meta.get("llmscale.catalogue.entries")
    ctx.meta["llmscale.catalogue.entries"] = path
    return path


Catalogue = Annotated[
    Optional[str],
    typer.Option(
        "--catalogue",
        metavar="FILE",
        callback=_catalogue,
        help="Your own models, over those that ship. Default: $LLMSCALE_CATALOGUE, else models.yaml in the "
        "configuration folder.",
        rich_help_panel="What",
    ),
]
Assume = Annotated[
    Optional[str],
    typer.Option(
        "--assume",
        metavar="FAMILY",
        help="Count a config.json of an unknown model_type as this one; the answer is marked as assumed.",
        autocompletion=complete_family,
        rich_help_panel="What",
    ),
]
Quants = Annotated[
    Optional[list[str]],
    typer.Option(
        "--quant",
        "-q",
        metavar="Q",
        help="Weight format, 4.5bpw, or a recipe.yaml; may be given several times. Groups: all, all-gguf, all-vllm …",
        autocompletion=complete_quant,
        rich_help_panel="What",
    ),
]
QuantMap = Annotated[
    Optional[str],
    typer.Option(
        "--quant-map",
        metavar="MAP",
        help="Formats by part, over --quant: 'attn=q8_0,experts=q4_k,*.embed=f16'.",
        rich_help_panel="What",
    ),
]
Sparsity = Annotated[
    Optional[str],
    typer.Option(
        "--sparsity", metavar="S", help="Prune linear layers: 2:4, 50% (bitmask) or 50%:csr.", rich_help_panel="What"
    ),
]
Context = Annotated[
    Optional[str],
    typer.Option(
        "--context",
        "-c",
        "--num-ctx",
        metavar="N",
        help="Tokens of one sequence; 8k is 8192. Default: 4096 or the model's limit; Ollama's own by the device.",
        rich_help_panel="How",
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        "--batch",
        "-b",
        "--sequences",
        "--num-parallel",
        metavar="N",
        help="Sequences at once.",
        rich_help_panel="How",
    ),
]
Runtime = Annotated[
    Optional[str],
    typer.Option(
        "--runtime",
        metavar="R",
        help="Runtime; default by quant.",
        autocompletion=complete_runtime,
        rich_help_panel="How",
    ),
]
KvDtype = Annotated[
    str,
    typer.Option(
        "--kv-dtype", metavar="Q", help="Format of the KV cache.", autocompletion=complete_kv, rich_help_panel="How"
    ),
]
Gpus = Annotated[
    Optional[list[str]],
    typer.Option(
        "--gpu",
        metavar="DEVICE",
        help="rtx4090, '2x rtx3090', 'rtx4090 + rtx3060', 24GiB, rtx4090:20GB; may be given several times.",
        rich_help_panel="Where",
        autocompletion=complete_device,
    ),
]
Reserve = Annotated[
    Optional[str],
    typer.Option(
        "--reserve",
        metavar="SIZE",
        help="Memory kept free on each device for driver and display. Default: 0.5GiB.",
        rich_help_panel="Where",
    ),
]
Users = Annotated[
    Optional[int],
    typer.Option("--users", metavar="N", help="Who ask at once, each again when answered.", rich_help_panel="Users"),
]
In = Annotated[
    Optional[str],
    typer.Option("--in", metavar="N", help="Tokens of a user's prompt, 2k.", rich_help_panel="Users"),
]
Out = Annotated[
    Optional[str],
    typer.Option("--out", metavar="N", help="Tokens of an answer, 500.", rich_help_panel="Users"),
]
Ttft = Annotated[
    Optional[str],
    typer.Option("--ttft", metavar="TIME", help="The longest wait for a first token, 1s.", rich_help_panel="Users"),
]
Tpot = Annotated[
    Optional[str],
    typer.Option("--tpot", metavar="TIME", help="The same for each other token, 50ms.", rich_help_panel="Users"),
]
OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="table|json|csv|markdown|yaml",
        help="How the answer is written.",
        autocompletion=complete_output,
    ),
]
LangOption = Annotated[Lang, typer.Option("--lang", envvar="LLMSCALE_LANG", help="Language of what is printed.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (also: NO_COLOR).")]
Width = Annotated[Optional[int], typer.Option("--width", metavar="N", min=20, max=1000, help="Width of the table.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No legend and no notes below the table.")]
