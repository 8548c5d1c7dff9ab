"""The suite on a GPU, put to a GPU that is not there: what is believed, what is refused, and what it is told."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from domains.contract import GuestFailed, Instance
from domains.trimul import gpu, gpu_cases, gpu_clock, machine
from domains.trimul.candidate import KernelRefused, parse
from domains.trimul.cases import Case
from domains.trimul.domain import TriMul
from tests.fakes.cards import CARD, EMPTY_S, LIBRARY, Card, Dies, Machine, trimul

ANSWER = {"language": "torch", "source": "def custom_kernel(data):\n    pass"}
SMALL = Case(4, 1, 16, True, "normal", 8)


@pytest.fixture(autouse=True)
def small_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cascade is the same over fewer and smaller cases."""
    monkeypatch.setattr(gpu_cases, "CHECKED", [SMALL, Case(6, 2, 16, False, "cauchy", 8)])
    monkeypatch.setattr(gpu_cases, "TIMED", [Case(5, 1, 16, True, "cauchy", 8), SMALL])
    monkeypatch.setattr(gpu_cases, "hidden", lambda _draw: [Case(7, 1, 32, True, "normal", 8)])
    monkeypatch.setattr(gpu_cases, "MOST_CALLS", 8)


def card(**options: Any) -> Callable[[int], Card]:
    return functools.partial(Card, **options)


def test_an_honest_kernel_scores_1500_by_its_time_in_microseconds() -> None:
    machine = Machine(card(kernel_s=0.003))
    timed = gpu.run(ANSWER, machine)
    assert [one.case for one in timed] == gpu_cases.TIMED
    assert math.isclose(gpu.score(timed), 1500 / 3000)
    assert all(math.isclose(one.ratio, 0.002 / 0.003) for one in timed)
    assert all(guest.gpu for guest in machine.opened)


def test_weights_reach_the_guest_only_after_it_has_put_its_input() -> None:
    machine = Machine(card())
    gpu.run(ANSWER, machine)
    at = gpu_cases.layout(SMALL, 8)
    assert machine.card.weights_at_put != bytes(machine.card.memory[at.weights : at.outputs])
    assert machine.card.orders[:2] == ["put", "call"]


def test_the_house_takes_its_times_before_the_guest_can_load_the_gpu() -> None:
    machine = Machine(card())
    gpu.run(ANSWER, machine)
    alone = machine.house.orders[: machine.house.orders.index("expect")]
    assert alone.count("call") == machine.house.orders.count("call") > 0


@pytest.mark.parametrize("others", [("others used 40% of the GPU", ""), ("", "others used 40% of the GPU")])
def test_times_beside_others_on_the_gpu_before_or_after_the_candidate_are_marked(others: tuple[str, str]) -> None:
    (instance, *_) = TriMul().instances("val")
    grade = TriMul().grade(instance, ANSWER, Machine(card(), others=others))
    assert (grade.disturbed, grade.refused) == ("others used 40% of the GPU", "")
    assert TriMul().grade(instance, ANSWER, Machine(card())).disturbed == ""


