"""Compiled tables: remade when stale, used from a checkout that cannot be written to."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from llmscale.store import tables as data
from llmscale.store.rows import dumped, parsed
from tests.store.a_checkout import DEVICE, fresh, later


def test_the_compiled_form_is_made_at_first_use(checkout: SimpleNamespace) -> None:
    assert list(fresh()["entries"]) == ["one"]
    assert list(parsed(checkout.compiled.read_bytes())["data"]["entries"]) == ["one"]
    assert [path.name for path in checkout.compiled.parent.glob("devices*")] == [checkout.compiled.name]


def test_it_is_used_while_it_is_fresh(checkout: SimpleNamespace) -> None:
    fresh()
    stored = parsed(checkout.compiled.read_bytes())
    other = {"one": {**stored["data"]["entries"]["one"], "name": "from the compiled form"}}
    checkout.compiled.write_text(dumped({**stored, "data": {**stored["data"], "entries": other}}), encoding="utf-8")
    assert fresh()["entries"]["one"]["name"] == "from the compiled form"


def test_it_is_remade_when_the_yaml_is_newer(checkout: SimpleNamespace) -> None:
    fresh()
    checkout.yaml.write_text(DEVICE.format(id="one") + DEVICE.format(id="two"), encoding="utf-8")
    later(checkout.yaml)
    assert list(fresh()["entries"]) == ["one", "two"]
    assert list(parsed(checkout.compiled.read_bytes())["data"]["entries"]) == ["one", "two"]


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"data": 3}'])
def test_a_damaged_compiled_form_is_remade(checkout: SimpleNamespace, damage: str) -> None:
    fresh()
    checkout.compiled.write_text(damage, encoding="utf-8")
    assert list(fresh()["entries"]) == ["one"]


def test_a_checkout_that_cannot_be_written_to_works(checkout: SimpleNamespace) -> None:
    checkout.compiled.parent.parent.touch()  # a file stands where the folder should
    assert list(fresh()["entries"]) == ["one"]
    assert list(fresh()["entries"]) == ["one"]
    assert not checkout.compiled.exists()


def test_an_error_while_replacing_leaves_the_old_form(
    checkout: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh()
    before = checkout.compiled.read_text(encoding="utf-8")

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    checkout.yaml.write_text(DEVICE.format(id="two"), encoding="utf-8")
    later(checkout.yaml)
    assert list(fresh()["entries"]) == ["two"]
    assert checkout.compiled.read_text(encoding="utf-8") == before


def test_outside_a_checkout_only_the_compiled_form_is_read(
    checkout: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh()
    monkeypatch.setattr(data, "compiler", None)
    checkout.yaml.write_text("not: [yaml", encoding="utf-8")
    assert list(fresh()["entries"]) == ["one"]
