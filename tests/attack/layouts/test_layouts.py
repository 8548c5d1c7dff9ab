"""In no layout of Python, environment, project and home does a harness see what lies around; in all of them it runs.

Each is built for real, in a mount namespace of its own, for root and for an ordinary user (see `layouts`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.attack.layouts.layouts import LAYOUTS, SYSTEM

ROOT = Path(__file__).parents[3]
USERS = [0, 61234] if os.geteuid() == 0 else [0]
QUICK = [("environment_is_the_project", USERS[-1]), ("project_below_usr_src", 0)]
NAMESPACE = ["unshare", "--mount", "--propagation", "private", *(["--map-root-user"] if os.geteuid() else [])]


@cache
def reason_to_skip() -> str:
    if not SYSTEM.exists():
        return f"the system has no {SYSTEM.name}"
    allowed = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    return "" if allowed else "no mount namespace can be made here"


def look(layout: str, uid: int) -> dict[str, Any]:
    """What a harness finds in this layout."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    script = str(Path(__file__).with_name("layouts.py"))
    command = [*NAMESPACE, sys.executable, script, layout, str(uid), str(ROOT), sysconfig.get_path("purelib")]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(layout: str, uid: int) -> None:
    found = look(layout, uid)
    assert found["level"] in ("full", "partial"), found["why"]
    assert found["failure"] is None
    assert found["read"] == []
    assert found["works"][1:] == ["Europe/Rome", "1"]


@pytest.mark.parametrize(("layout", "uid"), QUICK)
def test_a_harness_sees_nothing_around_it(layout: str, uid: int) -> None:
    check(layout, uid)


@pytest.mark.slow
@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_harness_sees_nothing_around_it_in_any_layout(layout: str, uid: int) -> None:
    check(layout, uid)
