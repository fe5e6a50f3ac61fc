"""A recipe in a YAML file of the user's (``--quant my-recipe.yaml``), checked at this door.

name: experts in four bits
base: q8_0
rules: {experts: q4_k, embed: f16}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, replace
from typing import TypeVar

from llmscale.errors import LlmscaleError, NotFoundError
from llmscale.formats.catalogue import format_of, quant, quants
from llmscale.formats.mixed import mapped, parse_format, parse_selector
from llmscale.formats.recipe import LINEAR, REFUSE, REST, Quant
from llmscale.formats.sparsity import parse_sparsity
from llmscale.names import normal
from llmscale.records import dataclass
from llmscale.store.yaml_file import YamlFile

T = TypeVar("T")


@dataclass(frozen=True)
class RecipeFile:
    """A recipe, as it may be written.

    Attributes:
        rules: part to format, both by any of their names; the first that matches wins.
        base: the quant whose rules stand after those of the file; without one, `rules` say what ``*`` takes.
        narrow: the format for tensors that theirs cannot hold, or ``refuse``.
    """

    name: str
    rules: dict[str, str]
    base: str = ""
    narrow: str = ""
    runtime: str = ""
    sparsity: str = ""
    note: str = ""
    readers: list[str] = field(default_factory=list)


def read_recipe(path: str) -> Quant:
    """The quant that the file at `path` describes.

    Raises:
        InputFileError: the file cannot be read or does not fit, by file, line and field.
    """
    source = YamlFile.read(path)
    raw = source.mapping("fields to values")
    known = [part.name for part in fields(RecipeFile)]
    if unknown := [str(key) for key in raw if key not in known]:
        raise source.error((unknown[0],), f"{unknown[0]}: no such field.", f"Known: {', '.join(known)}.")
    given = source.typed(raw, RecipeFile)

    def checked(parse: Callable[[str], T], text: str, *keys: str) -> T:
        try:
            return parse(text)
        except LlmscaleError as error:
            raise source.error(keys, f"{'.'.join(keys)}: {error.message}", error.hint) from None

    rules: dict[str, str] = {}
    for part, form in given.rules.items():
        selector = part if part == REST else checked(parse_selector, part, "rules", part)
        rules[selector] = checked(parse_format, form, "rules", part)
    if bool(given.base) == (REST in rules):
        raise source.error(("rules",), "rules: either base names a quant, or they say what '*' takes.")
    if given.base:
        made = mapped(checked(quant, given.base, "base"), rules)
    else:
        bits = format_of(rules.get(LINEAR, rules[REST])).bits
        made = Quant("", "", "rules", bits, "transformers", 2, path, rules=rules)
    if given.narrow:
        narrow = REFUSE if given.narrow == REFUSE else checked(parse_format, given.narrow, "narrow")
        made = replace(made, narrow=narrow)
    if given.runtime:
        made = replace(made, runtime=checked(_runtime, given.runtime, "runtime"))
    if given.sparsity:
        made = replace(made, sparsity=checked(parse_sparsity, given.sparsity, "sparsity").name)
    readers = given.readers or made.readers
    own = replace(made, id=given.name, name=given.name, note=given.note, source=path, readers=readers)
    return replace(own, aliases=[])


def _runtime(name: str) -> str:
    """The runtime called `name`: one that quants are read by.

    Raises:
        NotFoundError: none is.
    """
    known = sorted({reader for each in quants() for reader in (each.runtime, *each.readers)})
    for runtime in known:
        if normal(runtime) == normal(name):
            return runtime
    raise NotFoundError(f"There is no runtime called '{name}'.", f"Known: {', '.join(known)}.")
