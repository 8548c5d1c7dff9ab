"""The portfolio: a start that covers the space, places by what has paid, and a surrogate that learns from probes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.optimize import check_grad

from engine.agents.portfolio import improvement, probed
from engine.agents.portfolio.encoding import encoding, place, value_at
from engine.agents.portfolio.gaussian_process import fit, posterior
from engine.agents.portfolio.rounds import COVERED, MEMBERS, ROUND, Portfolio
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value
from tests.searching import harness

METHOD = Tunable("choice", choices=["a", "b"], structural=True)
SPACE = {
    "method": METHOD,
    "x": Tunable("float", low=-1.0, high=1.0),
    "y": Tunable("float", low=-1.0, high=1.0),
    "rate": Tunable("float", low=0.001, high=10.0, log=True, when={"method": ["b"]}),
    "size": Tunable("int", low=1, high=9),
}
START: dict[str, Value] = {"method": "a", "x": 0.9, "y": -0.9, "rate": 1.0, "size": 5}


@pytest.fixture
def plain() -> Harness:
    return harness(SPACE, START)


def bowl(params: Mapping[str, Value]) -> float:
    return -((float(params["x"]) - 0.3) ** 2) - (float(params["y"]) - 0.2) ** 2


def probe(params: Mapping[str, Value], score: float, why: str = "") -> t.ProbeFinished:
    return t.ProbeFinished(1, 0, 0, why, dict(params), "fold", t.Score(score, 0.0, 1), 1, 0.0, 0.0, "")


def played(of: Harness, score: Callable[[Mapping[str, Value]], float], rounds: int) -> list[t.ProbeFinished]:
    """The probes of so many rounds."""
    portfolio, probes = Portfolio(), list[t.ProbeFinished]()
    for number in range(rounds):
        asked = portfolio.round(of, probes, number, first=len(probes), left=100)
        probes += [probe(one.params, score(one.params), one.why) for one in asked]
    return probes


def test_the_space_is_covered_before_the_members_propose(plain: Harness) -> None:
    probes = played(plain, bowl, 5)
    members = [n for n, one in enumerate(probes) if one.why.startswith(MEMBERS)]
    assert members[0] >= COVERED
    covering = [one for one in probes if one.why == "to cover the space"]
    assert {one.params["method"] for one in covering} == {"a", "b"}
    assert len({one.params["size"] for one in covering}) > 2


def test_a_round_is_a_function_of_its_arguments_and_repeats_no_probe(plain: Harness) -> None:
    probes = played(plain, bowl, 10)
    keys = [probed.key(plain, one.params) for one in probes]
    assert len(keys) == len(set(keys))
    fresh = Portfolio().round(plain, probes, 7, first=3, left=ROUND)
    used = Portfolio()
    used.round(plain, probes[:12], 1, first=0, left=ROUND)
    assert used.round(plain, probes, 7, first=3, left=ROUND) == fresh
    assert [one.ordinal for one in fresh] == list(range(3, 3 + len(fresh)))


@pytest.mark.parametrize("paying", MEMBERS)
def test_what_has_paid_gets_most_places(plain: Harness, paying: str) -> None:
    before = played(plain, bowl, 4)[:COVERED]
    # each member proposed nine times; one of them found something better each time
    paid = [
        probe(START | {"x": n / 100, "y": rank / 10}, n if member == paying else -9.0, member)
        for n in range(9)
        for rank, member in enumerate(MEMBERS)
    ]
    asked = Counter(
        next(member for member in MEMBERS if one.why.startswith(member))
        for seed in range(5)
        for one in Portfolio().round(plain, before + paid, seed, first=0, left=ROUND)
    )
    assert asked.most_common(1)[0][0] == paying
    assert asked[paying] > 0.7 * asked.total()


def test_a_value_without_effect_stays_the_harness_own(plain: Harness) -> None:
    probes = played(plain, bowl, 10)
    assert all(one.params["rate"] == 1.0 for one in probes if one.params["method"] == "a")
    assert len({one.params["rate"] for one in probes if one.params["method"] == "b"}) > 2


def test_the_portfolio_finds_the_optimum_of_a_bowl(plain: Harness) -> None:
    assert max(one.score.score for one in played(plain, bowl, 12)) > -1e-3


def test_a_space_that_is_exhausted_ends_the_search() -> None:
    small = harness({"method": METHOD, "size": Tunable("int", low=1, high=3)}, {"method": "a", "size": 1})
    probes = played(small, lambda params: float(params["size"]), 30)
    assert len(probes) == 6
    assert Portfolio().round(small, probes, 99, first=0, left=4) == []


def test_what_failed_or_was_refused_is_avoided(plain: Harness) -> None:
    def score(params: Mapping[str, Value]) -> float:
        return 5.0 if float(params["x"]) > 0 else bowl(params)

    def marked(one: t.ProbeFinished) -> t.ProbeFinished:
        return replace(one, refused=float(one.params["x"]) > 0)

    probes = [marked(one) for one in played(plain, score, 8)]
    drawn = [one for seed in range(3) for one in improvement.draw(plain, probes, seed, 2)]
    assert sum(float(one["x"]) > 0 for one in drawn) <= len(drawn) / 3  # type: ignore[arg-type]


def test_of_many_probes_the_best_are_never_forgotten(plain: Harness) -> None:
    def needle(params: Mapping[str, Value]) -> float:
        return float(np.exp(20 * bowl(params))) if bowl(params) > -0.15 else 0.0

    chance = np.random.default_rng(1)
    places = [START | {"x": float(x), "y": float(y)} for x, y in chance.uniform(-1, 1, (400, 2))]
    probes = sorted((probe(one, needle(one)) for one in places), key=lambda one: -one.score.score)
    drawn = improvement.draw(plain, probes, 1, 2)  # the latest of them know nothing
    assert max(map(needle, drawn)) > 0.3


@pytest.mark.parametrize("tunable", [SPACE["x"], SPACE["rate"], SPACE["size"]])
def test_a_place_and_its_value_are_inverse(tunable: Tunable) -> None:
    for at in np.linspace(0, 1, 9):
        value = value_at(tunable, float(at))
        assert tunable.admits(value)
        assert value_at(tunable, place(tunable, value)) == value


def test_values_without_effect_make_no_difference_to_a_point(plain: Harness) -> None:
    of = encoding(plain)
    assert np.array_equal(of.point(START), of.point(START | {"rate": 7.0}))
    assert not np.array_equal(of.point(START | {"method": "b"}), of.point(START | {"method": "b", "rate": 7.0}))


def test_the_process_knows_what_it_was_told_and_is_unsure_elsewhere() -> None:
    points = np.random.default_rng(1).random((25, 2))
    scores = np.sin(5 * points[:, 0])
    process, _ = fit(points, (scores - scores.mean()) / scores.std(), np.array([0, 1]))
    mean, spread = process.predict(points)
    assert np.allclose(mean * scores.std() + scores.mean(), scores, atol=0.05)
    _, far = process.predict(np.array([[3.0, 3.0]]))
    assert far[0] > 10 * spread.max()
    assert process.scales[1] > process.scales[0] + 0.5  # the second feature does nothing


def test_the_gradient_of_the_fit_is_that_of_its_cost() -> None:
    chance = np.random.default_rng(2)
    points = chance.random((12, 3))
    cost = posterior(points, chance.normal(size=12), np.array([0, 0, 1]))
    at = np.array([-0.3, 0.4, -2.0])
    assert check_grad(lambda x: cost(x)[0], lambda x: cost(x)[1], at) < 1e-4


def test_the_expected_improvement_is_exact_and_ordered_far_below_the_best() -> None:
    z = np.array([-40.0, -10.0, -3.0, -1.0, 0.0, 2.0])
    found = improvement.log_improvement(z, np.ones_like(z), 0.0)
    assert (np.diff(found) > 0).all()
    draws = np.random.default_rng(1).normal(size=2_000_000)
    for mean, log in zip(z[2:], found[2:], strict=True):
        assert np.exp(log) == pytest.approx(np.maximum(draws + mean, 0).mean(), rel=0.1)


def test_better_structures_are_varied_more(plain: Harness) -> None:
    """Once each structure had the same share of variations, however far it was behind."""
    probes = [probe(START, 0.1), *(probe(START | {"x": n / 100}, 0.5, MEMBERS[1]) for n in range(20))]
    probes += [probe(START | {"method": "b", "x": n / 100}, 0.1, MEMBERS[1]) for n in range(20)]
    made = [one for seed in range(60) for one in Portfolio().round(plain, probes, seed, first=0, left=ROUND)]
    varied = Counter(one.params["method"] for one in made if one.why.startswith("variation"))
    assert varied["a"] > 1.4 * varied["b"] > 0


def test_the_surrogate_is_told_the_noise_that_repeats_have_shown(plain: Harness) -> None:
    """Of two probes side by side the noisy process believes neither alone, and the other one both."""
    of = encoding(plain)
    places = [START | {"x": at} for at in (-0.9, -0.3, 0.3, 0.31, 0.9)]
    points, scores = np.array([of.point(one) for one in places]), np.array([0.0, 0.0, 2.0, -2.0, 0.0])
    exact, _ = fit(points, scores, of.owners)
    noisy, _ = fit(points, scores, of.owners, np.full(5, 4.0))
    assert abs(noisy.predict(points)[0][2]) < 0.5 * abs(exact.predict(points)[0][2]) or (
        noisy.predict(points)[1][2] > exact.predict(points)[1][2]
    )
    once = [replace(probe(one, 0.5), noise=0.2, evaluations=4) for one in places[:2]]
    more = replace(probe(places[2], 0.5), evaluations=16)
    assert improvement.known_noise([*once, more]) == pytest.approx([0.01, 0.01, 0.0025])
    assert not improvement.known_noise([probe(places[0], 0.5)]).any()


def test_what_earlier_runs_knew_comes_first_as_far_as_the_harness_takes_it(plain: Harness) -> None:
    def known(name: str, **changes: Value) -> t.Known:
        return t.Known("id", name, {**START, **changes}, 0.5)

    earlier = [known("one", x=0.3), known("two", x=7.0), known("three", speed=1), known("four", y=0.2)]
    asked = Portfolio().round(plain, [], 1, first=0, left=10, earlier=earlier)
    assert [one.why for one in asked] == [
        "the incumbent, to compare with",
        "the best of run one, where it scored 0.5000",
        "the best of run four, where it scored 0.5000",
    ]
    assert asked[1].params["x"] == 0.3
    again = Portfolio().round(plain, [probe(one.params, 0.1) for one in asked], 1, first=0, left=10, earlier=earlier)
    assert again
    assert not any("of run" in one.why for one in again)
