"""The seed harness: naive as seeded, and every method that it declares learns."""

import importlib
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import domains.lawbench
from domains.contract import Instance
from domains.lawbench.domain import LawBench
from harness_repo.harness import Harness, read_folder

FOLDER = Path(domains.lawbench.__file__).parent / "harness"
HARNESS = read_folder(FOLDER)
METHODS = HARNESS.manifest.tunables["method"].choices
MODULES = ("agent", "charges", "features", "methods", "stacking")


class Context:
    """What the sandbox would hand to the harness."""

    def __init__(self, train: Sequence[Instance], params: dict[str, Any]) -> None:
        self._train = train
        self.params = params
        self.rng = random.Random(0)
        self.lines: list[str] = []
        self.prepared: Any = None

    def train(self) -> Sequence[Instance]:
        return self._train

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`agent.py` with its siblings as plain modules, as in the sandbox."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("agent")
    for name in MODULES:
        sys.modules.pop(name, None)


def answers(agent: ModuleType, train: Sequence[Instance], on: Sequence[Instance], **params: Any) -> list[Any]:
    context = Context(train, {**HARNESS.params, **params})
    context.prepared = agent.prepare(context)
    return [agent.solve(Instance(instance.id, instance.data), context) for instance in on]


def accuracy(given: Sequence[Any], on: Sequence[Instance]) -> float:
    return [answer == instance.label for answer, instance in zip(given, on, strict=True)].count(True) / len(on)


def test_it_is_a_harness_whose_seed_learns_nothing() -> None:
    assert HARNESS.params["method"] == "overlap"
    assert list(HARNESS.active(HARNESS.params)) == ["method"]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_wakes_its_own_tunables(method: str) -> None:
    harness: Harness = HARNESS
    own = {"neighbours": {"neighbours", "sharpness"}, "bayes": {"smoothing"}, "ridge": {"ridge"}}
    own["blend"] = {"ridge", "centroid_share"}
    own["stack"] = {"neighbours", "sharpness", "smoothing", "ridge", "candidates"}
    special = set().union(*own.values())
    assert set(harness.active({**harness.params, "method": method})) & special == own.get(method, set())


def test_the_seed_answers_by_the_names_alone(agent: ModuleType, instances: list[Instance]) -> None:
    asked = [Instance("x", "被告人放了一把火"), Instance("y", "他重又结婚"), Instance("z", "构成非法持有枪支、弹药罪")]
    assert answers(agent, instances, asked) == ["放火", "重婚", "非法[持有、私藏][枪支、弹药]"]


@pytest.mark.parametrize("method", METHODS[1:])
def test_every_method_learns_and_repeats_itself(agent: ModuleType, instances: list[Instance], method: str) -> None:
    train, on = instances[::2], instances[1::2]
    given = answers(agent, train, on, method=method)
    assert accuracy(given, on) > 0.9
    assert given == answers(agent, train, on, method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("facts", ["", "罪", "ascii only", "龘龘龘"])
def test_odd_texts_get_a_charge(agent: ModuleType, instances: list[Instance], method: str, facts: str) -> None:
    (given,) = answers(agent, instances, [Instance("x", facts)], method=method)
    assert given in {instance.label for instance in instances}


@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize("method", METHODS[1:])
def test_the_ends_of_the_declared_ranges_work(
    agent: ModuleType, instances: list[Instance], method: str, side: str
) -> None:
    ends = {
        name: (int if tunable.type == "int" else float)(getattr(tunable, side))
        for name, tunable in HARNESS.manifest.tunables.items()
        if tunable.type != "choice"
    }
    assert accuracy(answers(agent, instances, instances, **ends, method=method), instances) > 0.5


def test_information_is_the_divergence_that_it_says(agent: ModuleType) -> None:
    from scipy import sparse

    features = importlib.import_module("features")
    present = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]], dtype=float)
    target, share = np.array([0, 0, 1, 2]), np.array([0.5, 0.25, 0.25])
    expected = []
    for column in present.T:
        counts = np.bincount(target, weights=column, minlength=3)
        posterior = (counts + 2 * share) / (counts.sum() + 2)
        expected.append(np.sqrt(np.sum(posterior * np.log(posterior / share))))
    np.testing.assert_allclose(features.information(sparse.csr_matrix(present), target, 3), expected, atol=1e-12)


def test_the_split_gram_is_the_gram(agent: ModuleType) -> None:
    from scipy import sparse

    methods = importlib.import_module("methods")
    values = np.random.default_rng(3).random((90, 40), dtype=np.float32)
    # The first column is frequent, the others are not.
    learnt = sparse.csr_matrix(np.where((values < 0.02) | (np.arange(40) == 0), values, 0))
    np.testing.assert_allclose(methods.gram(learnt), (learnt @ learnt.T).toarray(), rtol=1e-5)


def test_stacking_scores_a_case_as_the_methods_do_that_have_not_learnt_it(agent: ModuleType) -> None:
    from scipy import sparse

    methods, stacking = importlib.import_module("methods"), importlib.import_module("stacking")
    chance = np.random.default_rng(5)
    values = chance.random((24, 12)) * (chance.random((24, 12)) < 0.6) + 1e-3
    learnt = sparse.csr_matrix((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float64))
    target = np.arange(24) % 4
    member = np.eye(4)[target]
    unseen = {
        "ridge": stacking.unseen_ridge(methods.gram(learnt), member, 0.3),
        "centroid": stacking.unseen_centroid(methods.gram(learnt), member),
        "bayes": stacking.unseen_bayes(learnt, member, 0.01),
    }
    for case in range(24):
        rest = np.arange(24) != case
        others, text = learnt[rest], learnt[case]
        near = methods.similarities(sparse.csr_matrix(others.T), text)
        expected = {
            "ridge": near @ methods.ridge(methods.gram(others), member[rest], 0.3),
            "centroid": near @ methods.centroid(others, member[rest]),
            "bayes": methods.bayes(others, member[rest], 0.01)(text),
        }
        for name, scores in expected.items():
            np.testing.assert_allclose(unseen[name][case], scores, rtol=1e-4, atol=1e-5, err_msg=name)


def test_stacking_trusts_the_method_that_is_right(agent: ModuleType) -> None:
    stacking = importlib.import_module("stacking")
    chance, target = np.random.default_rng(7), np.arange(200) % 5
    found = chance.normal(size=(200, 5, 7))
    found[np.arange(200), target, 1] += 3
    weights = stacking.weigh(found, target, 5)
    assert weights.argmax() == 1
    assert np.abs(np.delete(weights, 1)).max() < weights[1] / 4


@pytest.mark.lawbench
def test_the_seed_is_naive_on_the_real_cases(agent: ModuleType, lawbench: LawBench) -> None:
    val = lawbench.instances("val")
    assert 0.1 < accuracy(answers(agent, lawbench.instances("train"), val), val) < 0.3


@pytest.mark.lawbench
@pytest.mark.parametrize("method", METHODS[1:])
def test_every_method_beats_the_seed_after_400_real_cases(agent: ModuleType, lawbench: LawBench, method: str) -> None:
    cases = lawbench.instances("train")
    train, on = cases[::10], cases[5::50]
    assert accuracy(answers(agent, train, on, method=method), on) > accuracy(answers(agent, train, on), on) + 0.1
