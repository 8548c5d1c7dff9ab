"""Trees are computed as their texts are one by one, and losses are what they are on paper."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="needs the extra train")

import torch
from transformers import AutoModelForCausalLM

from engine.models.backends.forward_pass import predict
from engine.models.backends.trie import batches, rows
from engine.weights.algorithms import losses
from tests.train import tiny

pytestmark = pytest.mark.train


def test_a_tree_says_of_each_text_what_the_model_says_of_it_alone(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny.checkpoint(tmp_path)).eval()
    shared = [1, 5, 6, 7]
    calls = [(i, [*shared, 3 + i % 3, 4], [8, 9 + i % 2, 2][: 1 + i % 3]) for i in range(9)]
    calls += [(9, [1, 5], [6, 7, 8]), (10, [3, 3, 3, 3, 3, 3, 3, 3], [4, 4])]
    found = {}
    with torch.inference_mode():
        for some in batches(rows(calls, 30), 64):
            spoken, before = predict(model, some, 0.7, hidden=True), 0
            assert spoken.hidden.shape == (len(spoken.lines), 32)
            assert torch.allclose(spoken.lines.exp().sum(-1), torch.ones(len(spoken.lines)), atol=1e-5)
            for row in some:
                for owner, path in row.paths:
                    found[owner] = spoken.logprobs[[before + at for at in path]]
                before += len(row.targets)
        for owner, prompt, ending in calls:
            logits = model(input_ids=torch.tensor([[*prompt, *ending]])).logits[0] / 0.7
            alone = torch.log_softmax(logits, -1)[len(prompt) - 1 : -1]
            expected = alone[range(len(ending)), list(ending)]
            assert torch.allclose(found[owner], expected, atol=1e-5), owner


def test_the_surrogate_is_flat_where_a_ratio_has_left_its_bounds_on_the_side_that_pays() -> None:
    ratio = torch.tensor([1.0, 1.5, 1.5, 0.5, 0.5])
    advantage = torch.tensor([2.0, 2.0, -2.0, 2.0, -2.0])
    logprob = ratio.log().requires_grad_()
    loss = losses.surrogate(logprob, torch.zeros(5), advantage, 0.2)
    # 1 * 2; 1.2 * 2; 1.5 * -2; 0.5 * 2; 0.8 * -2
    assert loss.tolist() == pytest.approx([-2.0, -2.4, 3.0, -1.0, 1.6])
    loss.sum().backward()
    assert logprob.grad.tolist() == pytest.approx([-2.0, 0.0, 3.0, -1.0, 0.0])
    flat = losses.clipped(logprob.detach(), torch.zeros(5), advantage, 0.2)
    assert flat.tolist() == [False, True, False, False, True]


def test_the_divergence_is_that_of_the_distributions_on_average() -> None:
    policy, base = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.3, 0.5])
    exact = sum(p * math.log(p / b) for p, b in zip(policy.tolist(), base.tolist(), strict=True))
    estimates = losses.divergence(policy.log(), base.log())
    assert (estimates >= 0).all()
    assert float((policy * estimates).sum()) == pytest.approx(exact, abs=1e-6)


def test_a_preference_costs_the_surprise_of_its_margin() -> None:
    found = losses.preference(torch.tensor([0.0, 2.0, -2.0, -500.0]))
    expected = [math.log(2), math.log1p(math.exp(-2)), math.log1p(math.exp(2)), 500.0]
    assert found.tolist() == pytest.approx(expected)
