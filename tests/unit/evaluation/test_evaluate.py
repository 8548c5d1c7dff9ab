"""One way of evaluating: folders, verifier, `learns`, failure score and votes count wherever a harness is run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domains.contract import Grade, Instance, Question
from engine.evaluation.baselines import graded_baselines
from engine.evaluation.domain_tools import unrecorded
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Evaluation, Grading, answer, evaluate, grade
from engine.evaluation.trial import Answer, GradedAnswer, trials
from engine.events import types as t
from engine.grading.client import Grader
from engine.grading.loader import find
from engine.models.calling import ModelUnavailable, Position, ScoreRequest
from engine.models.protocol import Reply, Request, ScoreReply
from engine.sandbox import Isolation, open_sandbox, probe
from engine.seeds import opaque_id
from engine.usage import Usage
from harness_repo.harness import Harness, parse, read_folder
from tests.story import SCALED, TOY

SEED = 7
ASKS = "def solve(instance, ctx):\n    return {'value': int(ctx.model.chat(['how much?'])['text'])}\n"
REMEMBERS = """
import mmap
def prepare(ctx):
    return mmap.mmap(-1, 4096)  # shared with every solve
def solve(instance, ctx):
    found = ctx.prepared[:4096].rstrip(bytes(1)).decode()
    ctx.prepared[:4096] = (found + instance.id + " ").encode().ljust(4096, bytes(1))
    print(found)
    return {"value": 0}
"""
PROGRAM = """
import json, os, sys, urllib.request
case = json.load(sys.stdin)
body = json.dumps({"model": "any", "temperature": 0, "messages": [{"role": "user", "content": "how much?"}]}).encode()
with urllib.request.urlopen(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body) as reply:
    said = json.load(reply)["choices"][0]["message"]["content"]
