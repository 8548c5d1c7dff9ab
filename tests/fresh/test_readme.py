"""The README's two commands, on a bare machine."""

from __future__ import annotations

import pytest

from tests.fresh.machine import Machine
from tests.fresh.pages import setting_up

pytestmark = [pytest.mark.fresh, pytest.mark.timeout(3600)]


def test_the_first_command_ends_with_the_sealed_test_beside_the_baseline(bare_machine: Machine) -> None:
    demo, _ = setting_up((bare_machine.clone / "README.md").read_text())
    output = bare_machine.run(demo, wall_s=1500)
    assert "sealed test" in output
    assert "baseline: " in output
