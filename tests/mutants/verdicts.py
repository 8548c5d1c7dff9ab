"""A pytest plugin for the process that tests a mutant: writes down how each test ended, and by which exception.

It first imports what the mutant changed: a mutant that is no program proves nothing.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

MODULES, VERDICTS = "MUTANT_MODULES", "MUTANT_VERDICTS"
"""The variables with the modules to import, and with the file to write."""


def pytest_configure(config: pytest.Config) -> None:
    for name in os.environ[MODULES].split():
        file = importlib.import_module(name).__file__
        assert file and Path(file).is_relative_to(config.rootpath), f"{name} was imported from {file}"


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    if call.excinfo is None and call.when != "call":
        return
    end = "passed"
    if call.excinfo is not None:
        end = call.excinfo.typename
        if end == "Failed" and str(call.excinfo.value).startswith("DID NOT RAISE"):
            end = "AssertionError"  # of pytest.raises
        if call.when != "call" and end != "Skipped":
            end = f"{end} in {call.when}"
    with Path(os.environ[VERDICTS]).open("a") as file:
        file.write(json.dumps([item.nodeid, end]) + "\n")
