"""The domain's tool says of a matrix what a plain computation says."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy import sparse

from domains.denoising.answer import counts_out
from domains.denoising.data.counts import check
from domains.denoising.domain import Denoising
from domains.denoising.statistics import statistics
from engine import plain
from engine.grading.toolbox import Toolbox
from tests.unit.domains.denoising.counting import small


def test_the_numbers_are_those_of_the_dense_matrix() -> None:
    counts = np.random.default_rng(3).poisson(np.linspace(0, 2, 200), (500, 200))
    found = statistics(counts_out(sparse.csr_matrix(counts)))
    assert (found["cells"], found["genes"]) == (500, 200)
    assert found["zeros"] == pytest.approx((counts == 0).mean(), abs=1e-4)
    assert found["counts a cell"]["50%"] == np.median(counts.sum(axis=1))
    assert found["genes a cell"]["5%"] == pytest.approx(np.quantile((counts > 0).sum(axis=1), 0.05), abs=1e-3)
    largest = np.sort(counts.sum(axis=0))[-50:].sum() / counts.sum()
    assert found["share of the 50 largest genes"] == pytest.approx(largest, abs=1e-4)
    assert found["variance over mean"]["50%"] == pytest.approx(1, abs=0.1), "Poisson noise alone"


def test_the_domain_offers_it_for_the_matrix_that_is_shown() -> None:
    domain = Denoising(check(small()))
    box = Toolbox(domain)
    box.learn("nothing", [])
    item = domain.instances("val")[0]
    found = box.use("nothing", "statistics", {}, item.data)["result"]
    assert found["cells"] == item.data["shape"][0]
    plain.check(found)
    assert msgspec.json.encode(found)
