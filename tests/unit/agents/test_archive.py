"""The archive: who is best where, and who is not dominated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domains.contract import Instance
from engine.agents.archive import archive, by_slice, sentence, slices_of

HALVES = {1: {"a": 0.0, "b": 0.0, "c": 1.0}, 2: {"a": 1.0, "b": 0.0, "c": 0.0}, 3: {"a": 0.0, "b": 1.0, "c": 1.0}}


def test_two_that_are_each_best_somewhere_are_members() -> None:
    found = archive(HALVES, incumbent=3)
    assert found.leaders == {"a": (2,), "b": (3,), "c": (1, 3)}
    assert [(one.candidate, one.best, one.ahead) for one in found.members] == [
        (2, ("a",), ("a",)),
        (3, ("b", "c"), ()),
    ]
    assert found.behind == ("a",)
    assert sentence(found) == "on 1 of 3 instances another is better than generation 3; best there: generation 2 on 1"


def test_of_candidates_that_are_alike_the_earliest_is_a_member() -> None:
    found = archive({4: {"a": 1.0}, 2: {"a": 1.0}, 3: {"a": 0.5}}, incumbent=4)
    assert found.leaders == {"a": (2, 4)}
    assert [one.candidate for one in found.members] == [2]
    assert sentence(found) == ""
    assert not found.alike("a")
    assert archive({2: {"a": 1.0}, 3: {"a": 1.0}}).alike("a")


def test_what_the_incumbent_never_answered_does_not_count_against_it() -> None:
    found = archive({1: {"old": 1.0}, 2: {"new": 0.5}}, incumbent=2)
    assert found.behind == ()
    assert [one.candidate for one in found.members] == [1, 2]
    assert archive({}, incumbent=None).members == ()


SCORES = st.dictionaries(
    st.integers(1, 6), st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0.0, 0.5, 1.0])), max_size=5
)


@given(SCORES)
def test_the_archive_holds_whatever_the_scores_are(scores: dict[int, dict[str, float]]) -> None:
    incumbent = min(scores, default=None)
    found = archive(scores, incumbent)
    assert found == archive(dict(reversed(scores.items())), incumbent)
    kept = {one.candidate for one in found.members}
    for instance, winners in found.leaders.items():
        top = max(own[instance] for own in scores.values() if instance in own)
        assert winners == tuple(n for n in sorted(scores) if scores[n].get(instance) == top)
        assert kept & set(winners)  # the best score of each instance stays in the archive
    for one in found.members:
        assert one.best
        for other in kept - {one.candidate}:
            theirs, own = scores[other], scores[one.candidate]
            assert any(name not in theirs or theirs[name] < score for name, score in own.items())
    assert set(found.behind) == {name for one in found.members for name in one.ahead}


def test_a_slice_has_the_mean_of_its_instances() -> None:
    instances = [Instance("a", 0, slice="x"), Instance("b", 0, slice="x"), Instance("c", 0), Instance("d", 0, slice="")]
    slices = slices_of(instances)
    assert slices == {"a": "x", "b": "x"}
    assert by_slice({"a": 1.0, "b": 0.0, "c": 0.25, "d": 0.5}, slices) == {"x": 0.5, "c": 0.25, "d": 0.5}
