"""The grading process keeps the labels, and whatever a domain does there hurts nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from msgspec.structs import replace

from domains.contract import Grade
from engine import pipes
from engine.errors import SiaError
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import Folder, built_in, find
from tests.unit.grading.conftest import DOMAIN, use


def test_answers_are_judged(toy: Folder) -> None:
    async def work(grader: Grader) -> list[float]:
        return [(await grader.grade("val", "val-103", answer)).score for answer in (1, 2, None, "x", [1], {"a": 1})]

    assert use(toy, work) == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_split_is_handed_out_with_labels_for_train_only(toy: Folder) -> None:
    async def work(grader: Grader) -> dict[str, set[bool]]:
        return {
            split: {item.label is None for item in await grader.instances(split)} for split in ("train", "val", "test")
        }

    assert use(toy, work) == {"train": {False}, "val": {True}, "test": {True}}


def test_no_label_of_val_or_test_crosses_the_pipe(made: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[bytes] = []
    receive = pipes.receive

    async def spied(stream: asyncio.StreamReader) -> Any:
        message = await receive(stream)
        passed.append(pipes.pack(message))
        return message

    monkeypatch.setattr(pipes, "receive", spied)

    async def work(grader: Grader) -> None:
        await grader.describe()
        for split in ("train", "val", "test"):
            await grader.instances(split)
            grade = await grader.grade(split, f"{split}-1", 0)
            await grader.summarise(split, [(f"{split}-1", 0, grade)])
        await grader.baselines("val")
        await grader.baselines("test")

    use(made("return Grade(0.0, detail='expected ' + instance.label)"), work)
    told = b"".join(passed)
    assert b"SECRET-train" in told
    assert b"expected SECRET-train" in told
    assert b"SECRET-val" not in told
    assert b"SECRET-test" not in told


def test_the_labels_of_val_are_handed_out_for_the_sealed_test_alone(toy: Folder) -> None:
    async def work(grader: Grader) -> set[str]:
        return {item.id.split("-")[0] for item in await grader.labelled()}

    assert use(toy, work) == {"train", "val"}


def test_what_a_grader_says_when_it_raises_is_passed_on_for_train_alone(toy: Folder) -> None:
    async def work(grader: Grader) -> None:
        with pytest.raises(GraderFailed, match="ValueError: asked to"):
            await grader.grade("train", "train-3", "make the grader raise")

    use(toy, work)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("hang the grader", r"did not answer 'grade' within 3 s: it is at domain.py:\d+ in grade"),
        ("kill the grader", "process died at 'grade'"),
        ("make the grader raise", r"^ValueError at domain.py:\d+ in grade$"),
    ],
)
def test_a_grader_that_hangs_dies_or_raises_is_reported_and_the_next_answer_is_judged(
    toy: Folder, answer: str, says: str
) -> None:
    async def work(grader: Grader) -> Grade:
        await grader.describe()
        began = time.monotonic()
        with pytest.raises(GraderFailed, match=says):
            await grader.grade("val", "val-100", answer)
        assert time.monotonic() - began < 20
        return await grader.grade("val", "val-103", 1)

    assert use(toy, work).score == 1.0


def test_a_call_that_is_cancelled_while_a_slow_domain_is_asked_where_it_is_ends_the_process(
    toy: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Grader, "_where", AsyncMock(side_effect=asyncio.CancelledError))

    async def work(grader: Grader) -> Grade:
        with pytest.raises(asyncio.CancelledError):
            await grader.grade("val", "val-100", "hang the grader")
        return await grader.grade("val", "val-103", 1)

    assert use(toy, work).score == 1.0


def test_a_grader_that_was_killed_is_started_again_at_once(toy: Folder) -> None:
    async def work(grader: Grader) -> tuple[int, int, Grade]:
        await grader.describe()
        before = process_of(grader)
        os.kill(before, signal.SIGKILL)
        grade = await grader.grade("val", "val-103", 1)
        return before, process_of(grader), grade

    before, after, grade = use(toy, work)
    assert before != after
    assert grade.score == 1.0


SLOW = """import time
    from pathlib import Path
    again = Path(__file__).with_name("opened")
    if again.exists(): time.sleep(3)
    again.touch()"""


def test_a_grader_that_died_has_the_time_to_load_before_its_next_answer_counts(made: Callable[..., Folder]) -> None:
    """Loading is not grading: one death once zeroed every answer that followed."""
    folder = made(load=SLOW)
    folder = replace(folder, spec=replace(folder.spec, grade_wall_s=2.0))

    async def work(grader: Grader) -> Grade:
        await grader.describe()
        os.kill(process_of(grader), signal.SIGKILL)
        return await grader.grade("val", "val-1", 1)

    assert use(folder, work).score == 1.0


def process_of(grader: Grader) -> int:
    assert grader._process
    return grader._process.pid


def test_an_answer_that_was_given_up_is_not_taken_for_the_next(toy: Folder) -> None:
    async def work(grader: Grader) -> Grade:
        await grader.describe()
        waiting = asyncio.create_task(grader.grade("val", "val-100", "wrong"))
        await asyncio.sleep(0)  # lets the question be asked; its reply is still on the way
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await grader.grade("val", "val-103", 1)

    assert use(toy, work).score == 1.0


def test_calls_made_at_once_get_their_own_replies(toy: Folder) -> None:
    async def work(grader: Grader) -> list[float]:
        grades = await asyncio.gather(*(grader.grade("val", f"val-{100 + i}", 1) for i in range(10)))
        return [grade.score for grade in grades]

    assert use(toy, work) == [float(7 * x % 10 == 1) for x in range(100, 110)]


def test_no_key_is_in_the_environment_of_the_grader(toy: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MY_TOKEN"):
        monkeypatch.setenv(name, "canary-4711")

    async def work(grader: Grader) -> bytes:
        await grader.describe()
        return Path(f"/proc/{process_of(grader)}/environ").read_bytes()

    environment = use(toy, work)
    assert b"PATH=" in environment
    assert b"canary-4711" not in environment


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("text", ["'line\\n' * 50_000", "'x' * 1_000_000", "chr(228) * 300_000"])
def test_what_a_domain_prints_breaks_nothing(made: Callable[..., Folder], stream: str, text: str) -> None:
    folder = made(f"print({text}, end='', file=sys.{stream}, flush=True); return Grade(0.25)")

    async def work(grader: Grader) -> list[float]:
        return [(await grader.grade("val", "val-1", 0)).score for _ in range(3)]

    assert use(folder, work) == [0.25] * 3


@pytest.mark.parametrize(
    ("grade", "says"),
    [
        ("return Grade(float('nan'))", "nan; a score"),
        ("return 'fine'", "a value of type str, not a Grade"),
        ("return Grade('high')", "in score a value of type str, which is not a number"),
        ("return Grade(1.0, detail=object())", "in detail a value of type object, which is not text"),
        ("os._exit(3)", r"died at 'grade' \(exit status 3\)"),
        ("sys.exit('no data')", "SystemExit: no data"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise RuntimeError('x' * 10)", "RuntimeError: xxxxxxxxxx"),
    ],
)
def test_a_grade_that_is_none_is_a_failure_of_the_verifier(made: Callable[..., Folder], grade: str, says: str) -> None:
    async def work(grader: Grader) -> None:
        await grader.grade("train", "train-1", 0)

    with pytest.raises(GraderFailed, match=says):
        use(made(grade), work)


def test_a_baseline_that_is_no_number_is_refused_before_it_reaches_the_log(made: Callable[..., Folder]) -> None:
    async def work(grader: Grader) -> None:
        await grader.baselines("val")

    with pytest.raises(GraderFailed, match="baseline 'b' has inf; a score lies between"):
        use(made("return Grade(float('inf'))"), work)


@pytest.mark.parametrize("score", ["-1e308", "1e101", "10**400", "float('nan')", "float('inf')"])
def test_a_score_that_no_sum_bears_is_a_failure_of_the_verifier(made: Callable[..., Folder], score: str) -> None:
    async def work(grader: Grader) -> None:
        await grader.grade("train", "train-1", 0)

    with pytest.raises(GraderFailed, match="a score lies between ±1e\\+100"):
        use(made(f"return Grade({score})"), work)


def test_missing_data_is_one_sentence_for_the_user(made: Callable[..., Folder]) -> None:
    async def work(grader: Grader) -> None:
        await grader.describe()

    with pytest.raises(SiaError, match="get it from somewhere"):
        use(made(load="raise DataMissing('the data is not here; get it from somewhere')"), work)
    with pytest.raises(GraderFailed, match="NameError"):
        use(made(load="nonsense"), work)


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "there is no domain"), ("name =", "not valid"), ('name = "x"', "title"), ("colour = 1", "not valid")],
)
def test_a_folder_that_is_no_domain_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "domain.toml").write_text(text)
    with pytest.raises(SiaError, match=says):
        find(str(tmp_path))


def test_the_digest_of_a_domain_covers_its_code_and_not_its_harness(made: Callable[..., Folder]) -> None:
    folder = made()
    (folder.path / "harness").mkdir()
    (folder.path / "harness" / "agent.py").write_text("1")
    before = folder.code_digest()
    (folder.path / "harness" / "agent.py").write_text("2")
    assert folder.code_digest() == before
    (folder.path / "domain.py").write_text("2")
    assert folder.code_digest() != before


def test_the_built_in_domains_are_found_by_name() -> None:
    assert "lawbench" in built_in()
    assert find("lawbench").source == "lawbench"


@pytest.mark.parametrize("turns", range(4))
def test_a_call_that_is_cancelled_as_its_reply_comes_is_cancelled(
    toy: Folder, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a pause would wait for all that comes after the reply."""

    async def work(grader: Grader) -> bool:
        await grader.describe()
        reply: asyncio.Future[dict[str, bool]] = asyncio.get_running_loop().create_future()
        waiting = asyncio.Event()

        async def receive(_: object) -> dict[str, bool]:
            waiting.set()
            return await reply

        monkeypatch.setattr(pipes, "receive", receive)
        call = asyncio.create_task(grader.draws())
        await waiting.wait()
        reply.set_result({"ok": True})
        for _ in range(turns):
            await asyncio.sleep(0)
        done = call.done()
        call.cancel()
        await asyncio.wait({call})
        return done or call.cancelled()

    assert use(toy, work)


