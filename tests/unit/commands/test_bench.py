"""`sia bench --gpu`: a report where there is a GPU, one sentence where there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from domains.contract import Device
from engine.acceptance import parts
from engine.acceptance.report import Part, Skipped, Table
from engine.errors import SiaError
from sia_tui.main import cli

CARD = Device("cuda", "NVIDIA H100", 52e3, 2900.0, 16, 85.0, "535.1", {"fp32": 52e3})


def bench(tmp_path: Path, *more: str) -> Result:
    report = str(tmp_path / "report.md")
    return CliRunner().invoke(cli, ["bench", "--gpu", "-o", report, "--workspace", str(tmp_path / ".sia"), *more])


def replace_parts(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    async def work() -> Sequence[Table]:
        if error:
            raise error
        return [Table("", ["case"], [["(64, 1)"]])]

    monkeypatch.setattr(parts, "gpu", lambda: CARD)
    monkeypatch.setattr(parts, "select", lambda *_: [Part("kernels", work)])


@pytest.mark.parametrize(("error", "outcome", "status"), [
    (None, "passed", 0), (Skipped("no vLLM here"), "skipped", 0), (SiaError("it broke", "mend it"), "failed", 1),
])  # fmt: skip
def test_the_report_is_written_and_the_status_says_whether_a_part_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None, outcome: str, status: int
) -> None:
    replace_parts(monkeypatch, error)
    done = bench(tmp_path)
    assert (done.exit_code, done.stdout) == (status, f"{tmp_path / 'report.md'}: kernels {outcome}\n")
    assert f"| kernels | {outcome} |" in (tmp_path / "report.md").read_text()


def test_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_parts(monkeypatch, None)
    found = json.loads(bench(tmp_path, "--json").stdout)
    assert found["device"]["name"] == "NVIDIA H100"
    assert [one["outcome"] for one in found["parts"]] == ["passed"]


def test_without_a_gpu_there_is_one_sentence_and_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compute.devices.gpus", list)
    done = bench(tmp_path)
    assert isinstance(done.exception, SiaError)
    assert "no NVIDIA driver" in done.exception.message
    assert not (tmp_path / "report.md").exists()
