"""The search of structure: beside the numbers, combined with them, nothing twice, and the same from the same log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from engine.agents.portfolio.rounds import Portfolio
from engine.agents.protocol import NoProposal, Proposal
from engine.agents.structure.carried import carried
from engine.agents.structure.programs import Programs
from engine.agents.structure.rounds import Rounds
from engine.events import types as t
from harness_repo.evolvable import SKELETON
from harness_repo.harness import Harness, HarnessInvalid, parse
from harness_repo.structure.changes import changes, meaning
from harness_repo.structure.named import changes_of, named
from harness_repo.tunable import Tunable
from tests.searching import FakeLab, harness, improve, view

SOLVE = b"def solve(instance, ctx):\n    return 1\n"
SCALED = "def f(xs):\n    scale = 3.0\n    return scale * sum(xs)\n"
"""What is wanted is 2.5 times the largest: another function, and another number."""


def evolving(source: str) -> Harness:
    manifest = b'name = "h"\nevolve = "program.py"\npatience = 8\n'
    return parse({"harness.toml": manifest, "agent.py": SOLVE, "program.py": source.encode()})


def bare(source: str) -> Harness:
    return parse({"harness.toml": b'name = "h"\n', "agent.py": source.encode()})


def called(name: str, wanted: Callable[[Any], float]) -> Callable[[str], float]:
    """The score of a program: 1 where its function gives what is wanted of three lists, else less."""

    def score(source: str) -> float:
        space: dict[str, Any] = {}
        try:
            exec(source, space)  # noqa: S102 - the programs of this file, and changes of them
            miss = sum(abs(space[name](list(xs)) - wanted(xs)) for xs in ((1, 2, 3), (4, 1), (2, 2, 9)))
            return 1 / (1 + float(miss))
        except Exception:
            return -1.0

    return score


def lab(of: Harness, score: Callable[[str], float]) -> FakeLab:
    made = FakeLab(of, lambda params: 0.0)
    made.runs = score
    return made


def test_a_function_and_a_number_that_only_together_are_right_are_found() -> None:
    of = evolving(SCALED)
    found = lab(of, called("f", lambda xs: 2.5 * max(xs)))
    made = improve(view(of, probes=120), found)
    assert isinstance(made, Proposal)
    assert "max(xs)" in made.harness.source and "`sum` becomes `max`" in made.changed
    best = max(found.found, key=lambda probe: probe.score.score)
    assert made.harness.source == of.with_params(best.params).source
    combined = [ask for ask in found.asked if changes_of(ask.params) and ask.why.startswith(("variation", "drawn"))]
    assert combined, "numbers of changed programs are varied, too"
    assert best.score.score > 0.111, "it is better than the function alone"


@pytest.mark.parametrize("of", [evolving(SCALED), bare("def solve(instance, ctx):\n    return max([3, 20])\n")])
def test_nothing_is_asked_twice_and_the_same_view_gives_the_same_asks(of: Harness) -> None:
    labs = [lab(of, lambda source: len(source) / 1000) for _ in range(2)]
    made = [improve(view(of, probes=40), one) for one in labs]
    assert labs[0].asked == labs[1].asked and made[0] == made[1]
    keys = [Programs(of).key(ask.params) for ask in labs[0].asked]
    assert len(keys) == len(set(keys)) > 20
    structural = [ask for ask in labs[0].asked if ask.why.startswith("line")]
    made_of = [meaning(of.changed(changes_of(ask.params)).source) for ask in structural]
    assert len(made_of) == len(set(made_of))
    assert structural and all(ask.smoke for ask in structural)
    assert not any(ask.smoke for ask in labs[0].asked if ask not in structural)


def test_what_earlier_runs_knew_of_this_program_is_tried_first_and_nothing_of_other_ones() -> None:
    """The parameters name the program, to which the same changes must lead again."""
    of = evolving(SCALED)
    earlier = lab(of, called("f", lambda xs: 2.5 * max(xs)))
    improve(view(of, probes=40), earlier)
    (best, *_) = sorted((one for one in earlier.found if changes_of(one.params)), key=lambda one: -one.score.score)
    numbers = {name: 2.5 if value == 3.0 else value for name, value in of.params.items()}
    gone = {**best.params, "(change 1)": "line 9: `nothing` becomes `something`"}
    other = {**numbers, SKELETON: "of another program"}
    known = [t.Known("r", "before", one, 0.5) for one in (gone, best.params, other, numbers)]
    found = lab(of, called("f", lambda xs: 2.5 * max(xs)))
    improve(replace(view(of, probes=8, seed=99), known=known), found)
    assert [ask.params for ask in found.asked[1:3]] == [best.params, numbers]
    assert [ask.why.startswith("the best of run before") for ask in found.asked[:4]] == [False, True, True, False]


def test_what_earlier_runs_knew_is_tried_once_and_not_beside_the_incumbent_that_it_is() -> None:
    of = evolving(SCALED)
    better = {name: 2.5 if value == 3.0 else value for name, value in of.params.items()}
    found = lab(of, called("f", lambda xs: 2.5 * max(xs)))
    known = [t.Known("r", "before", one, 0.5) for one in (of.params, better, dict(better))]
    improve(replace(view(of, probes=8), known=known), found)
    assert [ask.params for ask in found.asked].count(of.params) == 1
    assert [ask.params for ask in found.asked].count(better) == 1


def test_a_change_that_leaves_the_score_as_it_was_is_not_proposed() -> None:
    of = bare("def solve(instance, ctx):\n    return max([3, 20])\n")
    made = improve(view(of, probes=30), lab(of, lambda source: 0.5))
    assert isinstance(made, NoProposal)


def test_what_a_generation_executed_is_not_proposed_again() -> None:
    of = bare("def solve(instance, ctx):\n    return max([3, 20])\n")

    def score(source: str) -> float:
        return 0.9 if "min(" in source else 0.5

    first = improve(view(of, probes=60), lab(of, score))
    assert isinstance(first, Proposal) and "min" in first.changed
    judged = view(of, past=[first.harness], probes=60)
    seen = lab(of, score)
    again = improve(judged, seen)
    assert seen.asked
    assert isinstance(again, NoProposal) or again.harness != first.harness


def test_probes_of_a_program_that_was_accepted_still_count_and_those_of_others_do_not() -> None:
    of = evolving(SCALED)
    found = lab(of, called("f", lambda xs: 2.5 * max(xs)))
    made = improve(view(of, probes=120), found)
    assert isinstance(made, Proposal)
    programs = Programs(made.harness)
    kept = [probe for probe in found.found if programs.admits(probe) and reaches(made.harness, probe)]
    assert kept and all(probe.params[SKELETON] == made.harness.skeleton for probe in kept)
    assert all(programs.changes(probe.params) == () for probe in kept)
    following = lab(made.harness, called("f", lambda xs: 2.5 * max(xs)))
    improve(view(made.harness, seen=kept, probes=8), following)
    assert following.asked and "the incumbent, to compare with" not in {ask.why for ask in following.asked}


def reaches(of: Harness, probe: t.ProbeFinished) -> bool:
    try:
        of.with_params(probe.params)
    except HarnessInvalid:
        return False
    return True


@pytest.mark.parametrize("pays", ["structure", "numbers"])
def test_what_pays_gets_most_places(pays: str) -> None:
    of = evolving(SCALED)
    other = improve_once(of)
    score = t.Score(0.0, 0.0, 3)
    incumbent = "the incumbent, to compare with"
    probes = [t.ProbeFinished(1, 0, 0, incumbent, dict(of.params), "a fold", score, 3, 0.1, 0.1, "key", "items")]
    for n in range(1, 31):
        structural = n % 2 == 0
        params = named(other.skeleton, [f"line {n}"], {}) if structural else dict(of.params) | {"f.scale": 1.0 + n / 10}
        wins = structural == (pays == "structure")
        why = "line 3: `sum` becomes `max`" if structural else "variation of the best probe"
        score = t.Score(n / 100 if wins else 0.0, 0.0, 3)
        probes.append(t.ProbeFinished(1, 0, n, why, params, "a fold", score, 3, 0.1, 0.1, "key", "items"))
    programs = Programs(of)
    made = [ask for seed in range(30) for ask in Rounds(programs, Portfolio()).round(probes, seed, first=0, left=4)]
    share = sum(ask.why.startswith("line") for ask in made) / len(made)
    assert share > 0.7 if pays == "structure" else share < 0.3


def improve_once(of: Harness) -> Harness:
    return of.changed([next(iter(changes(of.source, numbers=False)))])


def test_values_are_carried_by_name_and_own_value_and_the_rest_is_the_program_s_own() -> None:
    before = evolving("def f(x):\n    x = 2\n    b = 3\n    x = 4\n    return g(x, b, 5)\n")
    after = before.changed([why for why in changes(before.source, numbers=False) if why.startswith("line 2 is")])
    names = {value: name for name, value in before.params.items()}
    values = {names[2]: 1, names[3]: 9, names[4]: 8, names[5]: 7}
    found = carried(before, values, after)
    assert sorted(value for name, value in found.items() if name != SKELETON) == [7, 8, 9]
    assert found[SKELETON] == after.skeleton


def test_a_harness_with_declared_tunables_keeps_its_structure() -> None:
    of = harness({"depth": Tunable("int", low=0, high=9)}, {"depth": 1})
    asked = FakeLab(of, lambda params: float(params["depth"]) / 10)
    improve(view(of), asked)
    assert asked.asked and not any(changes_of(ask.params) for ask in asked.asked)


def test_parameters_name_a_program_by_its_changes_and_another_base_refuses_them() -> None:
    of = evolving(SCALED)
    why = next(one for one in changes(of.source, numbers=False) if "`sum` becomes `max`" in one)
    child = of.changed([why])
    params = named(child.skeleton, [why], {"f.scale": 2.0})
    assert "max(xs)" in of.with_params(params).source and "scale = 2.0" in of.with_params(params).source
    assert of.with_params(params) == child.with_params(params)
    other = evolving("def f(xs):\n    scale = 3.0\n    return sum(xs) - scale\n")
    for wrong in (params, named(child.skeleton, ["line 9 is dropped: `x`"], {})):
        with pytest.raises(HarnessInvalid):
            other.with_params(wrong)
