"""Published configs with one value damaged: every family counts them or refuses them, and none breaks."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.model.families import from_config, model_types
from llmscale.model.inventory import inventory
from llmscale.model.shape import shape_of
from tests.helpers import TRUTH, error_of

CONFIGS: dict[str, dict[str, Any]] = {}
for path in sorted((TRUTH / "configs").glob("*.json")):
    loaded = json.loads(path.read_text(encoding="utf-8"))
    if loaded["model_type"] in model_types():
        CONFIGS[path.stem] = loaded


def count(config: dict[str, Any]) -> None:
    """Count a config, and hold the count against what holds for all."""
    spec = from_config(config, "my/config.json")
    parts = inventory(spec)
    assert parts.untied_total() >= parts.total() >= parts.active() > 0
    assert all(cache.keys > 0 and cache.layers > 0 for cache in shape_of(spec).caches)


JUNK = st.sampled_from([None, True, False, -1, 0, 1, 3, 10**12, 2.5, "x", "", [], [1], ["x"], {}, {"a": 1}])


def test_most_modules_have_a_config_to_damage() -> None:
    modules = {model_types()[config["model_type"]] for config in CONFIGS.values()}
    assert len(modules) >= 22


@pytest.mark.parametrize("slug", CONFIGS)
def test_each_key_left_out_is_refused_or_has_a_default(slug: str) -> None:
    config = CONFIGS[slug]
    for key in config:
        left = {name: value for name, value in config.items() if name != key}
        error = error_of(partial(count, left))
        assert error is None or error.message.startswith("my/config.json"), key


@given(st.data())
def test_one_damaged_value(data: st.DataObject) -> None:
    config = CONFIGS[data.draw(st.sampled_from(sorted(CONFIGS)))]
    key = data.draw(st.sampled_from(sorted(config)))
    error = error_of(partial(count, {**config, key: data.draw(JUNK)}))
    if error is not None:
        assert error.exit_status == 4
        assert error.message.startswith("my/config.json")
