"""What `sia doctor --deep` shows: each of its attacks is contained here, and would bite without a sandbox."""

from __future__ import annotations

import asyncio
import functools

import pytest

from engine.failure import Failure
from engine.sandbox import Isolation, Outcome, Program
from engine.sandbox.selftest import deep_probe
from engine.sandbox.selftest.attacks import ATTACKS, Attack

REACHING = [attack for attack in ATTACKS if not attack.ends]
BITING = [attack for attack in REACHING if attack.name in ("environment", "network")]


def outcomes(**attacked: object) -> dict[str, Outcome]:
    found = {key: Outcome(key, "fine", None, 0.0, 0.0, "") for key in "0123"}
    found["1"] = Outcome("1", attacked.get("answer"), attacked.get("failure"), 0.0, 0.0, "")  # type: ignore[arg-type]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_every_attack_is_contained(contained: Isolation, attack: Attack) -> None:
    measure = asyncio.run(deep_probe.attempt(attack, contained))
    assert measure.achieved, measure


@pytest.mark.parametrize(
    "attack", [one for one in ATTACKS if one.name in ("environment", "disk")], ids=lambda attack: attack.name
)
def test_one_of_each_kind_is_contained(isolation: Isolation, attack: Attack) -> None:
    assert asyncio.run(deep_probe.attempt(attack, isolation)).achieved


@pytest.mark.parametrize("attack", BITING, ids=[attack.name for attack in BITING])  # those that harm nothing
def test_an_attack_that_bites_is_told(attack: Attack) -> None:
    measure = asyncio.run(deep_probe.attempt(attack, Isolation.unsafe()))
    assert not measure.achieved and "reached" in measure.how, measure
    assert measure.remedy


def test_a_writable_folder_is_found_however_much_there_is_to_look_through(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (attack,) = [attack for attack in ATTACKS if attack.name == "files to write"]
    monkeypatch.setattr(deep_probe, "Program", functools.partial(Program, writable_tmp=True))
    measure = asyncio.run(deep_probe.attempt(attack, isolation))
    assert not measure.achieved and "/dev/shm" in measure.how, measure  # noqa: S108 - inside


def test_nothing_of_a_sandbox_outlives_its_engine(contained: Isolation) -> None:
    measure = deep_probe.outlive(contained)
    assert measure.achieved, measure


def test_whoever_goes_on_is_told(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    daemons = "import subprocess, time\nfor _ in range(6): subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
    monkeypatch.setattr(deep_probe, "HOLD", daemons + "time.sleep(60)")
    monkeypatch.setattr(deep_probe, "PATIENCE_S", 0.5)
    measure = deep_probe.outlive(isolation)
    assert not measure.achieved and "it left 6 processes" in measure.how, measure


def test_what_shows_that_a_sandbox_does_not_hold() -> None:
    reaching, exhausting = ATTACKS[0], next(attack for attack in ATTACKS if attack.name == "fork bomb")
    fault = deep_probe.fault
    assert fault(reaching, outcomes(answer=[]), 1) == ""
    assert fault(reaching, outcomes(answer=["/home"]), 1) == "reached /home"
    assert "could not be tried" in fault(reaching, outcomes(failure=Failure("candidate", "x")), 1)
    assert fault(exhausting, outcomes(failure=Failure("timeout", "x")), 1) == ""
    assert "not ended" in fault(exhausting, outcomes(answer="fine"), 1)
    assert "candidate" in fault(exhausting, outcomes(failure=Failure("candidate", "x")), 1)
    assert "limit" in fault(exhausting, outcomes(failure=Failure("timeout", "x")), 100)
    neighbour = {**outcomes(answer=[]), "2": Outcome("2", None, Failure("candidate", "x"), 0, 0, "")}
    assert "beside it failed" in fault(reaching, neighbour, 1)


def test_the_names_of_attacks_are_unique() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
