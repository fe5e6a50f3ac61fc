"""Which models of the catalogue are worth naming to somebody who asks what to run, and which of them first.

A model is worth it when its weights can be downloaded, it is for what is asked, and nothing newer of its line and size
is there. What it is for stands in its entry (`made_for`), or follows from its modality, from the words of its
publisher's name, and from its class: one without a head that writes is for no chat.

Of models that no test rates those are named first that people run. Nobody publishes how many do, but those who choose
by hand what they package (Ollama's library, the makers of GGUF files, vLLM's recipes) follow what is asked for; a
fine-tune that one person uploaded is packaged by none of them. Of those alike the larger are named first, and an older
one counts as a smaller one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from math import log2
from typing import TYPE_CHECKING, Any

from llmscale.catalogue.entries import library_name, models
from llmscale.catalogue.entry import PURPOSES, WRITE
from llmscale.catalogue.scores import benchmarks, scores
from llmscale.catalogue.user import location, own
from llmscale.errors import UsageError
from llmscale.records import NamedTuple
from llmscale.store.tables import table

if TYPE_CHECKING:
    from llmscale.store.yaml_file import YamlFile

#: Purpose -> words of a name that say it; names are taken apart at hyphens.
WORDS: dict[str, frozenset[str]] = {
    "rerank": frozenset(("rerank", "reranker")),
    "embedding": frozenset(("embedding", "embeddings", "embed", "bge", "gte", "e5", "minilm")),
    "code": frozenset(("coder", "code", "codellama", "codegemma", "codestral", "devstral", "starcoder", "codegen")),
    "reason": frozenset(("r1", "qwq", "thinking", "think", "reasoning", "magistral", "math")),
}
#: Modality -> purposes that it is good for by itself.
MODALITIES: dict[str, frozenset[str]] = {
    "text": frozenset({"chat"}),
    "multimodal": frozenset({"chat", "vision"}),
    "audio": frozenset({"speech"}),
}
#: Names of classes that do not write (transformers, models/auto/modeling_auto.py: those that its mappings for causal
#: models and sequences lack): heads for other tasks, and models without a head; ChatGLM's and Marian's have one.
SILENT = re.compile(r"For(?:MaskedLM|PreTraining|\w+Classification)$|(?<!LMHead)(?<!ChatGLM)(?<!MarianMT)Model$")
#: Models that are made for one of these do nothing else.
ALONE = ("rerank", "embedding")
#: A newer one of a line takes the place of an older one when its parameters are so many times the older one's.
LIKE = (0.7, 1.25)
#: Months after which a model that writes is not named among others: counted back from the newest of the catalogue.
RECENT = 24
#: By how much longer where another size of the same generation is newer and few are for what is asked: Qwen2.5-Coder's
#: came out over two months.
SLACK = 2
CHAT = "chat"
#: Who chooses by hand what to make GGUF files of; mradermacher and TheBloke, who convert anything, say nothing.
PACKAGERS = frozenset({"ggml-org", "unsloth", "bartowski", "lmstudio-community"})
#: What `capabilities_source` names where vLLM's own recipes have the model.
RECIPES = "vllm-project/recipes"
#: Packagers from which on a model is in common use; how many more there are says nothing of its quality.
COMMON = 2
#: Months by which an older model counts as one of half its size among those that nobody rates. Assumed.
HALVES = 12
#: What a column of scores says anything about, by how its id begins; the others are about everything that chats.
ABOUT_CODE = "aider"
#: Active parameters below this share of all make a mixture of experts, which is of another kind than a dense model.
SPARSE = 0.8
_SIZE = re.compile(r"[ae]?\d+(\.\d+)?[bm]|\d+x\d+(\.\d+)?b")
#: Parts of a name that are a size, a version or an update, and so no part of its line.
_SIZE_OR_VERSION = re.compile(r"[ae]?\d+(\.\d+)?[bm]?|\d+x\d+(\.\d+)?b|v\d+(\.\d+)*|\d{4,}")


class Worth(NamedTuple):
    """What decides whether a model is named, and where.

    Attributes:
        line: publisher and name without sizes and versions.
        month: of its release, counted from January of year 0; 0 when nobody says.
        scores: what is reported of its quality, by the id of the test.
        packagers: how many of those that choose by hand have it.
    """

    id: str
    line: tuple[str, ...]
    purposes: frozenset[str]
    open: bool
    month: int
    released: str
    licence: str
    parameters: int
    sparse: bool
    scores: Mapping[str, float]
    packagers: int = 0

    @property
    def generation(self) -> tuple[str, ...]:
        """Publisher and name without the size alone: what came out together, if not in one month."""
        return self.line[0], *(word for word in self.id.split("-") if not _SIZE.fullmatch(word))

    @property
    def common(self) -> int:
        """Whether it is in common use, by degrees up to `COMMON`."""
        return min(self.packagers, COMMON)


def worths(catalogue: str | None) -> dict[str, Worth]:
    """Of every model of the catalogue, by id."""
    tests = tuple(benchmarks())
    rated = {key: {test: given[test] for test in tests if test in given} for key, given in scores().items()}
    shipped = table("worths")
    path = location(catalogue)
    if path is None:
        return {key: _read(key, fields, rated.get(key, {})) for key, fields in shipped.items()}
    mine, every = dict(own(path)["entries"].items()), models(catalogue)["entries"]
    return {
        key: worth_of(key, mine[key], rated.get(key, {}))
        if key in mine
        else _read(key, shipped[key], rated.get(key, {}))
        for key in every
    }


def compiled(file: YamlFile) -> dict[str, Any]:
    """The table ``worths``: of each model that ships the fields of `Worth`, less its id and its scores."""
    from llmscale.catalogue.schema import check

    told = {}
    for key, entry in check(file)["entries"].items():
        _, line, purposes, *fields, _, packagers = worth_of(key, entry, {})
        told[key] = [line, sorted(purposes), *fields, packagers]
    return told


def _read(key: str, compiled: list[Any], rated: Mapping[str, float]) -> Worth:
    line, purposes, *fields, packagers = compiled
    return Worth._make((key, tuple(line), frozenset(purposes), *fields, rated, packagers))


def worth_of(key: str, entry: dict[str, Any], rated: Mapping[str, float]) -> Worth:
    """That of the model with these fields."""
    total = entry.get("counted") or entry.get("parameters") or 0
    active = entry.get("counted_active") or entry.get("active_parameters") or total
    words = key.split("-")
    return Worth(
        id=key,
        line=(entry["publisher"].split()[0], *_line(words)),
        purposes=frozenset(entry.get("made_for") or ()) or _purposes(words, entry),
        open=entry["open"],
        month=month(entry["released"]),
        released=entry["released"],
        licence=entry["licence"],
        parameters=total,
        sparse=active < SPARSE * total,
        scores=rated,
        packagers=COMMON if entry.get("origin") else _packagers(entry),
    )


def _packagers(entry: dict[str, Any]) -> int:
    owners = {repository.split("/")[0] for repository in entry.get("gguf") or ()}
    recipes = RECIPES in (entry.get("capabilities_source") or "")
    return bool(library_name(entry)) + len(owners & PACKAGERS) + recipes


def _line(words: Iterable[str]) -> list[str]:
    """A name without sizes, versions and digits at the ends of words: ``qwen2.5-coder-7b`` is of qwen, coder."""
    named = (re.sub(r"[\d.]+$", "", word) for word in words if not _SIZE_OR_VERSION.fullmatch(word))
    return [word for word in named if word]


def _purposes(words: Iterable[str], entry: dict[str, Any]) -> frozenset[str]:
    plain = {form for word in words for form in (word, *_line([word]))}
    said = [purpose for purpose, telling in WORDS.items() if telling & plain]
    alone = next((purpose for purpose in ALONE if purpose in said), None)
    if alone:
        return frozenset({alone})
    heads = (entry.get("config") or {}).get("architectures") or ()
    silent = any(SILENT.search(str(head)) for head in heads)
    return frozenset(said) if silent else frozenset(said) | MODALITIES.get(entry["modality"], frozenset())


def month(released: str) -> int:
    """``2025-04`` as a number of months; 0 for what is no date."""
    found = re.fullmatch(r"(\d{4})(?:-(\d\d))?.*", released)
    return 12 * int(found[1]) + int(found[2] or 1) - 1 if found else 0


def ranked_by(rates: Callable[[str], bool], purpose: str | None = None) -> str:
    """The newest test of what is wanted that rates any of the models that fit; empty where none does.

    Scores of two tests are never mixed. The newest one it is and not the one with most models, because a test rates the
    models of its day: by the fullest one OLMo 2 would be named before Qwen3.

    Args:
        rates: whether a test does.
    """
    return next(filter(rates, _newest_first(purpose)), "")


def _newest_first(purpose: str | None) -> list[str]:
    """The tests of what is wanted."""
    about = [
        (one.read, test) for test, one in benchmarks().items() if test.startswith(ABOUT_CODE) == (purpose == "code")
    ]
    return [test for _, test in sorted(about, reverse=True)]


def refuse_purpose(purpose: str | None) -> None:
    """Raises:
    UsageError: one that no model can be for.
    """
    if purpose is not None and purpose not in PURPOSES:
        raise UsageError(f"--for '{purpose[:40]}' is not known.", f"One of: {', '.join(PURPOSES)}.")


def worthwhile(known: Mapping[str, Worth], purpose: str | None = None, licence: str | None = None) -> set[str]:
    """The ids of those that are worth naming.

    Raises:
        UsageError: a purpose that no model can be for.
    """
    refuse_purpose(purpose)
    wanted = purpose or CHAT
    newest = max((one.month for one in known.values()), default=0)
    meant = [
        one
        for one in known.values()
        if one.open and wanted in one.purposes and (licence is None or licence.lower() in one.licence.lower())
    ]
    oldest = newest - RECENT if wanted in WRITE else 0
    released: dict[tuple[str, ...], int] = {}
    for one in meant:
        released[one.generation] = max(one.month, released.get(one.generation, 0))
    latest = next(iter(_newest_first(purpose)), "")
    lines: dict[tuple[Any, bool], list[Worth]] = {}
    for one in sorted(meant, key=lambda one: -one.month):
        lines.setdefault((one.line, one.sparse), []).append(one)
    slack = SLACK if wanted != CHAT else 0
    recent = [one for one in meant if released[one.generation] >= oldest and one.month >= oldest - slack]
    return {one.id for one in recent if not _replaced(one, lines[one.line, one.sparse], latest)}


def _replaced(old: Worth, line: Iterable[Worth], test: str) -> bool:
    """Whether a newer one of its line is about as large, is packaged as well, and not unrated where the older is.

    Args:
        line: the newest first.
        test: the newest one.
    """
    least, most = (factor * old.parameters for factor in LIKE)
    return any(
        least <= new.parameters <= most
        and (new.packagers or not old.packagers)
        and (test in new.scores or test not in old.scores)
        for new in takewhile(lambda new: new.month > old.month, line)
    )


def weight(one: Worth) -> float:
    """By what those alike are put in order that nobody rates: doublings of parameters, and of age one each `HALVES`."""
    return log2(max(one.parameters, 1)) + one.month / HALVES
