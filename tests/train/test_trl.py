"""TRL as the trainer: it learns what our loop learns, a training goes on where it was saved, and TRL really runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("trl", reason="needs the extra train")

import torch
from trl import DPOTrainer, GRPOTrainer, SFTTrainer

from engine.events import types as t
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.run.options import Options
from engine.run.workspace import Workspace
from engine.steps.training import step
from engine.weights import client
from engine.weights.generation import generate
from engine.weights.learner import Learner
from engine.weights.learning import OwnLearner
from engine.weights.policy import Policy
from engine.weights.recipe import recipe
from engine.weights.sample import Call, Sample
from engine.weights.trl import processes
from engine.weights.trl.learner import TrlLearner
from tests.playing import MANIFEST, small
from tests.train import tiny

pytestmark = pytest.mark.train
SMALL: dict[str, Any] = {"rank": 4, "alpha": 8, "learning_rate": 5e-3, "samples": 8, "batch": 64, "epochs": 2}
CLASSES = {"best-of-n": SFTTrainer, "dpo": DPOTrainer, "grpo": GRPOTrainer, "entropic": GRPOTrainer}
TOLERANCE, ADAPTED = 1e-5, 1e-4
"""The most by which losses of the two trainers may differ, and numbers of their adapters, which are up to 0.2: AdamW
divides by gradients, and small ones differ in more of their digits."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("tiny"))


def rollouts(policy: Policy) -> list[Sample]:
    words = tiny.WORDS[:4]
    return tiny.graded(
        words, generate(policy, [tiny.asked(w, 10 * i + j) for i, w in enumerate(words) for j in range(8)]), 8
    )


def two_calls(samples: Sequence[Sample]) -> list[Sample]:
    """The same with episodes of two calls, of which the second sees the first one's reply."""
    found = []
    for one, other in zip(samples, reversed(samples), strict=True):
        (first,), (second,) = one.calls, other.calls
        later = Call([*first.prompt, *first.tokens, *second.prompt], second.tokens)
        found.append(Sample(one.instance, one.sample, one.reward, [first, later]))
    return found


def learnt(
    learner: type[Learner],
    model: Path,
    algorithm: str,
    given: dict[str, Any],
    *,
    calls: int = 1,
    rounds: int = 2,
    count: int | None = None,
    **more: Any,
) -> tuple[list[float], Any]:
    """The losses of the rounds, and all numbers of the adapter."""
    made = recipe(algorithm, {**SMALL, **given})
    policy = Policy(model, made, 1)
    gathered = rollouts(policy)[:count]
    learning = learner(policy, made, 1, **(more | {"checkpoint": model} if learner is TrlLearner else more))
    gathered = two_calls(gathered) if calls == 2 else gathered
    losses = [learning.learn(number, gathered, lambda _: None)["loss"] for number in range(1, rounds + 1)]
    return losses, torch.cat([value.flatten() for value in policy.tensors().values()])


@pytest.mark.parametrize(
    ("algorithm", "given"),
    [
        ("best-of-n", {}),
        ("best-of-n", {"batch": 8, "temperature": 0.7, "warmup": 3}),
        ("dpo", {}),
        ("dpo", {"batch": 8, "temperature": 0.7}),
        ("grpo", {}),
        ("grpo", {"kl": 0.1, "temperature": 0.7, "max_grad_norm": 0.1}),
        ("entropic", {}),
    ],
)
def test_both_trainers_learn_the_same(model: Path, algorithm: str, given: dict[str, Any]) -> None:
    ours, theirs = (learnt(one, model, algorithm, given) for one in (OwnLearner, TrlLearner))
    assert theirs[0] == pytest.approx(ours[0], abs=TOLERANCE, rel=TOLERANCE)
    assert float((ours[1] - theirs[1]).abs().max()) < ADAPTED
    assert float(ours[1].abs().max()) > 0.1  # it has learnt


