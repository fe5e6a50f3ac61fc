"""Which parameters a method trains, as ``get_nb_trainable_parameters`` of peft 0.21.2 counts them.

Sources: peft ``tuners/tuners_utils.py`` (how names match, what ``all-linear`` is), ``utils/other.py`` (what is copied),
``utils/transformers_weight_conversion.py`` (fused experts), ``tuners/{prefix_tuning,prompt_tuning,p_tuning}/model.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.training.adapters import ADDED, DEFAULT_RANK, LINEAR, TAKES, Size
from llmscale.training.experts import EXPERT_NAMES, adapt_experts
from llmscale.training.modules import COMPARED, Kind, Module, modules, routes
from llmscale.training.own import last_tensors, own_tensors
from llmscale.training.targets import FEED_FORWARD, default_targets
from llmscale.training.virtual import virtual_tokens

ALL_LINEAR = "all-linear"
#: Methods of which peft knows that experts are fused.
RENAMES_EXPERTS = frozenset({"lora", "dora"})
#: Model types whose class hands these modules' weights to a kernel, past any adapter: peft refuses LoRA on them
#: (``tuners/tuners_utils.py``).
MAMBA = frozenset({"falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h"})
LORA_LIKE = RENAMES_EXPERTS | {"adalora"}
PAST_ADAPTERS = frozenset({"out_proj", "conv1d"})
VIRTUAL = ("prefix", "prompt", "p-tuning")
METHODS = ("full", "qlora", *ADDED, *VIRTUAL, "ln", "bitfit", "freeze")

#: As peft calls some of them (``peft/utils/peft_types.py``).
ALSO_CALLED = {
    "ln-tuning": "ln",
    "prefix-tuning": "prefix",
    "prompt-tuning": "prompt",
}

#: Those that train tensors of the model itself, in its own format.
OWN = frozenset({"full", "bitfit", "ln", "freeze"})


class MethodChoice(NamedTuple):
    """What the user asked for.

    Attributes:
        rank: of LoRA and kin, the block of OFT; 0 for the method's own.
        targets: names, ``all-linear``, or none for peft's own choice.
        bias: ``none``, ``all`` or ``lora_only``.
        save: modules trained whole besides.
        tokens: virtual tokens of prefix and prompt tuning.
        projected: whether a prefix is made by two layers.
        last: layers at the end that are trained where all else is frozen.
    """

    method: str = "full"
    rank: int = 0
    targets: tuple[str, ...] = ()
    bias: str = "none"
    save: tuple[str, ...] = ()
    tokens: int = 20
    projected: bool = False
    last: int = 0


class Trained(NamedTuple):
    """What is trained.

    Attributes:
        added: shapes of tensors that the method adds, with how many.
        own: the same of the tensors of the model that are trained.
        fixed: parameters that are added and not trained.
        base: parameters of the model.
        names: parameters added by module.
        saved: modules of the model that are trained as copies, beside the frozen originals and in their format.
    """

    added: tuple[tuple[tuple[int, ...], int], ...]
    own: tuple[tuple[tuple[int, ...], int], ...]
    fixed: int
    base: int
    names: dict[str, int]
    notes: tuple[Note, ...] = ()
    saved: tuple[tuple[tuple[int, ...], int], ...] = ()

    @property
    def trainable(self) -> int:
        """Parameters that are trained."""
        return _sum(self.added) + _sum(self.own) + _sum(self.saved)

    @property
    def total(self) -> int:
        """Parameters of the model and of what was added."""
        return self.base + _sum(self.added) + _sum(self.saved) + self.fixed


def trained(spec: ModelSpec, choice: MethodChoice) -> Trained:
    """What `choice` trains of a model.

    Raises:
        UsageError: names that match nothing, what the method cannot adapt, a type that peft has no default for.
    """
    parts = modules(spec)
    base = inventory(spec).total() - _buffers(spec)
    if choice.method in ("full", "bitfit"):
        return _own(spec, choice.method, base)
    if choice.method == "freeze":
        return Trained((), tuple(last_tensors(spec, choice.last)), 0, base, {})
    if choice.method in VIRTUAL:
        return Trained(virtual_tokens(spec, choice.method, choice.tokens, choice.projected), (), 0, base, {})
    if choice.method == "ln":
        return _norms(spec, parts, choice, base)
    return _adapted(spec, parts, choice, base)


def adapted_modules(spec: ModelSpec, choice: MethodChoice) -> tuple[list[Module], list[Module]]:
    """The modules that the method adapts, and those that are trained whole."""
    parts = modules(spec)
    if choice.method == "ln":
        return [], _whole(parts, choice.targets or default_targets("ln", spec.family))
    chosen = _chosen(spec, parts, choice) if choice.method in ADDED else []
    return chosen, _whole(parts, choice.save)


def largest_rank(spec: ModelSpec, choice: MethodChoice) -> int:
    """The narrowest side of what LoRA and its kin adapt, above which a rank gains nothing; 0 for other methods."""
    if choice.method not in LORA_LIKE:
        return 0
    return min((min(module.inputs, module.outputs) for module in adapted_modules(spec, choice)[0]), default=0)


def _adapted(spec: ModelSpec, parts: list[Module], choice: MethodChoice, base: int) -> Trained:
    method, size = choice.method, Size(choice.rank or DEFAULT_RANK[choice.method], FEED_FORWARD.get(spec.family, ()))
    chosen = _chosen(spec, parts, choice)
    added: list[tuple[tuple[int, ...], int]] = []
    names: dict[str, int] = {}
    fixed = 0
    for module in chosen:
        extra = ADDED[method](module, size)
        added += [(shape, module.copies) for shape in extra.trained]
        fixed += extra.fixed * module.copies
        names[module.label] = names.get(module.label, 0) + module.copies * _sum((s, 1) for s in extra.trained)
    fused = adapt_experts(spec, parts, choice.targets, size.rank) if method in RENAMES_EXPERTS else ()
    if fused and method == "dora":
        raise UsageError("DoRA does not work on fused experts, as peft says.", "Name targets outside the experts.")
    for label, shape, count in fused:
        added.append((shape, count))
        names[label] = names.get(label, 0) + count * _sum([(shape, 1)])
    saved = tuple((shape, module.copies) for module in _whole(parts, choice.save) for shape in module.shapes)
    own = _biases(spec, chosen, choice.bias)
    if not added:
        _nothing(spec, parts, choice)
    notes = [note("experts_fused", rank=2 * size.rank)] if fused else []
    if spec.family not in COMPARED:
        notes.append(note("class_not_compared", model_type=spec.family))
    missed = [name for name in choice.targets if not _found(name, chosen, fused, spec)]
    if missed:
        notes.append(note("targets_missed", model=spec.name, names=missed))
    if any(module.head for module in _whole(parts, choice.save)) and _tied(spec):
        notes.append(note("saved_unties"))
    return Trained(tuple(added), own, fixed, base, names, tuple(notes), saved)


def _found(name: str, chosen: list[Module], fused: Sequence[object], spec: ModelSpec) -> bool:
    if name == ALL_LINEAR or (fused and name.rpartition(".")[2] in EXPERT_NAMES.get(spec.family, {})):
        return True
    return bool(_named(chosen, (name,)))


def _chosen(spec: ModelSpec, parts: list[Module], choice: MethodChoice) -> list[Module]:
    targets = choice.targets or default_targets(choice.method, spec.family)
    # What peft renames for fused experts it does before it knows its own default, and then has none.
    if not targets or (not choice.targets and choice.method in RENAMES_EXPERTS and spec.family in EXPERT_NAMES):
        raise UsageError(
            f"peft has no default targets of {choice.method} for model type '{spec.family}'.",
            f"Name them: --lora-targets {ALL_LINEAR}, or {', '.join(_labels(parts)[:4])}.",
        )
    _known(spec, parts, targets)
    if targets == (ALL_LINEAR,):
        chosen = [module for module in parts if module.kind in LINEAR and not module.head]
        if spec.family in EXPERT_NAMES and choice.method in RENAMES_EXPERTS:
            chosen = [module for module in chosen if module.label not in EXPERT_NAMES[spec.family]]
    else:
        taken = EXPERT_NAMES.get(spec.family, {}) if choice.method in RENAMES_EXPERTS else {}
        chosen = _named(parts, [name for name in targets if name.rpartition(".")[2] not in taken])
    _check(chosen, choice.method, spec.family)
    return chosen


def _known(spec: ModelSpec, parts: list[Module], targets: tuple[str, ...]) -> None:
    """Refuse where the modules of the class are not known well enough to count adapters of them."""
    ends = {target.rpartition(".")[2] for target in targets}
    fused = routes(spec) and ends & {ALL_LINEAR, *EXPERT_NAMES["mixtral"], *EXPERT_NAMES["qwen3_moe"]}
    if spec.family not in COMPARED and fused:
        raise UnsupportedModelError(
            f"How transformers' class of '{spec.family}' divides {', '.join(targets)} is not known here, so adapters "
            "of them are not counted.",
            f"Name modules outside the experts: {', '.join(_labels(parts)[:4])}.",
        )


def _check(chosen: list[Module], method: str, family: str) -> None:
    for module in chosen:
        if method in LORA_LIKE and family in MAMBA and module.label in PAST_ADAPTERS:
            raise UsageError(
                f"'{module.label}' of a {family} model is read past any adapter: peft refuses LoRA on it.",
                "Name targets without it: --lora-targets in_proj,x_proj.",
            )
        if module.kind not in TAKES[method]:
            raise UsageError(
                f"{method} cannot adapt '{module.label}' ({module.kind.value}); peft takes linear layers there.",
                "Name other targets.",
            )


def _named(parts: list[Module], names: Iterable[str]) -> list[Module]:
    ends = tuple(names)
    bare = [module for module in parts if module.kind not in (Kind.EXPERTS, Kind.ROUTER)]
    return [m for m in bare if any(m.name == end or m.name.endswith(f".{end}") for end in ends)]


def _whole(parts: list[Module], names: Iterable[str]) -> list[Module]:
    """Modules of that name, and all that stand in one of that name."""
    ends = tuple(f".{name}." for name in names)
    return [module for module in parts if any(end in f".{module.name}." for end in ends)]


def _nothing(spec: ModelSpec, parts: list[Module], choice: MethodChoice) -> None:
    wanted = ", ".join(choice.targets or default_targets(choice.method, spec.family))
    raise UsageError(
        f"Target modules {wanted} are not in {spec.name}.", f"It has: {', '.join(_labels(parts))}; or {ALL_LINEAR}."
    )


def _labels(parts: list[Module]) -> list[str]:
    return list(dict.fromkeys(module.label for module in parts if module.kind in LINEAR and not module.head))


def _biases(spec: ModelSpec, chosen: list[Module], which: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    if which == "all":
        return tuple(own_tensors(spec, ".bias"))
    if which == "lora_only":
        return tuple(((module.bias,), module.copies) for module in chosen if module.bias)
    return ()


def _norms(spec: ModelSpec, parts: list[Module], choice: MethodChoice, base: int) -> Trained:
    targets = choice.targets or default_targets("ln", spec.family)
    chosen = _whole(parts, targets)
    if not chosen:
        raise UsageError(
            f"peft has no default norms to tune for model type '{spec.family}'.", "Name them: --lora-targets norm."
        )
    copies = tuple((shape, module.copies) for module in chosen for shape in module.shapes)
    return Trained(copies, (), 0, base, {})


def _own(spec: ModelSpec, method: str, base: int) -> Trained:
    own = tuple(own_tensors(spec, ".bias" if method == "bitfit" else ""))
    if not own:
        raise UsageError(f"{spec.name} has no bias to train.", "Take --method lora.")
    return Trained((), own, 0, base, {})


def _buffers(spec: ModelSpec) -> int:
    return sum(group.parameters for group in inventory(spec).stored() if group.role == "router.correction_bias")


def _tied(spec: ModelSpec) -> bool:
    return any(group.tied_to for group in inventory(spec).groups)


def _sum(tensors: Iterable[tuple[tuple[int, ...], int]]) -> int:
    total = 0
    for shape, count in tensors:
        elements = count
        for width in shape:
            elements *= width
        total += elements
    return total
