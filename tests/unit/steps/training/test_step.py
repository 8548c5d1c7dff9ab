"""The weights lever's step: trained on train alone, resumed from a checkpoint, bounded, and stopped if it collapses."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from domains.contract import Instance
from engine.core import replay
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader
from engine.events.seal import seal
from engine.loop import ablation, fork
from engine.queries import audit
from engine.run import adapters
from engine.run.workspace import Workspace
from engine.steps.training.rollouts import require_train_only
from engine.transfer import adapters as exported
from engine.transfer import garbage
from engine.transfer.run_import import import_run
from engine.weights.client import TrainerFailed
from tests.fakes.openai_server import Serves
from tests.training import TRAINS, Stage, adapter, stage

pytest.importorskip("httpx2", reason="the extra agents is not installed")
P = TypeVar("P", bound=t.Payload)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with stage(tmp_path, monkeypatch) as ready:
        yield ready


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, list[t.Payload]]:
    """A run that trained in its first Improvement, and its payloads; for tests that only look."""
    with pytest.MonkeyPatch.context() as patch, stage(tmp_path_factory.mktemp("trained"), patch) as ready:
        return ready, ready.run(TRAINS)


def of(payloads: list[t.Payload], kind: type[P]) -> list[P]:
    return [one for one in payloads if isinstance(one, kind)]


def whole(play: Stage) -> bool:
    with contextlib.closing(Reader.open(play.workspace.log)) as reader:
        run = reader.find("last").run
        return replay.verify(reader, run).identical and not audit.verify(reader, play.workspace).problems


def test_an_adapter_makes_a_candidate_of_the_same_harness_which_the_gate_accepts(
    trained_once: tuple[Stage, list[t.Payload]],
) -> None:
    play, payloads = trained_once
    (trained,) = of(payloads, t.WeightsTrained)
    first, second = (one.candidate for one in of(payloads, t.GenerationStarted))
    assert second == t.Candidate(first.harness, trained.adapter, "weights")
    assert [one.accepted for one in of(payloads, t.GateDecided)] == [True, True]
    assert (trained.rounds, trained.ended, trained.parent) == (3, "all 3 rounds are done", None)
    assert whole(play)


def test_training_is_fed_from_train_without_what_measures(trained_once: tuple[Stage, list[t.Payload]]) -> None:
    play, payloads = trained_once
    fed = {sample.instance for _, samples in play.did("learn") for sample in samples}
    measured = {one.instance for one in of(payloads, t.InstanceFinished)}
    assert len(fed) >= 8
    assert all(name.startswith("train-") for name in fed)
    assert not fed & measured
    samples = play.did("learn")[0][1]
    assert all(call.prompt and call.tokens for sample in samples for call in sample.calls)
    assert len(samples) == 16


def test_rollouts_count_as_evaluations_and_show_curves(trained_once: tuple[Stage, list[t.Payload]]) -> None:
    _, payloads = trained_once
    reported = of(payloads, t.TrainingProgress)
    assert sum(one.evaluations for one in reported) == 3 * 8 * 2
    assert [one.step for one in reported] == list(range(1, len(reported) + 1))
    assert {"reward", "kl", "entropy"} <= {name for one in reported for name in one.values}
    checkpoints = of(payloads, t.TrainingCheckpointed)
    assert [one.round for one in checkpoints] == [1, 2, 3]
    assert all(sum(one.rewards) == 16 for one in checkpoints)


@pytest.mark.parametrize(("serves", "rounds"), [("base", [1]), ("first", [1, 2])])
def test_nothing_is_learnt_from_rollouts_of_another_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serves: Serves, rounds: list[int]
) -> None:
    with stage(tmp_path, monkeypatch, serves) as play:
        with pytest.raises(SiaError, match="that it was given: it answers as"):
            play.run(TRAINS)
        assert [number for number, _ in play.did("learn")] == rounds
        with contextlib.closing(Reader.open(play.workspace.log)) as reader:
            payloads = [event.payload for event in reader.history(reader.find("last").run)]
    assert [one.round for one in of(payloads, t.TrainingCheckpointed)] == rounds  # from where a resume goes on
    assert not of(payloads, t.WeightsTrained)


@pytest.mark.slow
def test_a_trainer_that_dies_goes_on_at_its_last_checkpoint(play: Stage) -> None:
    dies = [True]

    def measures(number: int) -> dict[str, float]:
        if number == 2 and dies:
            dies.clear()
            raise TrainerFailed("the training process died")
        return {"kl": 0.1}

    play.measures = measures
    payloads = play.run(TRAINS)
    assert play.did("open")[-1] == (None, 1)
    assert [number for number, _ in play.did("learn")] == [1, 2, 2, 3]
    assert [one.round for one in of(payloads, t.TrainingCheckpointed)] == [1, 2, 3]
    assert of(payloads, t.StepFailed)[0].failure.kind == "infrastructure"
    assert not (play.workspace.path / "training").exists() or not any((play.workspace.path / "training").iterdir())
    assert whole(play)


def test_a_training_that_goes_wrong_ends_at_its_last_good_checkpoint(play: Stage) -> None:
    play.measures = lambda number: {"kl": 0.1 if number < 3 else 99.0}
    (trained,) = of(play.run(TRAINS), t.WeightsTrained)
    assert trained.rounds == 2
    assert "rose to" in trained.collapse
    assert play.did("open")[-1] == (None, 2)


def test_a_measure_that_is_nan_ends_the_training_and_leaves_the_log_readable(play: Stage) -> None:
    play.measures = lambda number: {"loss": math.nan if number == 3 else 0.5}
    payloads = play.run(TRAINS)
    (trained,) = of(payloads, t.WeightsTrained)
    assert trained.rounds == 2 and "loss is NaN" in trained.collapse
    assert whole(play)


def test_a_training_without_a_good_checkpoint_comes_to_nothing(play: Stage) -> None:
    play.measures = lambda number: {"kl": 99.0}
    payloads = play.run(TRAINS)
    assert not of(payloads, t.WeightsTrained)
    assert "training made no adapter: the divergence" in of(payloads, t.ImprovementFailed)[0].reason


def test_a_budget_ends_it_with_what_it_has_and_pays_for_the_execution(play: Stage) -> None:
    execution = 12 + 4
    payloads = play.run(TRAINS, budget=t.Budget(evaluations=2 * execution + 16))
    (trained,) = of(payloads, t.WeightsTrained)
    assert trained.rounds == 1
    assert "the budget leaves" in trained.ended
    assert len(of(payloads, t.GateDecided)) == 2


def test_a_fork_does_not_train_again_what_its_lineage_has_trained(play: Stage) -> None:
    payloads = play.run(TRAINS)
    opened = len(play.did("open"))
    at = next(n for n, one in enumerate(payloads, 1) if isinstance(one, t.GateDecided))
    fork.fork(play.workspace, fork.ForkPlan("last", at))
    again = of(play.resume(), t.WeightsTrained)
    assert len(play.did("open")) == opened
    assert again[-1].reused
    assert again[-1].adapter == of(payloads, t.WeightsTrained)[0].adapter
    assert whole(play)


@pytest.mark.slow
def test_the_next_harness_keeps_the_trained_weights(play: Stage) -> None:
    edit = 'files = { "prompts/note.md" = "unused" }'
    payloads = play.run(TRAINS, edit, generations=3)
    candidates = [one.candidate for one in of(payloads, t.GenerationStarted)]
    assert candidates[2].weights == candidates[1].weights != None  # noqa: E711
    assert candidates[2].harness != candidates[1].harness
    assert [one.lever for one in candidates] == [None, "weights", "harness"]


@pytest.mark.slow
def test_a_second_training_begins_from_the_first(play: Stage) -> None:
    payloads = play.run(TRAINS, TRAINS, generations=3)
    first = of(payloads, t.WeightsTrained)[0].adapter
    assert play.did("open")[-1] == (first, 0)
    assert of(payloads, t.WeightsTrained)[1].parent == first


def test_best_of_n_executes_the_first_harness_only_and_votes(play: Stage) -> None:
    payloads = play.run("nothing = 'never asked'", lever="best-of-n", generations=3)
    (started,) = of(payloads, t.GenerationStarted)
    assert started.candidate.votes == 3
    assert len(of(payloads, t.InstanceFinished)) == 16
    assert len(of(payloads, t.ModelCalled)) == 3 * 16
    assert not of(payloads, t.AnalysisFinished)
    assert whole(play)


def item(name: str, data: Any) -> Instance:
    return Instance(name, data)


@pytest.mark.parametrize("planted", [item("val-1", 1), item("train-9", 100), item("other", 5)])
def test_a_planted_instance_is_refused(planted: Instance) -> None:
    train = [item("train-1", 1), item("train-9", 100)]
    with pytest.raises(SiaError, match="is not only in train"):
        require_train_only([train[0], planted], train, [item("val-1", 100)])
    require_train_only(train[:1], train, [item("val-1", 100)])


def test_wrong_hyper_parameters_are_refused_before_anything_begins(play: Stage) -> None:
    with pytest.raises(SiaError, match="rank"):
        play.run('lever = "weights"\nalgorithm = "grpo"\nrecipe = { rank = 0 }')
    assert not play.workspace.log.exists()


def test_weights_need_a_model_that_can_be_trained(play: Stage) -> None:
    with pytest.raises(SiaError, match="needs a model that can be trained"):
        play.run(TRAINS, lever="weights", model="openai:m")
    with pytest.raises(SiaError, match="best-of-n asks a task model"):
        play.run(TRAINS, lever="best-of-n", model="")


def test_damaged_adapters_are_found_and_idle_ones_swept(play: Stage) -> None:
    play.run(TRAINS)
    home = play.workspace.path
    stray = adapter(home / "adapters", "another", "stray")
    (home / "training" / "of nothing").mkdir(parents=True)
    (kept,) = (path for path in (home / "adapters").iterdir() if path.name != stray and path.name in trained(play))
    swept = garbage.sweep(play.workspace).files
    assert {str(home / "adapters" / stray), str(home / "training" / "of nothing")} <= set(swept)
    assert kept.is_dir()
    assert whole(play)
    (kept / "adapter_config.json").write_text("altered")
    with contextlib.closing(Reader.open(play.workspace.log)) as reader:
        assert ["damaged" in problem for problem in audit.verify(reader, play.workspace).problems] == [True]


def trained(play: Stage) -> set[str]:
    with contextlib.closing(Reader.open(play.workspace.log)) as reader:
        return {one.payload.adapter for one in adapters.trainings(reader)}


SURE = '''files = { "agent.py" = """
def solve(instance, ctx):
    told = int(ctx.model.chat([f"Guess a digit. x = {instance.data}"], max_tokens=16)["text"])
    return told or 7 * instance.data % 10
