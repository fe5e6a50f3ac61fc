"""Families derived by machine (`make probe`, `tests/oracle/probe/`): what classes of transformers hold, as data.

`data/probed/<model_type>.json` has of each class its tensors, their dimensions as expressions of keys, and when each is
there; two hundred configs that it was not derived from have proven it. A file outside what was varied is refused by
name. Nothing is known here of how such a model runs, only what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llmscale.model.blocks.probed import ProbedTensor
from llmscale.model.families._bounds import MAX_LAYERS, MAX_WIDTH
from llmscale.model.families._config import Config
from llmscale.model.families._expression import UnknownKeyError, evaluate
from llmscale.model.families._packed import unpacked
from llmscale.model.families._stages import given_out
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.store.tables import table

#: The largest size of one tensor's side, and number of places of one group, before a file counts as damaged.
MAX_SIZE, MAX_PLACES = 1 << 32, 1 << 20
MODEL_TYPES = tuple(table("probed")["types"])
#: A tensor's name -> its component and part: the first that matches.
ROLES = (
    (r"(score|classifier|qa_outputs|lm_head|output_projection|embed_out|proj_out)\b", "head.out"),
    (r"shared_experts?\.", "shared_experts.weight"),
    (r"(experts\.|_experts\b)", "experts.weight"),
    (r"(\.gate|router|e_score_correction_bias)(\.weight|\.bias)?$", "router.weight"),
    (r"(norm|ln_\w+|LayerNorm|layernorm|batch_norm)\w*\.(weight|bias)$", "norm.weight"),
    (r"(embed|wte|wpe|shared\.weight|position)", "embedding.weight"),
    (r"linear_attn\.", "recurrent.weight"),
    (r"(attn|attention|q_proj|k_proj|v_proj|o_proj|out_proj)", "attention.weight"),
    (r"(mamba|ssm|conv1d|linear_attn|A_log|dt_bias)", "recurrent.weight"),
    (r"(mlp|fc1|fc2|ffn|feed_forward|intermediate|dense|wi|wo|gate_proj|up_proj|down_proj)", "mlp.weight"),
)
STAGE = re.compile(r"stem|stage([1-9]\d{0,2})")
USED = re.compile(r"experts_per_tok(en)?$|moe_top_?k$")
TOWERS = (
    (r"(multi_modal_projector|projector|connector|merger|aligner)", "projector"),
    (r"(vision|visual|image_encoder|vit)", "vision"),
    (r"(audio|speech)", "audio"),
)


def read(c: Config) -> ModelSpec:
    """Read a config of a type whose classes were probed."""
    entry = entry_of(c.model_type)
    values = dict(_values(c, entry))
    values["num_labels"] = c.labels(entry["labels"])
    placed: list[PlacedBlock] = []
    tensors, rules = entry["classes"][_class(c, entry["classes"])]
    values |= dict(given_out(values))
    values |= dict(_settled(c, [entry["rules"][number] for number in rules], values))
    for prefix, numbers in tensors.items():
        for number in numbers:
            placed += _placed(c, prefix, entry["groups"][number], values)
    return ModelSpec(id="", name="", source=c.where, family=c.model_type, placed=tuple(placed))


def entry_of(model_type: str) -> dict[str, Any]:
    """What was found of a model type; see `_schema.Probed`."""
    probed = table("probed")
    entry: dict[str, Any] = unpacked(probed["types"][model_type], probed["words"])
    return entry


def _class(c: Config, classes: Mapping[str, Any]) -> str:
    """The class that the file names, or the one that has its head; the first where it names none."""
    first = next(iter(classes))
    named = c.architecture(first)
    if named in classes:
        return named
    head = c.head(first)
    alike = [name for name in classes if name.endswith(head)]
    if len(alike) == 1 and named.startswith(alike[0].removesuffix(head)):
        return alike[0]
    raise c.unsupported(f"is a {named}", f"Known of '{c.model_type}': {', '.join(classes)}.")


def _values(c: Config, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the file says of each key, or what the class assumes for it."""
    parts: dict[str, Config] = {"": c}
    for path, kind in entry["parts"].items():
        above, _, name = path.rpartition(".")
        parts[path] = part = parts[above].part(name, defaults={} if path in entry.get("optional", ()) else None)
        if part.model_type not in ("", kind):
            raise part.unsupported(f"has a {name} of type '{part.model_type[:60]}', where only '{kind}' was tried")
    spelled = {path: alias for alias, path in entry["aliases"].items()}
    for path, (default, tried, *words) in entry["keys"].items():
        above, _, key = path.rpartition(".")
        part = parts[above]
        if key not in part.data and path in spelled:
            key = spelled[path].rpartition(".")[2]
        given = part.get(key)
        if key not in part.data:
            yield path, default
            continue
        _check(part, key, default, tried, words[0] if words else [])
        yield path, given