@pytest.mark.parametrize("algorithm", ["best-of-n", "grpo"])
def test_they_do_for_episodes_of_several_calls_too(model: Path, algorithm: str) -> None:
    ours, theirs = (learnt(one, model, algorithm, {}, calls=2) for one in (OwnLearner, TrlLearner))
    assert theirs[0] == pytest.approx(ours[0], abs=TOLERANCE, rel=TOLERANCE)
    assert float((ours[1] - theirs[1]).abs().max()) < ADAPTED


def test_they_do_where_the_number_of_calls_is_odd(model: Path) -> None:
    ours, theirs = (learnt(one, model, "grpo", {}, count=31) for one in (OwnLearner, TrlLearner))
    assert theirs[0] == pytest.approx(ours[0], abs=TOLERANCE, rel=TOLERANCE)
    assert float((ours[1] - theirs[1]).abs().max()) < ADAPTED


def test_a_base_with_dropout_is_trained_without_it(model: Path, tmp_path: Path) -> None:
    dropping = tmp_path / "dropping"
    shutil.copytree(model, dropping)
    config = json.loads((dropping / "config.json").read_text())
    (dropping / "config.json").write_text(json.dumps(config | {"attention_dropout": 0.5}))
    plain, dropped = (learnt(TrlLearner, one, "grpo", {}, rounds=1) for one in (model, dropping))
    assert dropped[0] == pytest.approx(plain[0], abs=TOLERANCE)
    assert float((plain[1] - dropped[1]).abs().max()) < ADAPTED


@pytest.mark.parametrize("learner", [OwnLearner, TrlLearner])
def test_a_step_without_a_finite_gradient_changes_nothing_and_is_told(model: Path, learner: type[Learner]) -> None:
    made = recipe("grpo", {**SMALL, "epochs": 1})
    policy = Policy(model, made, 1)
    samples = rollouts(policy)
    with torch.no_grad():
        next(iter(policy.trained.values())).fill_(math.inf)
    before = policy.digest()
    learning = learner(policy, made, 1, **({"checkpoint": model} if learner is TrlLearner else {}))
    measures = learning.learn(1, samples, lambda _: None)
    assert measures["skipped"] == 1
    assert math.isnan(measures["loss"])
    assert policy.digest() == before


def test_activations_that_are_computed_anew_change_nothing(model: Path) -> None:
    plain, anew = (learnt(TrlLearner, model, "grpo", {}, is_large=large) for large in (False, True))
    assert anew[0] == pytest.approx(plain[0], abs=TOLERANCE)
    assert float((plain[1] - anew[1]).abs().max()) < ADAPTED


@pytest.mark.parametrize("algorithm", ["best-of-n", "dpo", "grpo"])
def test_two_processes_learn_what_one_does(model: Path, algorithm: str) -> None:
    one, both = (learnt(TrlLearner, model, algorithm, {}, rounds=1, devices=devices) for devices in (1, 2))
    assert both[0] == pytest.approx(one[0], abs=TOLERANCE, rel=TOLERANCE)
    assert float((one[1] - both[1]).abs().max()) < ADAPTED


def test_the_device_is_given_back_before_other_processes_start(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def run(*_: Any) -> None:
        done.append("started")
        raise RuntimeError("that is enough")

    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("given back"))
    monkeypatch.setattr(processes, "run", run)
    with pytest.raises(RuntimeError, match="that is enough"):
        learnt(TrlLearner, model, "grpo", {}, rounds=1, devices=2)
    assert done == ["given back", "started"]


def test_a_process_that_fails_ends_the_others_and_says_why(tmp_path: Path) -> None:
    (tmp_path / processes.JOB).write_text("no job")
    with pytest.raises(RuntimeError, match=r"the process of device \d failed \(.*JSON is malformed"):
        processes.run(tmp_path, 2, lambda _: None)