""" }'''


@pytest.mark.slow
def test_the_cross_says_what_each_lever_brings_alone_and_on_top(play: Stage) -> None:
    domain = Path(play.domain, "domain.py")
    domain.write_text(domain.read_text().replace("(100, 112)", "(100, 132)"))
    play.run(TRAINS, SURE, generations=3)
    with contextlib.closing(play.workspace.reader()) as reader:
        run = reader.find("last")
        found = ablation.cells(reader, run)
    rows = []
    for cell in found:
        if cell.fork:
            fork.fork(play.workspace, cell.fork)
            play.resume()
        with contextlib.closing(play.workspace.reader()) as reader:
            rows.append((cell, reader.find(cell.fork.name) if cell.fork else run))
    with contextlib.closing(play.workspace.reader()) as reader:
        told = ablation.report(reader, run, rows)["cells"]
    assert [(one["harness"], one["weights"]) for one in told] == [
        ("first", "base"), ("best", "base"), ("first", "best"), ("best", "best"),
    ]  # fmt: skip
    first, harness, weights, both = (one["val"]["score"] for one in told)
    assert (first, harness, both) == (pytest.approx(4 / 32), 1.0, 1.0)
    assert first < weights < both
    assert weights == pytest.approx(24 / 32)


@pytest.mark.slow
def test_there_is_no_cross_of_one_lever(play: Stage) -> None:
    play.run(TRAINS)
    with contextlib.closing(play.workspace.reader()) as reader, pytest.raises(SiaError, match="nothing to cross"):
        ablation.cells(reader, reader.find("last"))


def test_adapters_are_carried_on_request_and_checked(play: Stage, tmp_path: Path) -> None:
    play.run(TRAINS)
    file, there = tmp_path / "run.sia", Workspace(tmp_path / "there")
    with contextlib.closing(play.workspace.reader()) as reader:
        run = reader.find("last")
        seal(reader, run, file, data=False, made_by="a test")
        (name,) = exported.pack(reader, run.run, play.workspace, file)
    import_run(there, file)
    with contextlib.closing(there.reader()) as reader:
        assert replay.verify(reader, run.run).identical, "without the adapter"
        altered = exported.folder_beside(file) / name / "adapter_config.json"
        content = altered.read_text()
        altered.write_text("altered")
        with pytest.raises(SiaError, match="damaged"):
            exported.unpack(reader, run.run, there, file)
        assert not (there.path / "adapters" / name).exists()
        altered.write_text(content)
        assert exported.unpack(reader, run.run, there, file) == [name]
    assert adapters.is_intact(there.path / "adapters" / name)