json.dump({"value": int(said)}, open(os.environ["SIA_ANSWER"], "w"))
"""
FAILS = "def solve(instance, ctx):\n    raise ValueError('asked to')\n"


class Model:
    """Replies with the numbers of `texts`, one a position in turn, and keeps what it was asked."""

    weights = "fake"
    model: Any = None

    def __init__(self, *texts: str, error: Exception | None = None) -> None:
        self.model, self._texts, self._error = self, texts, error
        self.asked: dict[str, Request] = {}

    async def chat(self, at: Position, request: Request) -> Reply:
        self.asked[at.place] = request
        if self._error is not None:
            raise self._error
        return Reply(self._texts[int(at.place.rsplit("/", 1)[1]) % len(self._texts)], "stop", Usage())

    async def score(self, at: Position, request: ScoreRequest) -> ScoreReply:
        raise NotImplementedError


class Judge:
    """Notes for which place it was asked."""

    def __init__(self) -> None:
        self.places: list[str] = []

    async def replies(self, place: str, questions: Sequence[Question]) -> list[str]:
        self.places.append(place)
        return [""] * len(questions)


def isolation() -> Isolation:
    found = probe()
    return found if found.level != "none" else Isolation.unsafe()


@contextlib.asynccontextmanager
async def evaluation(
    harness: Harness | str | None = None, *, votes: int = 1, model: Model | None = None, folder: Path = SCALED
) -> AsyncIterator[Evaluation]:
    """An evaluation on the toy, by its seed harness unless another is given."""
    if isinstance(harness, str):
        harness = parse({"harness.toml": b'name = "made"\n', "agent.py": harness.encode()})
    grader = Grader(find(str(folder)))
    try:
        yield Evaluation(
            grading=Grading(grader, None, isolation(), 2),
            harness=harness or read_folder(SCALED / "harness"),
            candidate=t.Candidate("commit", "adapter", votes=votes),
            material=await grader.instances("train"),
            model=model,
            on_tool=unrecorded,
            seed=SEED,
        )
    finally:
        await grader.close()


async def val(chosen: Evaluation) -> list[GradedAnswer]:
    todo = trials("val", await chosen.grading.grader.instances("val"), range(1), SEED)
    found = [one async for one in evaluate(chosen, todo)]
    return sorted(found, key=lambda one: one.answer.trial.key)


def graded(harness: Harness | str | None = None, **options: Any) -> list[GradedAnswer]:
    async def go() -> list[GradedAnswer]:
        async with evaluation(harness, **options) as chosen:
            return await val(chosen)

    return asyncio.run(go())


def test_a_program_is_evaluated_as_a_module_that_asks_the_same() -> None:
    manifest = b'name = "made"\ncommand = ["python", "mine.py"]\n'
    program = parse({"harness.toml": manifest, "mine.py": PROGRAM.encode()})
    by_module, by_program = Model("3", "4"), Model("3", "4")
    wanted = [(one.answer.value, one.grade) for one in graded(ASKS, model=by_module)]
    assert all(value is not None for value, _ in wanted)
    assert [(one.answer.value, one.grade) for one in graded(program, model=by_program)] == wanted
    assert {place: (one.messages, one.seed) for place, one in by_program.asked.items()} == {
        place: (one.messages, one.seed) for place, one in by_module.asked.items()
    }


def test_a_harness_without_a_task_model_finds_no_gateway() -> None:
    looks = "def solve(instance, ctx):\n    import os\n    return {'value': 1 // ('OPENAI_BASE_URL' not in os.environ)}"
    assert [one.answer.failure for one in graded(looks)] == [None] * 4


@pytest.mark.parametrize("votes", [1, 3])
def test_folders_verifier_and_learns_count_with_one_vote_and_with_many(votes: int) -> None:
    found = graded(votes=votes)
    assert [one.answer.failure for one in found] == [None] * 4
    assert [one.grade.score for one in found] == [2 * (100 + x) for x in range(10, 14)]


def test_what_val_leaves_in_shared_memory_never_reaches_train() -> None:
    async def go() -> list[Answer]:
        async with evaluation(REMEMBERS) as chosen:
            grader = chosen.grading.grader
            todo = [one for s in ("val", "train") for one in trials(s, await grader.instances(s), range(1), SEED)]
            return [one async for one in answer(chosen, todo)]

    found = asyncio.run(go())
    assert [one.failure for one in found] == [None] * len(found)
    ids: dict[str, set[str]] = {"val": set(), "train": set()}
    for one in found:
        ids[one.trial.split] |= {one.trial.instance, opaque_id(SEED, one.trial.instance)}
    seen = {word for one in found if one.trial.split == "train" for word in one.log.split()}
    assert seen - ids["train"] == set()
    assert {word for one in found if one.trial.split == "val" for word in one.log.split()} <= ids["val"]


@pytest.mark.parametrize("votes", [1, 3])
def test_a_failure_scores_what_the_domain_says(votes: int) -> None:
    found = graded(FAILS, votes=votes)
    assert [one.grade.score for one in found] == [-5.0] * 4
    assert {one.answer.failure for one in found} == {t.Failure("candidate", "ValueError: asked to")}


def test_what_the_verifier_fails_at_is_a_failure_too() -> None:
    found = graded("def solve(instance, ctx):\n    return {}\n")
    assert [one.grade.score for one in found] == [-5.0] * 4
    assert {one.answer.failure.kind for one in found if one.answer.failure} == {"candidate"}


def test_a_harness_learns_nothing_where_the_domain_says_so_and_the_log_names_it() -> None:
    async def go() -> tuple[list[Answer], str, str]:
        async with evaluation() as chosen:
            todo = trials("val", await chosen.grading.grader.instances("val"), range(1), SEED)
            found = [one async for one in answer(chosen, todo)]
            return found, chosen.prepared, replace(chosen, material=[]).prepared

    found, prepared, on_nothing = asyncio.run(go())
    assert [one.value["learnt"] for one in found] == [0] * 4
    assert prepared == on_nothing


def test_votes_are_sampled_at_their_own_positions_and_the_most_frequent_reply_counts() -> None:
    model = Model("1", "2", "2")
    found = graded(ASKS, votes=3, model=model)
    assert [one.grade.score for one in found] == [4.0] * 4
    assert sorted(model.asked) == sorted(f"val/val-{x}/{vote}" for x in range(10, 14) for vote in range(3))
    assert {(request.temperature, request.adapter) for request in model.asked.values()} == {(1.0, "adapter")}
    once = Model("1")
    graded(ASKS, model=once)
    assert sorted(once.asked) == [f"val/val-{x}/0" for x in range(10, 14)]
    assert {request.temperature for request in once.asked.values()} == {0.0}


def test_a_model_that_is_away_is_no_score() -> None:
    with pytest.raises(InfrastructureFailure, match="away"):
        graded(ASKS, model=Model(error=ModelUnavailable("away")))


def test_baselines_go_through_the_verifier_and_a_judge_is_asked_at_their_own_places(tmp_path: Path) -> None:
    async def go() -> None:
        async with evaluation() as chosen:
            assert [one.score for one in (await graded_baselines(chosen.grading, "val"))["one"]] == [2.0] * 4
        folder = shutil.copytree(SCALED, tmp_path / "judged")
        (folder / "domain.py").write_text((folder / "domain.py").read_text().replace(
            "    def grade(self, instance, answer):",
            "    def questions(self, instance, answer):\n        return []\n\n"
            "    def grade(self, instance, answer, replies):",
        ))  # fmt: skip
        judge = Judge()
        async with evaluation(folder=folder) as chosen:
            found = await graded_baselines(replace(chosen.grading, judge=judge), "val")
        assert [one.score for one in found["one"]] == [2.0] * 4
        assert sorted(judge.places) == [f"val/val-{x}/baseline one" for x in range(10, 14)]

    asyncio.run(go())


def test_only_evaluation_opens_a_sandbox_for_a_harness() -> None:
    """Whoever ran one by itself would have to remember all of the above. An agent's own Python is no harness."""
    root = Path(__file__).parents[3] / "engine"
    found = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*.py"))
        if open_sandbox.__name__ in path.read_text() or "run_harness" in path.read_text()
    ]
    others = [path for path in found if not path.startswith("sandbox/")]
    assert others == ["evaluation/evaluate.py", "steps/workbench/desk_folder.py"]


@pytest.mark.parametrize("noisy", [True, False])
def test_where_grades_are_noisy_no_harness_is_at_work_while_an_answer_is_graded(noisy: bool) -> None:
    order: list[str] = []

    class Grades:
        folder = find(str(TOY))

        async def grade(self, split: str, instance: str, value: object) -> Grade:
            order.append("grade")
            return Grade(1.0)

    async def answers() -> AsyncGenerator[Answer, None]:
        for one in trials("val", [Instance("a", 1), Instance("b", 1)], range(1), SEED):
            order.append("answer")
            yield Answer(one, 1, None, 0.0, 0.0, "")
        order.append("the sandbox is closed")

    async def go() -> int:
        grader: Any = Grades()
        grader.folder = replace(grader.folder, spec=replace(grader.folder.spec, noisy=noisy))
        return len([one async for one in grade(Grading(grader, None, Isolation("none", "none"), 1), answers())])

    assert asyncio.run(go()) == 2
    at_once = ["answer", "grade", "answer", "grade", "the sandbox is closed"]
    assert order == (["answer", "answer", "the sandbox is closed", "grade", "grade"] if noisy else at_once)
