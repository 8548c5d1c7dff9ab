"""The README's commands, on a bare machine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fresh.machine import SHARED, Machine
from tests.fresh.pages import block, printed

pytestmark = [pytest.mark.fresh, pytest.mark.timeout(3600)]
Share = Callable[[str], None]
ON_VAL = 0.77
ON_THE_SEALED_TEST = 0.765


def test_the_demo_ends_with_the_sealed_test_beside_the_baseline(bare_machine: Machine, share: Share) -> None:
    share("ordinary")
    demo, _ = _commands(bare_machine.clone)
    fewer = {"GENERATIONS": "2"} if SHARED else {}
    output = bare_machine.run(demo, environment={**bare_machine.environment, **fewer}, wall_s=1800)
    assert "sealed test" in output
    assert "baseline: " in output
    assert "identical" in output
    shown = json.loads(bare_machine.run(".venv/bin/sia show last --json"))
    assert shown["generations"][0]["val"]["score"] < 0.30
    assert shown["best"]["val"]["score"] >= ON_VAL
    rows = {name: float(score) for name, score in re.findall(r"^(\S.*?) +(0\.\d{4}) ± ", output, re.MULTILINE)}
    (best,) = [score for name, score in rows.items() if name.endswith("best candidate")]
    assert best >= ON_THE_SEALED_TEST


def test_the_tests_pass(bare_machine: Machine, share: Share) -> None:
    share("root")
    _, tests = _commands(bare_machine.clone)
    output = bare_machine.run(tests, wall_s=2400)
    assert re.search(r"\d{3,} passed", output.splitlines()[-1])


def test_sixty_seconds_are_enough_to_see_it_work(bare_machine: Machine) -> None:
    """One shell for all lines: they activate an environment and change the folder. What they print is as shown."""
    page = (bare_machine.clone / "README.md").read_text()
    output = bare_machine.run("\n".join(["set -e", *block(page, "python3 -m venv")]), wall_s=900)
    assert "accepted: +" in output
    for line in printed(page, "python3 -m venv"):
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert re.search(f"^{pattern}$", output, re.MULTILINE), f"{line!r} was not printed:\n{output}"


def _commands(clone: Path) -> list[str]:
    return block((clone / "README.md").read_text(), "make ")
