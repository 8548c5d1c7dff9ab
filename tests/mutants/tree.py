"""A copy of the code in which a mutant is tested, so that it never stands in the working tree."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.verdicts import MODULES, VERDICTS

ROOT = Path(__file__).parents[2]
_COPIED = ("engine", "domains", "harness_repo", "sia_tui", "benchmarks", "tests", "pyproject.toml", "events.db")
_OPTIONS = ["-o", "addopts=--import-mode=importlib", "-q", "--tb", "short", "--timeout", "120"]
_PLUGINS = ["-p", "pytest_timeout", "-p", "no:cacheprovider", "-p", "tests.mutants.verdicts"]


class Tree:
    """A copy of the code at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in _COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, path / name)
            else:
                shutil.copy2(ROOT / name, path / name)

    @contextlib.contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """The copy is the mutant meanwhile."""
        changed = mutant.contents(self.path)
        before = {file: (self.path / file).read_text() for file in changed}
        try:
            self._write(changed)
            yield
        finally:
            self._write(before)

    def _write(self, contents: dict[str, str]) -> None:
        for file, text in contents.items():
            source = self.path / file
            source.write_text(text)
            # Python takes what is compiled for current where size and time are the same
            for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*"):
                compiled.unlink()

    def ends(self, tests: Iterable[str], modules: Iterable[str] = ()) -> dict[str, str]:
        """How each of the tests ended here: "passed", "Skipped" or the exception. Raises `RuntimeError` if none ran."""
        verdicts = self.path / "verdicts"
        verdicts.unlink(missing_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        own |= {
            "PYTHONPATH": str(self.path),  # before the working tree, which is installed
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the others are half of the time
            MODULES: " ".join(modules),
            VERDICTS: str(verdicts),
        }
        command = [sys.executable, "-m", "pytest", *_OPTIONS, *_PLUGINS, *tests]
        done = subprocess.run(command, cwd=self.path, env=own, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1) or not verdicts.exists():
            raise RuntimeError(f"the tests did not run:\n{done.stdout}{done.stderr}")
        return dict(map(json.loads, verdicts.read_text().splitlines()))
