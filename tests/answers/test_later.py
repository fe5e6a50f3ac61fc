"""What a screen does not show of common sizes is worked out when it is read, once, and reads as ever."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from time import sleep
from typing import Any

import pytest

from llmscale.answers import estimate as module
from llmscale.answers.estimate import estimate
from llmscale.answers.results.common import to_json
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.later import begun, deferred, later
from llmscale.errors import UsageError
from llmscale.records import dataclass


@later("cost")
@dataclass
class Held:
    """As an answer."""

    name: str
    cost: int


def test_a_deferred_field_is_worked_out_once() -> None:
    calls: list[int] = []

    def work_out() -> int:
        calls.append(1)
        return 7

    one = Held("a", deferred(work_out))
    assert (one.name, calls) == ("a", [])
    assert (one.cost, one.cost, calls) == (7, 7, [1])
    assert one == Held("a", 7)


def test_what_is_begun_is_finished_by_the_first_field_that_is_missing() -> None:
    calls: list[int] = []

    def finish() -> Held:
        calls.append(1)
        return Held("a", deferred(lambda: 7))

    one = begun(Held, finish, name="a")
    assert (one.name, calls) == ("a", [])
    assert (one.cost, calls, one) == (7, [1], Held("a", 7))
    with pytest.raises(AttributeError, match="other"):
        one.other  # noqa: B018


def test_what_cannot_be_finished_says_why_whenever_it_is_asked() -> None:
    def finish() -> Held:
        raise UsageError("no such card")

    one = begun(Held, finish, name="a")
    for _ in range(2):
        with pytest.raises(UsageError, match="no such card"):
            one.cost  # noqa: B018
    assert not hasattr(one, "__array__")


def test_a_fault_within_is_not_a_field_that_is_missing() -> None:
    one = Held("a", deferred(lambda: [].nothing))  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="nothing"):
        one.cost  # noqa: B018


def test_threads_finish_one_between_them() -> None:
    calls: list[int] = []

    def finish() -> Held:
        calls.append(1)
        sleep(0.01)
        return Held("b", 7)

    one = begun(Held, finish, name="b")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: one.cost, range(32))) == {7}
    assert calls == [1]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_and_pickles_hold_all_of_it(copied: Callable[[Any], Any]) -> None:
    answer = estimate("7B", ["int4"])
    assert copied(answer) == answer
    assert copied(answer.estimates[0].devices[0]) == answer.estimates[0].devices[0]
    assert copied(begun(Held, lambda: Held("a", deferred(lambda: 7)), name="a")) == Held("a", 7)


def test_common_sizes_are_placed_when_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[str] = []
    of = module._device_fit
    monkeypatch.setattr(module, "_device_fit", lambda asked, one: (placed.append(one.devices.id), of(asked, one))[1])
    (line,) = estimate("7B", ["int4"]).estimates
    assert [device.memory_bytes for device in line.devices]
    assert not placed
    assert line.devices[0].fits
    assert placed == ["8gib"]


def test_they_are_what_they_are_when_they_are_named() -> None:
    (common,) = estimate("llama-2-7b", ["int4"]).estimates
    (named,) = estimate("llama-2-7b", ["int4"], gpus=["24GiB"]).estimates
    one = next(device for device in common.devices if device.memory_bytes == named.devices[0].memory_bytes)
    alike = {field.name for field in fields(DeviceFit)} - {"users", "remedies"}
    assert {name: to_json(getattr(one, name)) for name in alike} == {
        name: to_json(getattr(named.devices[0], name)) for name in alike
    }