def _settled(c: Config, rules: list[Any], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the class makes of keys that are left open, or whatever is said."""
    for path, always, makes in rules:
        if always or values.get(path) is None:
            try:
                if isinstance(makes, list) and makes[0] == "list":
                    _bounded(c, evaluate(makes[1], values, {}))
                yield path, evaluate(makes, values, {})
            except (LookupError, TypeError, ArithmeticError):
                continue  # what needs it says so


def _check(part: Config, key: str, default: Any, tried: list[str], words: list[Any]) -> None:
    """Refuse what was not varied when the class was probed, and numbers out of bounds."""
    given = part.get(key)
    if type(given) is type(default) and given == default:
        return
    kind = {bool: "switch", int: "whole", float: "decimal", type(None): "null"}.get(type(given), "")
    if kind == "whole" and kind in tried:
        part.number(key, low=0)
        return
    if kind in ("whole", "decimal") and "decimal" in tried:
        part.decimal(key)
        return
    if (kind and kind in tried) or (
        given in words if isinstance(given, str) else _listed(given, default, tried, words)
    ):
        return
    raise part.unsupported(f"has {key} = {str(given)[:40]}, where only {str(default)[:40]} was tried")


def _listed(given: Any, default: Any, tried: list[str], words: list[Any]) -> bool:
    """Whether a list is of the kind that was tried: words of any number, or as many whole numbers in bounds."""
    if not isinstance(given, list):
        return False
    if not given:
        return "empty" in tried
    if "own" in tried:
        return given in words
    if "stages" in tried:
        return _staged(given)
    if "words" in tried:
        return all(one in words for one in given)
    if "nested" in tried and all(isinstance(one, list) for one in given):
        return all(type(number) is int and 0 <= number <= MAX_WIDTH for one in given for number in one)
    alike = "lists" in tried or ("list" in tried and isinstance(default, list) and len(given) == len(default))
    kinds = {type(one) for one in given}
    return alike and (kinds == {bool} or (kinds == {int} and all(0 <= one <= MAX_WIDTH for one in given)))


def _staged(given: list[Any]) -> bool:
    """Whether a list names stages of a backbone, each once and in their order."""
    numbers = [STAGE.fullmatch(str(one)) for one in given]
    order = [int(match[1] or 0) for match in numbers if match is not None]
    return len(order) == len(given) and order == sorted(set(order))


def _placed(c: Config, prefix: str, group: list[Any], values: Mapping[str, Any]) -> Iterator[PlacedBlock]:
    """The tensors of a group, those of one shape together."""
    name, loops, when, shape = group
    found: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    try:
        places: list[dict[str, int]] = [{}]
        for letter, loop in zip("ijk", loops, strict=False):
            places = [{**at, letter: n} for at in places for n in range(_bounded(c, evaluate(loop, values, at)))]
            _bounded(c, len(places), MAX_PLACES)
        for at in places:
            if evaluate(when, values, at):
                numbers = [str(number) for number in at.values()]
                full = name.format(*numbers[:-1], "{layer}") if numbers else name
                sizes = tuple(_bounded(c, evaluate(size, values, at), MAX_SIZE) for size in shape)
                found.setdefault((full, sizes), []).extend([int(numbers[-1])] if numbers else [])
    except UnknownKeyError as unknown:
        raise c.unsupported(f"does not say '{unknown}', which its class makes of other keys") from None
    except ArithmeticError:
        raise c.error(f"has numbers that contradict each other: {prefix}{name} has no size") from None
    tower = next((tower for pattern, tower in TOWERS if re.search(pattern, name)), None)
    for (full, sizes), layers in found.items():
        yield PlacedBlock(prefix + full, _tensor(name, sizes, values), tuple(layers), tower)


def _bounded(c: Config, value: Any, high: int = MAX_LAYERS) -> int:
    if not isinstance(value, (int, float)) or value != int(value) or not 0 <= value <= high:
        raise c.error(f"has numbers that contradict each other, or are out of bounds: {str(value)[:40]}")
    return int(value)


def _tensor(name: str, shape: tuple[int, ...], values: Mapping[str, Any]) -> ProbedTensor:
    role = next((role for pattern, role in ROLES if re.search(pattern, name)), "other.weight")
    if role == "experts.weight" and len(shape) == 3:
        used = [value for key, value in values.items() if USED.search(key) and isinstance(value, int)]
        return ProbedTensor(role, shape[1:], shape[0], min(used[0] if used else shape[0], shape[0]))
    return ProbedTensor(role, shape)
