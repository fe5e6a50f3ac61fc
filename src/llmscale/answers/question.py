"""What a user may say of a question, read once for all answers: context, cache, options, devices.

Numbers and names come in as people write them, from the command line or from Python; what leaves is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmscale.answers.given import MAX_CONTEXT, read_options, whole_number
from llmscale.devices.local import LOCAL, named
from llmscale.devices.processor import CPU, is_this_processor
from llmscale.devices.sets import AND, DeviceSet, sized
from llmscale.errors import UsageError
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.formats.catalogue import kv_formats, number_format
from llmscale.formats.layout import Format
from llmscale.formats.select import named as named_quant
from llmscale.names import normal
from llmscale.runtimes.interface import option_table
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import only
from llmscale.units import GIB, parse_ram, parse_size

#: Far above any model; catches slips.
MAX_BATCH = 1 << 20


def question(
    context: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    runtime: str | None = None,
    options: Mapping[str, Any] | None = None,
    catalogue: str | None = None,
) -> Question:
    """The question that is meant.

    Args:
        runtime: its name, or ``name@release``.
        options: of runtimes, by name; what is None was not said.

    Raises:
        UsageError: a number or a word that cannot be meant.
        NotFoundError: a runtime, a format or a draft model that nobody knows.
    """
    context, batch = whole_number("--context", context), whole_number("--batch", batch) or 0
    if context is not None and not 1 <= context <= MAX_CONTEXT:
        raise UsageError(f"--context {context} is not possible: between 1 and {MAX_CONTEXT:,} tokens are.")
    if not 1 <= batch <= MAX_BATCH:
        raise UsageError(f"--batch {batch} is not possible: between 1 and {MAX_BATCH:,} sequences are.")
    kv, kv_v = kv_formats_of(kv_dtype)
    if runtime is not None:
        find_runtime(runtime)
    given = {name: value for name, value in (options or {}).items() if value is not None}
    return Question(context, batch, kv, kv_v, read_options(given, runtime, catalogue), runtime)


def kv_formats_of(text: str) -> tuple[Format, Format | None]:
    """The format of the KV cache, and that of V where ``k=q8_0,v=q4_0`` names another one for it."""
    if "=" not in text:
        return _kv_format(text), None
    parts = dict(piece.strip().lower().partition("=")[::2] for piece in text.split(","))
    if set(parts) != {"k", "v"}:
        raise UsageError(f"--kv-dtype '{text[:40]}' names no format of K and of V.", "For example k=q8_0,v=q4_0.")
    k, v = _kv_format(parts["k"]), _kv_format(parts["v"])
    return k, None if v == k else v


def _kv_format(name: str) -> Format:
    form = number_format(name)
    if not form.kv:
        raise UsageError(f"A KV cache cannot be kept in {form.name}.", f"One of: {', '.join(kv_formats())}.")
    return form


def quants_of(asked: Sequence[str], loaded: Loaded | Undisclosed | None, runtime: str | None) -> tuple[str, ...]:
    """The quants that are asked for; where none is, the one that the model's name says, if `runtime` runs it."""
    if asked:
        return tuple(_meant(quant, runtime) for quant in asked)
    if loaded is None or not loaded.quant:
        return ()
    name = runtime.partition("@")[0] if runtime else None
    quant = named_quant(loaded.quant)
    return (loaded.quant,) if name is None or name in (quant.runtime, *quant.readers) else ()


#: How people write bits alone; ``int4`` is the plain width on every runtime, ``fp16`` what its files call so.
_BITS = {
    "4bit": "int4",
    "8bit": "int8",
    "4bits": "int4",
    "8bits": "int8",
    **dict.fromkeys(("fp32", "float32", "float", "single", "full", "32bit"), "fp32"),
    **dict.fromkeys(("fp16", "float16", "half", "16bit"), "fp16"),
    **dict.fromkeys(("bf16", "bfloat16", "brain"), "bf16"),
}


def _meant(quant: str, runtime: str | None) -> str:
    """What is meant by bits alone on a runtime: ``4bit`` is NF4 on transformers, Q4_K_M on llama.cpp."""
    plain = _BITS.get(normal(quant))
    return find_runtime(runtime).info.bits.get(plain, quant) if runtime and plain else quant


def reserve_bytes(text: str | None) -> int | None:
    """Bytes that ``--reserve`` keeps free on each device; None where nobody said."""
    if text is None:
        return None
    return 0 if text.strip() in ("0", "0B", "0GB", "0GiB") else parse_size(text, "reserve")


def named_devices(
    names: Iterable[str], reserve: str | None = None, options: Mapping[str, Any] | None = None
) -> list[DeviceSet]:
    """The devices that are meant; RAM that is named beside them is `named_ram`'s, and a processor's own.

    Raises:
        UsageError, NotFoundError: as `named`.
    """
    names = list(names)
    if only.get() is not None and any(map(_looks_here, names)):
        raise UsageError("A server tells nothing of the machine that it runs on.", "Name a device: rtx4090, cpu:64GB.")
    return [named(_with_ram(*_parts(name), options), reserve_bytes(reserve)) for name in names]


def _looks_here(name: str) -> bool:
    """Whether a name stands for what this machine has."""
    return name.strip().lower() == LOCAL or is_this_processor(_parts(name)[0])


def _with_ram(name: str, beside: str, options: Mapping[str, Any] | None) -> str:
    """A processor with the RAM that is named for it, by its own words or by ``--ram``."""
    said = (options or {}).get("ram") or ""
    ram = beside or (f"{said}B" if isinstance(said, int) else str(said))
    return f"{CPU}:{ram}" if ram and is_this_processor(name) else name


def named_ram(names: Iterable[str], options: Mapping[str, Any] | None, runtime: str | None = None) -> dict[str, Any]:
    """The options, with the RAM beside a device: ``rtx3060 + 32GB ram`` is ``--gpu rtx3060 --ram 32GB``.

    With this machine's processor also how fast its RAM is, where the runtime asks for it.
    """
    names = list(names)
    said = [ram for name in names if (ram := _parts(name)[1])]
    found = dict(options or {})
    if said and found.get("ram") is None:
        found["ram"] = parse_ram(said[-1])
    here = found.get("ram") is None and any(map(is_this_processor, names)) and only.get() is None
    if here and found.get("ram_bandwidth") is None and (runtime is None or _asks_for_speed(runtime)):
        from llmscale.devices.detect.ram_speed import ram_bandwidth  # measures for a moment where nothing tells

        found["ram_bandwidth"] = ram_bandwidth()
    return found


def _asks_for_speed(runtime: str) -> bool:
    return "ram_bandwidth" in option_table(find_runtime(runtime).info.options)


def _parts(name: str) -> tuple[str, str]:
    """What is a device in ``rtx3060 + 32GB ram``, and the RAM."""
    parts = name.split(AND)
    if len(parts) < 2:
        return name, ""
    from llmscale.devices.spoken import is_host_memory

    rams = [ram for part in parts if (ram := is_host_memory(part))]
    devices = [part for part in parts if not is_host_memory(part)]
    return AND.join(devices), rams[-1] if rams else ""


def common_devices(sizes: Iterable[int], reserve: str | None = None) -> list[DeviceSet]:
    """Memory sizes in GiB as if they were devices; those that a reserve leaves nothing of are left out.

    Raises:
        UsageError: it leaves nothing of any.
    """
    kept, sizes = reserve_bytes(reserve), tuple(sizes)
    roomy = [size for size in sizes if kept is None or size * GIB > kept]
    return [sized(size * GIB, f"{size} GiB", reserve=kept) for size in roomy or sizes[-1:]]
