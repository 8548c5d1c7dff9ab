"""An attack is a small harness; each test says what it tries, that it is contained, and that the run goes on."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from engine.sandbox import Isolation, Outcome, probe
from tests.attack.attacking import Attack, Bare, run


@pytest.fixture(scope="session")
def isolation() -> Isolation:
    found = probe()
    if found.level == "none":
        pytest.skip(f"no sandbox here: {found.measures}")
    return found


@pytest.fixture(params=["best", "looking"])
def contained(request: pytest.FixtureRequest, isolation: Isolation) -> Isolation:
    """The best of this machine, and the same with limits kept by looking instead of control groups."""
    if request.param == "looking":
        return isolation.without_cgroups()
    if not isolation.cgroups:
        pytest.skip("no control groups can be made here")
    return isolation


@pytest.fixture
def attack(isolation: Isolation) -> Attack:
    """Runs the harness on "attack" beside and before harmless instances, which must come through."""

    def attempt(source: str, *, isolation: Isolation = isolation, **options: Any) -> dict[str, Outcome]:
        guard = "def solve(instance, ctx):\n    return attack(instance, ctx) if instance.data == 'attack' else 'fine'\n"
        outcomes = run(textwrap.dedent(source) + "\n" + guard, ["a", "attack", "b", "c"], isolation, **options)
        assert [outcomes[key].answer for key in "023"] == ["fine"] * 3, outcomes
        assert len(outcomes) == 4
        return outcomes

    return attempt


@pytest.fixture
def bare() -> Bare:
    """Runs one instance with no sandbox: shows that an attack bites where nothing stands against it."""

    def attempt(source: str, data: Any) -> Outcome:
        return run(source, [data], Isolation.unsafe())["0"]

    return attempt
