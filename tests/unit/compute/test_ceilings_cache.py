"""A ceiling is the largest that was ever reached: what a busy machine showed once does not stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from domains.contract import Device
from engine.compute import ceilings_cache
from engine.errors import SiaError

NOON = 1_800_000_000.0


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path))


def device(gflops: float, gbs: float = 10.0, **peaks: float) -> Device:
    return Device("cpu", "a processor", gflops, gbs, 2, peaks=peaks)


def at(seconds: float) -> Callable[[], float]:
    return lambda: NOON + seconds


def test_of_repeated_measurements_the_larger_of_each_ceiling_stays() -> None:
    ceilings_cache.measure(lambda: device(40.0, 12.0, fp32=40.0), at(0))
    found = ceilings_cache.measure(lambda: device(150.0, 9.0, fp32=150.0, bf16=200.0), at(1))
    assert (found.device.gflops, found.device.gbs) == (150.0, 12.0)
    assert found.device.peaks == {"fp32": 150.0, "bf16": 200.0}
    assert found.device.fastest() == 200.0
    assert ceilings_cache.load() == ceilings_cache.Ceilings(found.device, 2, NOON + 1)


def test_the_first_few_that_ask_measure_and_then_one_a_day() -> None:
    asked = []

    def take() -> Device:
        asked.append(1)
        return device(100.0 + len(asked))

    for second in range(6):
        assert ceilings_cache.load_or_measure(take, at(second)).gflops == 100.0 + len(asked)
    assert len(asked) == ceilings_cache.ENOUGH
    ceilings_cache.load_or_measure(take, at(ceilings_cache.DAY_S + 10))
    assert len(asked) == ceilings_cache.ENOUGH + 1


def test_another_device_has_ceilings_of_its_own() -> None:
    ceilings_cache.measure(lambda: device(150.0), at(0))
    gpu = Device("cuda", "a GPU", 60.0, 2000.0)
    assert ceilings_cache.measure(lambda: gpu, at(1)) == ceilings_cache.Ceilings(gpu, 1, NOON + 1)


def test_what_is_known_serves_where_measuring_fails() -> None:
    def fails() -> Device:
        raise SiaError("the device cannot be measured (x)", "see")

    with pytest.raises(SiaError, match="cannot be measured"):
        ceilings_cache.load_or_measure(fails)
    ceilings_cache.measure(lambda: device(150.0), at(0))
    assert ceilings_cache.load_or_measure(fails).gflops == 150.0


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    ceilings_cache.measure(lambda: device(1.0))
    (file,) = (tmp_path / "compute").iterdir()
    file.write_bytes(b"{}")
    assert ceilings_cache.load() is None


def test_another_gpu_or_another_driver_has_another_record(monkeypatch: pytest.MonkeyPatch) -> None:
    ceilings_cache.measure(lambda: device(150.0))
    monkeypatch.setattr("engine.compute.devices.gpus", lambda: ["another GPU"])
    assert ceilings_cache.load() is None
    ceilings_cache.measure(lambda: device(7.0))
    monkeypatch.setattr("engine.compute.devices.driver_version", lambda: "999.1")
    assert ceilings_cache.load() is None


def test_this_machine_is_measured() -> None:
    found = ceilings_cache.measure().device
    assert found.gflops > 0.1
    assert found.gbs > 0.1
    assert found.software
