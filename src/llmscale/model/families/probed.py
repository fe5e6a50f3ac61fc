"""Families derived by machine (`make probe`, `tests/oracle/probe/`): what classes of transformers hold, as data.

`data/probed/<model_type>.json` has of each class its tensors, their dimensions as expressions of keys, and when each is
there; two hundred configs that it was not derived from have proven it. A file outside what was varied is refused by
name. Nothing is known here of how such a model runs, only what it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llmscale.model.blocks.probed import ProbedTensor
from llmscale.model.families._bounds import MAX_WIDTH
from llmscale.model.families._config import Config
from llmscale.model.families._expression import UnknownKeyError, evaluate
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.store.tables import table

MODEL_TYPES = tuple(table("probed")["types"])
#: A tensor's name -> its component and part: the first that matches.
ROLES = (
    (r"(score|classifier|qa_outputs|lm_head|output_projection|embed_out|proj_out)\b", "head.out"),
    (r"(experts\.|_experts\b)", "experts.weight"),
    (r"(\.gate|router|e_score_correction_bias)(\.weight|\.bias)?$", "router.weight"),
    (r"(norm|ln_\w+|LayerNorm|layernorm|batch_norm)\w*\.(weight|bias)$", "norm.weight"),
    (r"(embed|wte|wpe|shared\.weight|position)", "embedding.weight"),
    (r"(attn|attention|q_proj|k_proj|v_proj|o_proj|out_proj)", "attention.weight"),
    (r"(mamba|ssm|conv1d|linear_attn|A_log|dt_bias)", "recurrent.weight"),
    (r"(mlp|fc1|fc2|ffn|feed_forward|intermediate|dense|wi|wo|gate_proj|up_proj|down_proj)", "mlp.weight"),
)
USED = re.compile(r"experts_per_tok(en)?$|moe_top_?k$")
TOWERS = (
    (r"(multi_modal_projector|projector|connector|merger|aligner)", "projector"),
    (r"(vision|visual|image_encoder|vit)", "vision"),
    (r"(audio|speech)", "audio"),
)


def read(c: Config) -> ModelSpec:
    """Read a config of a type whose classes were probed."""
    entry = json.loads(table("probed")["types"][c.model_type])
    groups = entry["classes"][_class(c, entry["classes"])]
    values = dict(_values(c, entry["keys"]))
    values["num_labels"] = c.labels()
    try:
        placed = tuple(block for group in groups for block in _placed(group, values))
    except UnknownKeyError as unknown:
        raise c.unsupported(f"does not say '{unknown}', which its class makes of other keys") from None
    return ModelSpec(id="", name="", source=c.where, family=c.model_type, placed=placed)


def _class(c: Config, classes: Mapping[str, Any]) -> str:
    """The class that the file names, or the one that has its head; the first where it names none."""
    first = next(iter(classes))
    named = c.architecture(first)
    if named in classes:
        return named
    head = c.head(first)
    alike = [name for name in classes if name.endswith(head)]
    if len(alike) == 1:
        return alike[0]
    raise c.unsupported(f"is a {named}", f"Known of '{c.model_type}': {', '.join(classes)}.")


def _values(c: Config, keys: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the file says of each key, or what the class assumes for it; None for what the class makes of others."""
    parts: dict[str, Config] = {"": c}
    for path, default in keys.items():
        *above, key = path.split(".")
        for depth, name in enumerate(above):
            inside = ".".join(above[:depth])
            here = ".".join(above[: depth + 1])
            if here not in parts:
                parts[here] = parts[inside].part(name, defaults={})
        part = parts[".".join(above)]
        given = part.get(key)
        if given is None:
            yield path, None if key in part.data else default
            continue
        _check(part, key, given, default)
        yield path, given


def _check(part: Config, key: str, given: Any, default: Any) -> None:
    """Refuse what was not varied when the class was probed, and numbers out of bounds."""
    if given == default:
        return
    if isinstance(given, bool) and isinstance(default, bool):
        return
    if isinstance(default, int) and not isinstance(default, bool):
        part.number(key, low=min(0, default))
        return
    if isinstance(default, float):
        part.decimal(key)
        return
    if default is None and isinstance(given, int) and not isinstance(given, bool):
        part.number(key, low=0)
        return
    if isinstance(given, list) and (default is None or _alike(given, default)):
        return
    raise part.unsupported(f"has {key} = {str(given)[:40]}, where only {str(default)[:40]} was tried")


def _alike(given: list[Any], default: Any) -> bool:
    """Whether a list is of the kind that was tried: words of any number, or as many whole numbers in bounds."""
    if not isinstance(default, list):
        return False
    if all(isinstance(one, str) for one in default):
        return all(one in default for one in given)
    return len(given) == len(default) and all(type(one) is int and 0 <= one <= MAX_WIDTH for one in given)


def _placed(group: list[Any], values: Mapping[str, Any]) -> Iterator[PlacedBlock]:
    """The tensors of a group, those of one shape together."""
    name, loops, when, shape = group
    places: list[dict[str, int]] = [{}]
    for letter, loop in zip("ij", loops, strict=False):
        places = [{**at, letter: n} for at in places for n in range(evaluate(loop, values, at))]
    found: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for at in places:
        if evaluate(when, values, at):
            numbers = [str(number) for number in at.values()]
            full = name.format(*numbers[:-1], "{layer}") if numbers else name
            sizes = tuple(evaluate(size, values, at) for size in shape)
            found.setdefault((full, sizes), []).extend([int(numbers[-1])] if numbers else [])
    tower = next((tower for pattern, tower in TOWERS if re.search(pattern, name)), None)
    for (full, sizes), layers in found.items():
        yield PlacedBlock(full, _tensor(name, sizes, values), tuple(layers), tower)


def _tensor(name: str, shape: tuple[int, ...], values: Mapping[str, Any]) -> ProbedTensor:
    role = next((role for pattern, role in ROLES if re.search(pattern, name)), "other.weight")
    if role == "experts.weight" and len(shape) == 3:
        used = [value for key, value in values.items() if USED.search(key) and isinstance(value, int)]
        return ProbedTensor(role, shape[1:], shape[0], min(used[0] if used else shape[0], shape[0]))
    return ProbedTensor(role, shape)
