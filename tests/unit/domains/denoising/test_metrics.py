"""The scores: equal to a plain dense computation, to upstream's published constants, and as gameable as measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from domains.denoising import metrics
from domains.denoising.data.files import read
from tests.unit.domains.denoising.counting import ABSENT, DATA, PANCREAS


def dense_losses(test: np.ndarray, denoised: np.ndarray, scale: float) -> tuple[float, float, float]:
    def logs(matrix: np.ndarray) -> np.ndarray:
        sums = matrix.sum(axis=1)
        return np.log1p(1e4 * matrix / np.where(sums == 0, 1, sums)[:, None])

    y = denoised * scale
    swapped = np.mean(test - y * np.log(test + 1e-6))
    true = np.mean(y - test * np.log(y + 1e-6))
    return float(np.mean((logs(test) - logs(denoised)) ** 2)), float(swapped), float(true)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells, genes = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    train, test = rng.poisson(draw(st.floats(0.2, 20)), (2, cells, genes)).astype(float)
    train[0, 0] += 1
    test[0, 0] += 1
    return train, test, rng.gamma(0.5, 3.0, (cells, genes)) * rng.integers(0, 2, (cells, genes))


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_losses_equal_a_plain_dense_computation(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    train, test, denoised = case
    scale = test.sum() / train.sum()
    for given_as in (denoised, sparse.csr_matrix(denoised)):
        found = metrics.losses(sparse.csr_matrix(test), given_as, scale)
        assert found == pytest.approx(dense_losses(test, denoised, scale), abs=1e-9, rel=1e-9)


def test_no_denoising_scores_nothing_and_the_held_out_counts_score_one() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(2.0, (700, 30))
    train = sparse.csr_matrix(rng.binomial(counts, 0.9))
    test = sparse.csr_matrix(counts - train.toarray())
    fixed = metrics.anchors(train, test)
    assert metrics.scores(test, train, fixed) == pytest.approx((0, 0, 0), abs=1e-12)
    assert metrics.scores(test, test / fixed.scale, fixed).poisson_norm == pytest.approx(1)
    assert metrics.scores(test, test, fixed)[:2] == pytest.approx((1, 1))


def upstream_split(counts: sparse.csr_matrix, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    whole = counts.toarray()
    train = np.random.RandomState(seed).binomial(whole, 0.9)
    seen = train.sum(axis=0) > 0
    return sparse.csr_matrix(train[:, seen]), sparse.csr_matrix((whole - train)[:, seen])


@pytest.mark.skipif(not PANCREAS.exists(), reason=ABSENT)
def test_all_zeros_pass_upstreams_scores_and_fail_in_the_true_order() -> None:
    train, test = upstream_split(read(PANCREAS).matrix, seed=42)
    fixed = metrics.anchors(train, test)
    assert fixed.none.mse == pytest.approx(0.3992, abs=5e-4)
    zeros = metrics.scores(test, np.zeros(train.shape, dtype=np.float32), fixed)
    assert zeros.mse_norm == pytest.approx(0.3373, abs=2e-3)
    assert zeros.poisson_norm_upstream == pytest.approx(0.9806, abs=2e-3)
    assert zeros.poisson_norm < -2
    gene_mean = np.outer(np.asarray(train.sum(axis=1)), np.asarray(train.sum(axis=0))) / train.sum()
    assert metrics.scores(test, gene_mean, fixed).mse_norm == pytest.approx(0.0044, abs=2e-3)


PUBLISHED = {"pancreas": (0.304721, 0.257575, 0.031739), "pbmc": (0.270945, 0.300447, 0.043569)}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_upstreams_published_constants_come_out(name: str) -> None:
    file = DATA / f"{name}.npz"
    if not file.exists():
        pytest.skip(f"OpenProblems' {name} counts are not at hand: {file}")
    train, test = upstream_split(read(file).matrix, seed=42)
    fixed = metrics.anchors(train, test)
    found = (fixed.none.mse, fixed.none.poisson_upstream, fixed.perfect.poisson_upstream)
    assert found == pytest.approx(PUBLISHED[name], abs=1e-5)
