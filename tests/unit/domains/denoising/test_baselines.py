"""Baselines are computed, each from one thinning; the floor is kept, and says what it rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from domains.denoising import answer as answers
from domains.denoising import baselines, biology, floor
from domains.denoising.data.counts import check
from domains.denoising.domain import Denoising, load
from domains.denoising.magic_client import Magic, version
from tests.unit.domains.denoising.counting import NO_MAGIC, small


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Denoising:
    """With the floor of our own diffusion, and a cache of its own."""
    monkeypatch.setenv("SIA_CACHE", str(tmp_path))
    monkeypatch.setattr("domains.denoising.domain.version", lambda: None)
    monkeypatch.setattr(floor, "version", lambda: None)
    made = Denoising(check(small()))
    made.instances("val")
    return made


def test_every_baseline_answers_and_the_gamed_one_is_refused(domain: Denoising) -> None:
    items = domain.instances("val")[:1]
    found = {name: domain.grade(items[0], given[0]) for name, given in domain.baselines([], items).items()}
    assert {"no denoising", "gene mean", "kNN smoothing", "truncated SVD", "ALRA", baselines.DIFFUSION} < set(found)
    assert not [name for name in found if name.startswith("MAGIC")]
    assert "all zeros" in found["all zeros"].refused
    assert not found["gene mean"].refused
    assert found["no denoising"].score == pytest.approx(0, abs=1e-6)
    assert found["perfect (the held-out counts)"].score == pytest.approx(1, abs=1e-3)
    assert found["perfect (the held-out counts)"].honest == pytest.approx(1, abs=1e-3)
    assert found[baselines.DIFFUSION].honest == pytest.approx(found["gene mean"].floor - floor.MARGIN)  # type: ignore[operator]


def test_baselines_are_made_when_they_are_asked_for(domain: Denoising) -> None:
    items = domain.instances("val")
    given = domain.baselines([], items)["gene mean"]
    assert len(given) == len(items)
    assert given[3] == given[3] != given[4]


def test_the_floor_is_kept_between_processes(domain: Denoising, tmp_path: Path) -> None:
    item = domain.instances("val")[0]
    first = domain.grade(item, answers.counts_out(sparse.csr_matrix((1, 1)))).floor
    assert first is None  # refused before anything is computed
    grade = domain.grade(item, domain.baselines([], [item])["gene mean"][0])
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text("0.123")
    again = domain.grade(item, domain.baselines([], [item])["gene mean"][0])
    assert grade.floor != again.floor == pytest.approx(0.123 + floor.MARGIN)


def test_what_the_floor_rests_on_is_part_of_the_domains_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for installed in (None, "3.0.0", "3.1.0"):
        monkeypatch.setattr(floor, "version", lambda installed=installed: installed)
        digests.add(Denoising(check(small())).digest())
        assert (floor.basis() == baselines.DIFFUSION) is (installed is None)
    assert len(digests) == 3


def test_the_default_data_is_labelled_as_simulated() -> None:
    domain = load(None)
    assert isinstance(domain, Denoising)
    assert "simulated" in domain.title()


@pytest.mark.skipif(version() is None, reason=NO_MAGIC)
def test_magic_runs_in_a_process_of_its_own_and_keeps_cells_apart() -> None:
    counts = check(small(cells=120)).matrix
    magic = Magic()
    try:
        exact, remembered, again = magic(counts), magic(counts), magic(counts.copy())
        reversed_order = magic(counts, reversed_order=True)
    finally:
        magic.close()
    assert remembered is exact is not again
    assert (exact == again).all()
    assert exact.shape == counts.shape
    assert (exact >= 0).all()
    assert not np.allclose(exact, reversed_order)
    import sys

    assert "magic" not in sys.modules


def test_a_magic_that_dies_is_a_failure_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domains.denoising.magic_client.sys.executable", "/bin/false")
    with pytest.raises(RuntimeError, match="MAGIC died"):
        Magic()(check(small()).matrix)


def test_correlation_is_invented_by_pooling_and_not_by_chance() -> None:
    rng = np.random.default_rng(1)
    shuffled = rng.poisson(3.0, (100, 20)).astype(float)
    mixing = rng.random((100, 3)) @ rng.random((3, 100))
    assert biology.invented_correlation(shuffled) == pytest.approx(0.8 / 10, abs=0.02)
    assert biology.invented_correlation(mixing @ shuffled) > 0.5
    assert biology.invented_correlation(np.zeros((9, 4))) == 0


def test_structure_tells_cells_that_keep_their_kind_from_cells_that_lose_it() -> None:
    rng = np.random.default_rng(1)
    profiles = rng.gamma(0.5, 2.0, (3, 80)) + 0.1
    kinds = np.array([0] * 50 + [1] * 40 + [2] * 8)
    labels = [f"type {kind}" for kind in kinds]
    kept = biology.structure(rng.poisson(profiles[kinds] * 20).astype(float), labels)
    lost = biology.structure(rng.poisson(profiles[[0] * 98] * 20).astype(float), labels)
    assert min(kept.values()) > 0.9
    assert max(lost.values()) < 0.5
