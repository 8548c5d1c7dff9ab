"""What the parts of the acceptance test ask of verifier, trainer and server, with all three made up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from domains.contract import Device, Grade
from domains.trimul import candidate
from engine.acceptance import kernels as kernels_part
from engine.acceptance import parts, weights
from engine.acceptance.report import Skipped, Table
from engine.compute import device_status
from engine.compute.ceilings_cache import Ceilings
from engine.errors import SiaError
from engine.models.protocol import Reply, Request, Token
from engine.usage import Usage
from engine.user_settings import UserSettings, Vllm

ANSWER = {"language": "torch", "source": "def custom_kernel(data):\n    pass"}


class FakeGrader:
    """A verifier that measures one case and looks for masks."""

    looks = True
    refuses = ""
    closed = False

    def __init__(self, _folder: object) -> None: ...

    async def baseline_answers(self, _on: str) -> dict[str, list[Any]]:
        return {"reference": [ANSWER, ANSWER], "fused": [ANSWER, ANSWER]}

    async def grade(self, _split: str, _instance: str, answer: Any) -> Grade:
        if self.looks and "mask * 0 + 1" in answer["source"]:
            return Grade(0.0, refused="refused at the stage 'all cases'")
        if self.refuses:
            return Grade(0.0, refused=self.refuses)
        return Grade(0.4, measures={"(64, 1) ms": 1.5, "(64, 1) ratio": 2.0, "(32, 1) ms": 0.5})

    async def close(self) -> None:
        type(self).closed = True


@pytest.fixture
def grader(monkeypatch: pytest.MonkeyPatch) -> type[FakeGrader]:
    made = type("Fresh", (FakeGrader,), {})
    monkeypatch.setattr(kernels_part, "Grader", made)

    async def peers() -> Table:
        return Table("others", ["case", "cuEquivariance"], [["(64, 1)", "1.1"]])

    monkeypatch.setattr(kernels_part, "_peers", peers)
    return made


def test_every_baseline_and_every_language_has_a_table_of_cases(grader: type[FakeGrader]) -> None:
    reference, *more, refused, others = asyncio.run(kernels_part.kernels())
    assert [table.title.partition(":")[0] for table in more] == ["fused", "gates in Triton", "gates in CUDA C++"]
    assert reference.title == "reference: score 0.4"
    assert reference.head == ["case", "ms", "ratio"]
    assert reference.rows == [["(64, 1)", "1.5", "2"], ["(32, 1)", "0.5", "-"]]
    assert refused.rows == [["refused, as it must be"]]
    assert others.title == "others"
    assert grader.closed


@pytest.mark.parametrize(
    ("fault", "says"),
    [({"looks": False}, "ignores the mask has passed"), ({"refuses": "too slow"}, "the kernel 'reference' is refused")],
)
def test_a_verifier_that_errs_fails_the_part(grader: type[FakeGrader], fault: dict[str, Any], says: str) -> None:
    for name, value in fault.items():
        setattr(grader, name, value)
    with pytest.raises(SiaError, match=says):
        asyncio.run(kernels_part.kernels())
    assert grader.closed


def test_the_samples_are_candidates() -> None:
    found = kernels_part.samples(Path(candidate.__file__).with_name("samples"))
    assert {candidate.parse(answer).language for answer in found.values()} == {"triton", "cuda"}


def test_other_programs_that_fail_are_told_with_their_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels_part, "PEERS", "no.such.module")
    with pytest.raises(SiaError, match=r"the other programs failed \(.*no"):
        asyncio.run(kernels_part._peers())


class FakeTrainer:
    """A policy that answers in two tokens, and notes what it has learnt."""

    def __init__(self, device: str) -> None:
        self.facts = {"device": device, "dtype": "bfloat16", "rank": 32, "trainable": 1000}
        self.learnt: list[int] = []

    async def generate(self, requests: Sequence[Request]) -> list[Reply]:
        return [Reply("red", "end", Usage(), (), [1, 2], [Token(3, 0.0)] * 2) for _ in requests]

    async def learn(self, round: int, samples: Sequence[Any], _report: object) -> dict[str, float]:
        self.learnt.append(round)
        assert {len(sample.calls) for sample in samples} == {1}
        return {"steps": 1.0}

    async def export(self, _adapters: Path, _lineage: object) -> str:
        return "a" * 64


class FakeServer:
    """vLLM, as far as the part uses it."""

    asked: ClassVar[list[str | None]] = []
    closed = False

    @classmethod
    async def start(cls, _weights: str, **_: Any) -> FakeServer:
        cls.asked = []
        return cls()

    async def chat(self, request: Request) -> Reply:
        self.asked.append(request.adapter)
        return Reply("blue", "end", Usage())

    async def close(self) -> None:
        type(self).closed = True


def trainer(monkeypatch: pytest.MonkeyPatch, device: str) -> FakeTrainer:
    made = FakeTrainer(device)

    @contextlib.asynccontextmanager
    async def opened(*_: Any) -> AsyncIterator[FakeTrainer]:
        yield made

    monkeypatch.setattr(weights, "open_trainer", opened)
    monkeypatch.setattr(weights, "Vllm", FakeServer)
    return made


def test_the_adapter_that_training_left_is_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = trainer(monkeypatch, "NVIDIA H100")
    settings = UserSettings(vllm=Vllm(interpreter=tmp_path / "python"))

    async def go() -> None:
        part = weights.WeightsTrial(tmp_path)
        (table,) = await part.train(tmp_path, 3)
        assert table.title.startswith("GRPO on NVIDIA H100: bfloat16, rank 32")
        assert [row[0] for row in table.rows] == ["1", "2", "3"]
        (served,) = await part.serve(settings, lambda _: None)
        assert [row[:2] for row in served.rows] == [
            ["base", "first"],
            ["base", "second"],
            ["adapter", "first"],
            ["adapter", "second"],
        ]

    asyncio.run(go())
    assert made.learnt == [1, 2, 3]
    assert FakeServer.asked == [None, None, "a" * 64, "a" * 64]
    assert FakeServer.closed


def test_training_on_the_processor_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trainer(monkeypatch, "cpu")
    with pytest.raises(SiaError, match="ran on the processor"):
        asyncio.run(weights.WeightsTrial(tmp_path).train(tmp_path, 1))


def test_without_an_adapter_or_vllm_serving_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trainer(monkeypatch, "NVIDIA H100")

    async def go() -> None:
        part = weights.WeightsTrial(tmp_path)
        with pytest.raises(Skipped, match="no adapter"):
            await part.serve(UserSettings(), lambda _: None)
        await part.train(tmp_path, 1)
        with pytest.raises(Skipped, match="no interpreter"):
            await part.serve(UserSettings(), lambda _: None)

    asyncio.run(go())


CARD = Device("cuda", "NVIDIA H100", 52e3, 2900.0)


@pytest.mark.parametrize(
    ("names", "torch", "kind", "says"),
    [
        ([], device_status.Torch(False), "cpu", "no NVIDIA driver"),
        (["NVIDIA H100"], device_status.Torch(False), "cpu", "torch is not installed"),
        (["NVIDIA H100"], device_status.Torch(True), "cpu", "without CUDA"),
        (["NVIDIA H100"], device_status.Torch(True, "13.0"), "cpu", "did not find it"),
    ],
)
def test_without_a_gpu_one_sentence_says_why(
    monkeypatch: pytest.MonkeyPatch, names: list[str], torch: device_status.Torch, kind: Any, says: str
) -> None:
    machine(monkeypatch, names, torch, kind)
    with pytest.raises(SiaError, match=rf"no usable GPU \(.*{says}"):
        parts.gpu()


def test_a_gpu_is_measured_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, ["NVIDIA H100"], device_status.Torch(True, "13.0"), "cuda")
    assert parts.gpu().name == "NVIDIA H100"


def machine(monkeypatch: pytest.MonkeyPatch, names: list[str], torch: device_status.Torch, kind: Any) -> None:
    monkeypatch.setattr("engine.compute.devices.gpus", lambda: names)
    monkeypatch.setattr("engine.compute.devices.nodes", lambda: ["/dev/nvidia0"])
    monkeypatch.setattr("engine.compute.device_status.torch", lambda: torch)
    measured = Ceilings(msgspec.structs.replace(CARD, kind=kind), 1, 0.0)
    monkeypatch.setattr("engine.compute.ceilings_cache.measure", lambda: measured)
