"""A file that is not here: what its size tells (``--file-size``), or its publisher of it (``-q UD-Q4_K_XL``)."""

from __future__ import annotations

from llmscale.catalogue.published_files import of_model
from llmscale.errors import NotFoundError, UsageError
from llmscale.formats.sized import GB, sized
from llmscale.formats.spoken import is_own_mix
from llmscale.model.inventory import inventory
from llmscale.notes import note
from llmscale.sources.catalogue import with_published
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.units import parse_size

ID = "file-size"


def of_file(
    loaded: Loaded | Undisclosed, quants: tuple[str, ...], size: str | None, changed: str | None, usual: tuple[str, ...]
) -> tuple[Loaded | Undisclosed, tuple[str, ...]]:
    """The model with the file that is meant, and the quants that are then asked for.

    Args:
        size: what was said of a file; None where nothing was.
        changed: formats by part, or a sparsity, where one is named.
        usual: the quants that nobody named.
    """
    if size is not None:
        return of_size(loaded, size, named_format=bool(changed) or quants not in ((), usual)), quants
    return (loaded, quants) if changed else as_published(loaded, quants)


def of_size(loaded: Loaded | Undisclosed, text: str, named_format: bool) -> Loaded:
    """The model with a file of that size as the format that it is in.

    Args:
        named_format: whether the user named a format as well.

    Raises:
        UsageError: he did; a size that no file of this model has, or a model whose tensors are not known.
        UndisclosedError: of one of which nobody says how large it is.
    """
    if named_format:
        raise UsageError("--file-size stands for the format of a file that is not known.", "Leave --quant away.")
    if isinstance(loaded, Undisclosed):
        loaded.known()
    size = parse_size(text, "file size")
    if loaded.stored or not loaded.spec.shape_known:
        raise UsageError(
            "--file-size is of a file that is not here, of a model that is known by its name.",
            "For example estimate qwen3-8b --file-size 5.03GB.",
        )
    found = sized(loaded.spec, inventory(loaded.spec), size, ID)
    bits = round(found.quant.bits, 2)
    told = note("file_size", size=f"{size / GB:,.2f}", bits=bits, recipes=found.recipes)
    return loaded._replace(stored=found.quant, quant="", notes=(*loaded.notes, told))


def as_published(loaded: Loaded | Undisclosed, quants: tuple[str, ...]) -> tuple[Loaded | Undisclosed, tuple[str, ...]]:
    """The model with the file that its publisher calls so, where that is the only format that is asked for.

    Raises:
        NotFoundError: there are several such files, or none whose size is known.
    """
    mix = quants[0].strip().lower() if len(quants) == 1 else ""
    if not is_own_mix(mix) or isinstance(loaded, Undisclosed) or loaded.entry is None:
        return loaded, quants
    files = of_model(loaded.entry.id, mix)
    if len(files) > 1:
        sizes = ", ".join(one.told for one in files)
        raise NotFoundError(f"{loaded.spec.name} is published in {mix.upper()} more than once.", f"Name one: {sizes}.")
    return (with_published(loaded, files[0]), ()) if files else (loaded, quants)
