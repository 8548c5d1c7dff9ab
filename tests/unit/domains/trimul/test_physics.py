"""A ratio beyond what the machine allows is refused, whatever the clock says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from domains.contract import Device
from domains.trimul import physics
from domains.trimul.cases import Case

CASE = Case(128, 1, 128, False, "normal")
DEVICE = Device("cpu", "a processor", gflops=184.0, gbs=20.0, threads=2, peaks={"fp32": 184.0}, quiet=True)
LEAST_S = CASE.flops() / 184e9
REFERENCE_S = 3.0 * LEAST_S


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path))


def test_a_ratio_beyond_the_roofline_is_refused_though_the_candidate_took_long_enough() -> None:
    physics.keep(CASE, DEVICE, REFERENCE_S)
    honest_s = 1.05 * LEAST_S
    assert physics.impossible(CASE, DEVICE, honest_s, REFERENCE_S / honest_s, "") == ""
    slow_s = 2.0 * REFERENCE_S  # others slowed the reference to a half, and nobody saw them
    said = physics.impossible(CASE, DEVICE, honest_s, slow_s / honest_s, "")
    assert said == "a ratio of 5.71 is beyond 3.75, the most that (128, 1, 128, no mask, normal) allows here"


def test_the_references_best_time_only_falls() -> None:
    for seconds in (REFERENCE_S, 2 * REFERENCE_S, 0.99 * REFERENCE_S, REFERENCE_S):
        physics.keep(CASE, DEVICE, seconds)
    assert physics._known(DEVICE) == {CASE.name(): 0.99 * REFERENCE_S}
    assert physics._known(replace(DEVICE, threads=4)) == {}  # another machine's


def test_a_disturbed_ratio_is_not_the_candidates_fault() -> None:
    physics.keep(CASE, DEVICE, REFERENCE_S)
    assert physics.impossible(CASE, DEVICE, LEAST_S, 9.0, "") != ""
    assert physics.impossible(CASE, DEVICE, LEAST_S, 9.0, "others used 58% of the processors") == ""


@pytest.mark.parametrize(("quiet", "margin"), [(True, physics.MARGIN), (False, physics.UNSURE)])
def test_a_time_below_the_roofline_is_refused_by_how_sure_the_ceilings_are(quiet: bool, margin: float) -> None:
    device = replace(DEVICE, quiet=quiet)
    for beside in ("", "others used 58% of the processors"):
        assert physics.impossible(CASE, device, 0.99 * LEAST_S / margin, 1.0, beside).endswith("takes at least")
        assert physics.impossible(CASE, device, 1.01 * LEAST_S / margin, 1.0, beside) == ""


def test_a_kernel_that_skips_what_is_masked_is_not_below_the_roofline() -> None:
    masked = replace(CASE, masked=True)
    assert masked.least_flops() < 0.7 * masked.flops()
    assert CASE.least_flops() == CASE.flops()
    skipping_s = masked.least_flops() / 184e9
    assert physics.impossible(masked, DEVICE, skipping_s, 1.0, "") == ""
    assert physics.impossible(CASE, DEVICE, skipping_s, 1.0, "") != ""


def test_without_a_known_time_of_the_reference_no_ratio_is_refused() -> None:
    assert physics.impossible(CASE, DEVICE, LEAST_S, 100.0, "") == ""