WAITS = """
        runner._patience._say("others used 58% of the processors; waiting", 1.0)
        return Grade(2.0, disturbed="others used 58% of the processors")
"""


def test_why_a_timing_waits_is_said_while_it_waits(tmp_path: Path, made: Callable[..., Folder]) -> None:
    folder = made()
    code = DOMAIN.format(grade=WAITS, load="pass").replace("instance, answer)", "instance, answer, runner)")
    (tmp_path / "domain.py").write_text(code)
    said: list[str] = []

    async def graded() -> Grade:
        grader = Grader(folder, report=said.append)
        try:
            return await grader.grade("val", "val-1", 1)
        finally:
            await grader.close()

    assert asyncio.run(graded()) == Grade(2.0, disturbed="others used 58% of the processors")
    assert said == ["others used 58% of the processors; waiting"]


@pytest.mark.parametrize(("waits_s", "answers"), [(600.0, True), (0.0, False)])
def test_waiting_for_a_quiet_machine_is_no_time_of_the_domains(
    toy: Folder, monkeypatch: pytest.MonkeyPatch, waits_s: float, answers: bool
) -> None:
    frames = iter([{"said": "waiting", "waits_s": waits_s}, {"ok": "graded"}])

    async def receive(_: object) -> object:
        frame = next(frames)
        if "ok" in frame:
            await asyncio.sleep(0.1)
        return frame

    monkeypatch.setattr(pipes, "receive", receive)
    process = AsyncMock()
    process.stdin.write = process.send_signal = Mock()
    exchange = Grader(toy)._exchange(process, "grade", ("val",), 0.05)
    if answers:
        assert asyncio.run(exchange) == "graded"
    else:
        with pytest.raises(GraderFailed, match="did not answer"):
            asyncio.run(exchange)


def test_baselines_say_which_is_computed_and_how_many_answers_are_graded(made: Callable[..., Folder]) -> None:
    told: list[tuple[str, int, int]] = []

    async def work(grader: Grader) -> None:
        grader.tell = lambda *work: told.append(work)
        assert set(await grader.baselines("val")) == {"b", "slow"}

    use(made(), work)
    assert told == [("baseline 1 of 2, b", 0, 1), ("baseline 2 of 2, slow", 0, 1), ("grading the baselines", 0, 1)]