LIES = {
    "events that are patched": (lambda times: [one / 5 for one in times], "the guest's clock disagrees"),
    "more than all the time there was": (lambda times: [9.0] * len(times), "the guest's clock disagrees"),
    "too few times": (lambda times: times[1:], "report of its times is not valid"),
    "no numbers": (lambda times: ["fast"] * len(times), "report of its times is not valid"),
    "infinity": (lambda times: [math.inf] * len(times), "report of its times is not valid"),
    "no time at all": (lambda times: [0.0] * len(times), "report of its times is not valid"),
    "a fault": (lambda times: "it returned None", "it returned None"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_guest_says_of_its_time_is_believed_as_far_as_the_clock_outside_goes(lie: str) -> None:
    claim, says = LIES[lie]
    with pytest.raises(KernelRefused, match=says):
        gpu.run(ANSWER, Machine(card(claim=claim)))


def test_jitter_of_the_host_refuses_no_honest_kernel() -> None:
    draw = np.random.default_rng(0)
    assert gpu.run(ANSWER, Machine(card(kernel_s=0.001, jitter=lambda: abs(draw.normal(0, 2e-4)))))


def test_work_that_goes_on_after_the_answer_is_seen() -> None:
    class Later(Card):
        def write(self) -> None:
            machine.house.late = [super().write]

    machine = Machine(Later)
    with pytest.raises(KernelRefused, match="went on after it had answered"):
        gpu.run(ANSWER, machine)


WRONG: dict[str, Callable[..., np.ndarray]] = {
    "nothing is written": lambda x, mask, weights: np.full_like(x, np.nan),
    "the mask is ignored": lambda x, mask, weights: trimul(x, np.ones_like(mask), weights),
    "half a bit too coarse": lambda x, mask, weights: np.round(trimul(x, mask, weights) * 4) / 4,
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_refused(fault: str) -> None:
    with pytest.raises(KernelRefused, match="wrong on"):
        gpu.run(ANSWER, Machine(card(kernel=WRONG[fault])))


def test_what_was_computed_before_the_weights_came_is_wrong() -> None:
    kept: list[np.ndarray] = []

    def cached(x: np.ndarray, mask: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
        kept.append(trimul(x, mask, weights))
        return next(one for one in kept if one.shape == kept[-1].shape)

    with pytest.raises(KernelRefused, match="timing: wrong on"):
        gpu.run(ANSWER, Machine(card(kernel=cached)))


def test_a_time_below_the_physical_floor_is_refused() -> None:
    slow = msgspec.structs.replace(CARD, gflops=1e-3, peaks={"fp32": 1e-3, "bf16": 1e-3})
    with pytest.raises(KernelRefused, match="is below what"):
        gpu.run(ANSWER, Machine(card(), slow))


def test_the_fastest_dtype_sets_the_floor_and_the_candidates_own_the_share() -> None:
    halves = {**ANSWER, "source": ANSWER["source"] + "  # torch.bfloat16"}
    assert gpu.precision(parse(ANSWER)) == "fp32"
    assert gpu.precision(parse(halves)) == "bf16"
    slow = msgspec.structs.replace(CARD, gflops=1e-2, peaks={"fp32": 1e-2, "bf16": 1.0})
    (plain, _), (half, _) = (gpu.run(answer, Machine(card(), slow)) for answer in (ANSWER, halves))
    assert plain.roofline > half.roofline


def test_a_guest_that_dies_is_a_refusal_at_its_stage_and_a_machine_that_fails_is_none() -> None:
    with pytest.raises(KernelRefused, match=r"smallest case: took more than 24576 MB \(resource\)"):
        gpu.run(ANSWER, Machine(Dies))

    class Broken(Dies):
        kind = "infrastructure"

    with pytest.raises(Exception, match="24576") as failed:
        gpu.run(ANSWER, Machine(Broken))
    assert not isinstance(failed.value, KernelRefused)


def test_a_reference_that_dies_alone_on_the_gpu_is_nobodys_refusal() -> None:
    class Full(Machine):
        def house_of(self, memory_bytes: int) -> Card:
            return Dies(memory_bytes)

    with pytest.raises(GuestFailed, match="the reference cannot be timed: took more than") as failed:
        gpu.run(ANSWER, Full(card()))
    assert failed.value.kind == "infrastructure"


def test_a_grade_on_a_gpu_has_the_papers_score() -> None:
    grade = TriMul().grade(Instance("val-0", None), ANSWER, Machine(card(kernel_s=0.003)))  # type: ignore[arg-type]
    assert math.isclose(grade.score, 0.5)
    assert math.isclose(grade.measures[f"{SMALL.name()} ms"], 3.0)


def test_what_is_left_of_the_wall_is_the_kernels() -> None:
    bound = gpu_clock.least([0.060, 0.062], [EMPTY_S] * 3)
    assert math.isclose(bound, 0.75 * (0.122 - 0.100 - gpu_clock.JITTER_S))
    assert gpu_clock.least([0.1], [0.05, 0.05, 0.06]) < gpu_clock.least([0.1], [0.05, 0.05, 0.05])


@pytest.mark.parametrize(("claimed", "believed"), [(0.0190, False), (0.0196, True), (0.0769, True), (0.078, False)])
def test_a_claim_within_the_bounds_is_believed(claimed: float, believed: bool) -> None:
    assert (gpu_clock.disagreement(claimed, [0.077], [EMPTY_S] * 3) == "") == believed


@pytest.mark.parametrize("jitter_s", [0.0, 0.0003])
def test_a_lie_gains_a_third_and_the_jitter(jitter_s: float) -> None:
    kernels_s, orders = 0.024, 3
    walls = [EMPTY_S + kernels_s / orders] * orders
    empty = [EMPTY_S, EMPTY_S, EMPTY_S + jitter_s]
    least = min(
        share for share in np.linspace(0.01, 1, 400) if not gpu_clock.disagreement(share * kernels_s, walls, empty)
    )
    assert 0.70 < least < 0.75
    assert not gpu_clock.disagreement(kernels_s, walls, empty)


def test_the_cases_are_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (len(gpu_cases.CHECKED), len(gpu_cases.TIMED)) == (18, 7)
    assert sum(case.masked for case in gpu_cases.TIMED) == 2
    assert sum(case.distribution == "cauchy" for case in gpu_cases.CHECKED) == 7
    for case in gpu_cases.TIMED:
        count = gpu_cases.calls(case)
        assert 2 <= count <= gpu_cases.MOST_CALLS
        assert gpu_cases.layout(case, count).end < 8 << 30
    secret = [gpu_cases.hidden(np.random.default_rng(seed)) for seed in range(20)]
    assert all({case.masked for case in pair} == {True, False} for pair in secret)


def test_cuda_is_compiled_where_the_gpu_is_seen_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path))
    answer = {**ANSWER, "language": "cuda", "code": "__global__ void k() {}", "flags": ["-O3"]}
    first, second = Machine(card()), Machine(card())
    assert gpu.run(answer, first)
    assert gpu.run(answer, second)
    build, house, guest = first.opened
    assert build.gpu
    assert (build.data["language"], build.data["cuda"], build.data["flags"]) == ("build", True, ["-O3"])
    assert (guest.data["library"], house.data.get("library")) == (LIBRARY, None)
    assert [one.room for one in second.opened] == ["house", "guest"]  # from the cache


def test_a_score_belongs_to_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = TriMul().digest()
    monkeypatch.setattr(machine, "name", lambda: "another card")
    assert TriMul().digest() != here
    assert TriMul().title().endswith("another card")


def test_on_a_gpu_the_gpus_cases_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "gpu", lambda: "a card")
    assert TriMul().instances("val")[0].data["timed"] == [case.name() for case in gpu_cases.TIMED]


def test_a_gpu_counts_where_torch_can_use_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, torch = tmp_path / "driver", tmp_path / "torch"
    (driver / "gpus" / "0").mkdir(parents=True)
    (driver / "gpus" / "0" / "information").write_text("Model: \t NVIDIA H100 80GB HBM3\nIRQ: 1\n")
    torch.mkdir()
    (torch / "__init__.py").touch()
    (torch / "version.py").write_text("cuda: Optional[str] = '13.0'\n")
    spec = SimpleNamespace(origin=str(torch / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: spec)
    assert machine.gpu(driver, tmp_path, {}) == "NVIDIA H100 80GB HBM3"
    assert not machine.gpu(driver, tmp_path, {"CUDA_VISIBLE_DEVICES": ""})
    assert not machine.gpu(tmp_path, tmp_path, {})
    (tmp_path / "nvidia0").touch()
    assert machine.gpu(tmp_path, tmp_path, {}) == "an NVIDIA GPU"
    (torch / "version.py").write_text("cuda: Optional[str] = None\n")
    assert not machine.gpu(driver, tmp_path, {})
