"""`sia check` finds what is wrong with a task, says so in a sentence, and names the remedy."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.domain_check import examination
from engine.domain_check.examination import examine
from engine.domain_check.finding import Finding
from engine.domain_check.templates import ABOUT, create
from engine.sandbox import Isolation, probe
from tests.story import TOY

Change = Callable[[Path], None]


@functools.cache
def isolation() -> Isolation:
    found = probe()
    return found if found.level != "none" else Isolation.unsafe()


def check(folder: Path, until: Callable[[Finding], bool] = lambda _: False) -> list[Finding]:
    """All findings, or those up to the first that `until` is true of."""

    async def go() -> list[Finding]:
        found = []
        async with contextlib.aclosing(examine(str(folder), None, isolation=isolation(), workers=2)) as arriving:
            async for one in arriving:
                found.append(one)
                if until(one):
                    break
        return found

    return asyncio.run(go())


def put(file: str, old: str, new: str) -> Change:
    """Replaces `old`, which must be there."""

    def change(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return change


def grades(line: str) -> Change:
    """Puts a line at the head of `grade`."""
    head = "    def grade(self, instance, answer):\n"
    return put("domain.py", head, f"{head}        {line}\n")


def copy_a_row(folder: Path) -> None:
    row = (folder / "data" / "val.jsonl").read_text().splitlines()[7].replace("val-007", "train-999")
    with (folder / "data" / "train.jsonl").open("a") as train:
        train.write(f"{row}\n")


def empty_val(folder: Path) -> None:
    (folder / "data" / "val.jsonl").write_text("")


def remove_test(folder: Path) -> None:
    (folder / "data" / "test.jsonl").unlink()


def write_ids(folder: Path) -> None:
    rows = (folder / "data" / "val.jsonl").read_text()
    (folder / "harness" / "known.txt").write_text(rows)


REACH = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
FAULTS: dict[str, tuple[Change, str, str]] = {
    "a label in the data": (
        put("domain.py", 'data=row["text"]', 'data={"text": row["text"], "queue": row["label"]}'),
        "labels",
        r"data\['queue'\] reveals the label in 100% of the instances",
    ),
    "a label in the ids": (
        put("domain.py", 'id=name(row["id"])', 'id=row["label"] + row["id"]'),
        "labels",
        "id reveals the label in 100%",
    ),
    "data of val in the harness": (write_ids, "labels", r"known.txt \(240 ids\)"),
    "overlapping splits": (copy_a_row, "splits", "the same data: train/train-999 = val/val-007"),
    "a grader that raises": (
        grades("answer = answer.strip()"),
        "grader",
        "fails on nothing as an answer to train/train-000: AttributeError",
    ),
    "a grader that returns NaN": (
        grades("if answer == '': return Grade(score=float('nan'))"),
        "grader",
        "fails on an empty text as an answer to train/train-000: the grader returned nan; a score lies between",
    ),
    "a grader that varies": (
        grades("import random; return Grade(score=random.random())"),
        "noise",
        "graded 10 times gets scores that spread by 0",
    ),
    "a constant answer that wins": (
        grades("if answer == '': return Grade(score=1.0)"),
        "constant answers",
        "a constant answer wins: an empty text scores 1.0000",
    ),
    "a grader that accepts anything": (
        grades("return Grade(score=1.0)"),
        "constant answers",
        "a constant answer wins",
    ),
    "an id twice": (
        put("domain.py", 'id=name(row["id"])', 'id=row["id"][:-1]'),
        "contract",
        "two instances of .* have the id '.*'",
    ),
    "an empty split": (empty_val, "instances", "the split val has no instances"),
    "a missing file": (remove_test, "contract", "test.jsonl cannot be read"),
    "a grader that reads the network": (grades(REACH), "network", "calls the network .192.0.2.1:80."),
    "one that hides that it does": (
        grades(f"import contextlib\n        with contextlib.suppress(OSError):\n            {REACH}"),
        "network", "calls the network .192.0.2.1:80.",
    ),
    "a grader that never ends": (
        grades("while answer == []: pass"),
        "grader",
        "does not end within 1 s on an empty list as an answer",
    ),
    "a seed harness that raises": (
        put("harness/agent.py", "labels = sorted(", "labels = nonsense("),
        "harness",
        "fails on 32 of 32 instances .candidate: NameError",
    ),
    "a seed harness that is none": (
        put("harness/agent.py", "def solve(instance", "def solve instance"),
        "harness",
        "not valid: agent.py does not parse",
    ),
    "a harness that is not seeded": (
        put("harness/agent.py", "return labels[0]", "import os; return labels[os.urandom(1)[0] % 4]"),
        "harness",
        "answers differently under one seed",
    ),
    "baselines that are too few": (
        put("domain.py", "for _ in on]", "for _ in on[1:]]"),
        "baselines",
        "the baselines cannot be measured: .* for \\d+ instances",
    ),
    "a report on other instances": (
        put("domain.py", "[row.instance.id for row in rows]", "['elsewhere']"),
        "summary",
        "not there: elsewhere",
    ),
    "too few instances": (
        put("domain.py", 'enumerate(text.split("\\n"), 1)', 'enumerate(text.split("\\n")[:5], 1)'),
        "power",
        "with 5 units of val the gate can accept nothing",
    ),
}  # fmt: skip
WARNINGS = ("a harness that is not seeded",)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks") / "sound"
    create(folder, "classify")
    put("domain.toml", "probe_fold = 60", "probe_fold = 60\ngrade_wall_s = 1")(folder)
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_with_a_sentence_and_a_remedy(sound: Path, tmp_path: Path, fault: str) -> None:
    folder = shutil.copytree(sound, tmp_path / "planted")
    change, name, says = FAULTS[fault]
    change(folder)
    found = check(folder, lambda one: one.check == name and bool(re.search(says, one.sentence)))
    planted = found[-1]
    assert planted.check == name and re.search(says, planted.sentence), found
    assert planted.status == ("warn" if fault in WARNINGS else "fail")
    assert planted.remedy


@pytest.mark.parametrize("template", ABOUT)
def test_no_template_has_a_fault(tmp_path: Path, template: str) -> None:
    create(tmp_path / "mine", template)
    found = check(tmp_path / "mine")
    assert [one.check for one in found if one.status != "pass"] == (["judge"] if template == "judge" else [])
    assert len(found) >= 9


@pytest.mark.parametrize(("tool", "noise"), [("openevolve", "spread by 0"), ("shinka", "are equal")])
def test_a_task_of_another_tool_is_judged_by_its_own_evaluator(tool: str, noise: str) -> None:
    found = check(TOY.parent / "peers" / tool)
    assert {one.status for one in found} == {"pass"}
    assert "gives the seed 0.7" in next(one for one in found if one.check == "grader").sentence
    assert noise in next(one for one in found if one.check == "noise").sentence


def test_a_domain_that_never_opens_is_found(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "OPEN_S", 2.0)
    folder = shutil.copytree(sound, tmp_path / "planted")
    put("domain.py", "    return Texts(", "    while True: pass\n    return Texts(")(folder)
    (found,) = check(folder)
    assert (found.check, found.status) == ("contract", "fail")
    assert "does not open within 2 s" in found.sentence


def test_declared_noise_is_measured(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "noisy")
    grades("import random; return Grade(score=random.random())")(folder)
    put("domain.toml", "metric", "noisy = true\nmetric")(folder)
    (noise,) = [one for one in check(folder) if one.check == "noise"]
    assert noise.status == "pass"
    assert 0.2 < float(noise.sentence.split("spread by ")[1].split(",")[0]) < 0.45  # uniform: 0.29


def test_a_folder_that_is_no_domain_is_a_finding(tmp_path: Path) -> None:
    (found,) = check(tmp_path)
    assert (found.check, found.status) == ("folder", "fail")
