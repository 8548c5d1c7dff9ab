"""The card beside an adapter: what it was made from, in order, and what it scored, with errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from engine.checkout import model_card
from engine.checkout.folder import folder, load
from engine.events import types as t
from tests.histories import Memory, Play, started

FIRST, SECOND = "1" * 64, "2" * 64
FACTS = {"seed": 5, "device": "cpu", "versions": {"torch": "2.13.0"}}


def trained(number: int, adapter: str, parent: str | None, **changes: Any) -> t.WeightsTrained:
    made = t.WeightsTrained(
        number=number, harness="a" * 40, adapter=adapter, base="hf:base", algorithm="grpo",
        recipe={"algorithm": "grpo", "rank": 8, "learning_rate": 1e-4, "beta": 7.5}, key="key", rounds=3,
        ended="all 3 rounds\nare done", author="search", reason="nothing else helps", parent=parent, facts=FACTS,
    )  # fmt: skip
    return replace(made, **changes)


def history(*more: t.Payload) -> Memory:
    log = Memory()
    Play(log, started()).to_rest()
    score = t.Score(0.625, 0.03125, 12)
    log.append([(3, trained(4, FIRST, None)), (4, t.GenerationStarted(t.Candidate("a" * 40, weights=FIRST)))])
    log.append([(4, t.ExecutionFinished({"val": score}, "e" * 64, {}, 12, 0, 1.0))])
    log.append([(4, trained(5, SECOND, FIRST, algorithm="dpo"))])
    log.append([(4, payload) for payload in more])
    return log


def test_the_card_has_base_data_recipe_lineage_and_results_with_errors() -> None:
    text = model_card.card(model_card.origin(history().history("run")), SECOND)
    for part in (SECOND, "hf:base", "d" * 64, "A toy", "rank 8", "learning_rate 0.0001", "seed 5", "torch 2.13.0"):
        assert part in text, part
    assert text.index("1. grpo, 3 rounds") < text.index(FIRST) < text.index("2. dpo, 3 rounds")
    assert "beta" not in text  # of other algorithms
    assert "from: the base model" in text and f"from: {FIRST}" in text
    assert "ended: all 3 rounds are done" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 1", "| 4"]  # the first, and what the lineage scored
    assert "0.6250 ± 0.0312 (n = 12)" in rows[1] and "not judged yet" in rows[1]
    assert "sealed test has not been read" in text
    assert "sia does not know the licences" in text


def test_a_card_tells_of_its_own_adapter_alone() -> None:
    read = t.TestUnsealed("a" * 40, t.Score(0.5, 0.125, 16), None, [], {}, {}, "b" * 64, weights=SECOND)
    origin = model_card.origin(history(read).history("run"))
    assert "Sealed test: 0.5000 ± 0.1250 (n = 16)" in model_card.card(origin, SECOND)
    first = model_card.card(origin, FIRST)
    assert SECOND not in first and "sealed test has not been read" in first


def test_a_training_that_was_reused_is_told_as_it_was_made() -> None:
    again = trained(6, SECOND, FIRST, algorithm="dpo", reason="once more", reused=True)
    origin = model_card.origin(history(again).history("run"))
    assert "once more" not in model_card.card(origin, SECOND)


def test_the_card_claims_nothing_of_an_adapter_that_was_made_elsewhere() -> None:
    third, fourth = "3" * 64, "4" * 64
    brought = trained(6, third, None, algorithm="another program", recipe={}, rounds=0, facts={}, ended="imported")
    further = trained(7, fourth, third)
    origin = model_card.origin(history(brought, further).history("run"))
    card = model_card.card(origin, third)
    assert "is not known here, and may hold `val`" in card and "alone" not in card
    assert f"1. made elsewhere, imported: {third}" in card and "the base model," not in card
    card = model_card.card(origin, fourth)
    assert "is not known here" in card and "here on `train`" in card and "2. grpo, 3 rounds" in card


def test_a_merged_model_has_the_card_in_the_place_of_the_adapter() -> None:
    log = history()
    files = folder(load(log, SimpleNamespace(run=log.run), 4), merges=True)  # type: ignore[arg-type]
    card = files["merged/README.md"].decode()
    assert "library_name: transformers" in card and FIRST in card and "the whole model" in card
    assert not [path for path in files if path.startswith("adapter/")]
    assert "merged into it, in `merged/`" in files["README.md"].decode()


@pytest.mark.parametrize("given", [None, {"adapter_config.json": b"{}"}])
def test_it_is_in_the_folder_of_an_adapter_and_nowhere_else(given: dict[str, bytes] | None) -> None:
    log = history()
    files = folder(load(log, SimpleNamespace(run=log.run), 4), adapter=given)  # type: ignore[arg-type]
    card = model_card.card(model_card.origin(log.history("run")), FIRST).encode()
    assert files.get("adapter/README.md") == (card if given else None)
