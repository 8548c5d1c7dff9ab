"""What a machine lacks changes nothing of what a run decides."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fresh import conditions
from tests.fresh.conditions import CONDITIONS, Place
from tests.fresh.job import done
from tests.story import TOY


def here(inside: Path, condition: str) -> dict[str, Any]:
    """The job in this environment, whoever this is."""
    place = Place(inside, inside, {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    CONDITIONS[condition](place)

    def call(command: str) -> str:
        told = subprocess.run(
            ["/bin/bash", "-c", place.prefix + command],
            cwd=place.folder,
            env=place.environment,
            umask=place.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        output = told.stdout.decode(errors="replace")
        assert told.returncode == 0, f"{command}\n{output}{told.stderr.decode(errors='replace')}"
        return output

    return done(call, TOY)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_here(condition: str, tmp_path: Path) -> None:
    print(here(tmp_path, condition))
