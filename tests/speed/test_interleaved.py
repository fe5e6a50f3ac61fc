"""The steady state of a server: what must hold whatever the law says of its steps."""

from __future__ import annotations

import pytest

from llmscale.speed.interleaved import Host, Server, Users, steady

USERS = Users(20, 2000, 500)
PLAIN = Server(step=lambda batch: 0.01 + 0.0001 * batch, prompt=0.1, room=8192, sequences=1000)


def test_one_user_alone_waits_for_his_prompt_and_for_each_token() -> None:
    state = steady(PLAIN, USERS._replace(number=1))
    assert state.first_token == pytest.approx(0.1 + 0.0101)
    assert state.between == pytest.approx(0.0101)
    assert state.cycle == pytest.approx(state.first_token + 499 * state.between)
    assert state.tokens_per_second == pytest.approx(500 / state.cycle)
    assert state.together == state.first_token


def test_a_cycle_reads_each_prompt_once_and_writes_each_answer_once() -> None:
    state = steady(PLAIN, USERS)
    assert state.cycle == pytest.approx(state.steps * state.step + 20 * 0.1)
    assert state.cycle == pytest.approx(state.first_token + 499 * state.between)
    assert state.tokens_per_second == pytest.approx(20 * 500 / state.cycle)
    assert state.between > state.step
    assert state.first_token < state.together


def test_more_users_write_more_together_and_wait_longer_each() -> None:
    states = [steady(PLAIN, USERS._replace(number=number)) for number in (1, 2, 8, 32, 128)]
    rates = [state.tokens_per_second for state in states]
    assert rates == sorted(rates)
    for times in ([state.first_token for state in states], [state.between for state in states]):
        assert times == sorted(times)


def test_who_has_no_memory_waits_until_others_are_done() -> None:
    few = steady(PLAIN._replace(sequences=5), USERS)
    alone = steady(PLAIN, USERS._replace(number=5))
    assert few.running == 5
    assert few.tokens_per_second == pytest.approx(alone.tokens_per_second)
    assert few.between == pytest.approx(alone.between)
    assert few.first_token == pytest.approx(alone.first_token + 15 / 5 * alone.cycle)


def test_a_small_room_makes_more_steps_of_a_prompt() -> None:
    wide, narrow = steady(PLAIN, USERS), steady(PLAIN._replace(room=520), USERS)
    assert narrow.steps - wide.steps == pytest.approx(3)
    assert narrow.first_token > wide.first_token
    crowded = steady(PLAIN._replace(room=84, sequences=20), Users(20, 2000, 10))
    assert crowded.steps == pytest.approx(20 * 2000 / 64)


def test_the_processor_takes_its_time_of_steps_tokens_and_requests() -> None:
    host = Host(step=0.001, token=0.0002, request=0.05)
    bare, busy = steady(PLAIN, USERS), steady(PLAIN._replace(host=host), USERS)
    assert busy.step == pytest.approx(bare.step + 0.001 + 0.0002 * busy.writing)
    assert busy.cycle == pytest.approx(busy.steps * busy.step + 20 * 0.1 + 0.05)
    assert busy.first_token > bare.first_token + 0.05


def test_an_answer_of_one_token_has_nothing_between() -> None:
    state = steady(PLAIN, Users(4, 1000, 1))
    assert state.writing == 1
    assert state.between == state.step


def test_of_two_tokens_the_second_is_written_in_a_step_of_its_own() -> None:
    """Four users, a step that reads the prompt and one that writes: two write in a step on average."""
    state = steady(PLAIN, Users(4, 1000, 2))
    assert (state.steps, state.writing) == (2, 2)
    assert state.between == pytest.approx(state.cycle - state.first_token)