@pytest.mark.parametrize("algorithm", CLASSES)
def test_it_is_trls_trainer_that_trains(model: Path, algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    train = SFTTrainer.__mro__[2].train  # transformers.Trainer, which all of TRL's stand on
    monkeypatch.setattr(SFTTrainer.__mro__[2], "train", lambda self: (ran.append(self), train(self))[1])
    learnt(TrlLearner, model, algorithm, {})
    assert len(ran) == 2
    assert all(isinstance(one, CLASSES[algorithm]) for one in ran)


def test_without_trl_the_trainer_trl_does_not_start_and_ours_does(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trl").mkdir()
    (tmp_path / "trl" / "__init__.py").write_text("raise RuntimeError('TRL was imported')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}")

    async def go(trainer: Any) -> str:
        async with client.open_trainer(model, recipe("grpo", SMALL), 1, threads=1, trainer=trainer) as opened:
            return str(opened.facts["trainer"])

    with pytest.raises(client.TrainerFailed, match="TRL was imported"):
        asyncio.run(go("trl"))
    assert asyncio.run(go("ours")) == "ours"


COUNTS_WORDS = """
def solve(instance, ctx):
    return len(ctx.model.chat([f"sun {instance.data}"], max_tokens=9)["text"].split())
"""
DECISION = """
[[decision]]
lever = "weights"
algorithm = "grpo"
recipe = { rounds = 2, instances = 8, samples = 4, rank = 4, batch = 8 }
"""


def product(model: Path, folder: Path, trainer: str) -> list[t.Payload]:
    """A run of the product that trains with `trainer`; its payloads."""
    folder.mkdir()
    domain = small(folder / "times7")
    seed = folder / "times7" / "harness"
    (seed / "harness.toml").write_text(MANIFEST)
    (seed / "agent.py").write_text(COUNTS_WORDS)
    (folder / "script.toml").write_text(DECISION)
    options = Options(
        domain=domain,
        generations=2,
        agent=f"script:{folder / 'script.toml'}",
        model=f"hf:{model}",
        trainer=trainer,
        workers=2,
    )
    workspace = Workspace(folder / "w")

    async def go() -> list[t.Payload]:
        planned = await launch.plan(options, lambda _: None, workspace)
        async with launch.start(workspace, planned) as started:
            await drive(started, Control())
            return [event.payload for event in started.log.reader.history(started.log.run)]

    return asyncio.run(go())


def trained(payloads: Sequence[t.Payload]) -> t.WeightsTrained:
    (found,) = [one for one in payloads if isinstance(one, t.WeightsTrained)]
    return found


@pytest.mark.parametrize("trainer", ["ours", "trl"])
def test_a_run_of_the_product_trains_with_it_and_goes_on_after_a_kill(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainer: str
) -> None:
    through = trained(product(model, tmp_path / "through", trainer))
    assert through.facts["trainer"] == trainer
    assert ("trl" in through.facts["versions"]) == (trainer == "trl")
    assert through.measures["steps"] >= 1
    killed: list[int] = []

    @contextlib.asynccontextmanager
    async def opened(*given: Any, **more: Any) -> Any:
        async with client.open_trainer(*given, **more) as found:
            learn = found.learn

            async def dies(number: int, samples: Any, report: Any) -> Any:
                if number == 2 and not killed:
                    killed.append(number)
                    os.killpg(found._process.pid, signal.SIGKILL)
                return await learn(number, samples, report)

            monkeypatch.setattr(found, "learn", dies)
            yield found

    monkeypatch.setattr(step, "open_trainer", opened)
    payloads = product(model, tmp_path / "killed", trainer)
    assert killed == [2]
    checkpoints = [one for one in payloads if isinstance(one, t.TrainingCheckpointed)]
    assert [(one.round, one.trainer) for one in checkpoints] == [(1, trainer), (2, trainer)]
    again = trained(payloads)
    assert {one for one in again.measures.items() if "_s" not in one[0] and "seconds" not in one[0]} == {
        one for one in through.measures.items() if "_s" not in one[0] and "seconds" not in one[0]
    }
