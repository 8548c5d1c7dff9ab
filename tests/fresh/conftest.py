"""As whom the tests of this folder run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.fresh.machine import SHARED, Machine, machine

AS = os.environ.get("AS", "root ordinary").split()


@pytest.fixture(scope="session", params=AS)
def bare_machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine as it is before anything was done, of root and of a user who is not."""
    if request.param == "root" and os.getuid() != 0:
        pytest.skip("these tests were not started by root")
    with machine(request.param) as made:
        yield made


@pytest.fixture(scope="session")
def installed(bare_machine: Machine) -> Machine:
    """The same with the environment that the README's commands make."""
    bare_machine.run("make .venv/.core", wall_s=1500)
    return bare_machine


@pytest.fixture
def share(bare_machine: Machine) -> Callable[[str], None]:
    """Where the work is shared, `share(whom)` skips a test on every other machine: "root", "ordinary", or a target of
    make that does the like.
    """

    def of(whom: str) -> None:
        mine = "root" if bare_machine.person.uid == 0 else "ordinary"
        if SHARED and os.getuid() == 0 and mine != whom:
            pytest.skip(f"SHARED is set, and this is left to {whom}")

    return of
