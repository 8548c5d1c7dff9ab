"""Each extra in an environment of its own: what it promises is importable, and its shortest real run runs.

`make test-extras`. `local` compiles llama.cpp where pip has no wheel of it in its cache: some fifteen minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import environment, play, small
from tests.training import continents
from tests.unit.domains.denoising.counting import small as counts
from tests.wheel.conftest import ROOT

pytestmark = [pytest.mark.extras, pytest.mark.timeout(5400)]
EXTRAS = sorted(set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]) - {"dev"})
PROMISED = """
import importlib, re, sys
from importlib.metadata import packages_distributions, requires
from packaging.requirements import Requirement

def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

modules = {}
for module, projects in packages_distributions().items():
    for project in projects:
        modules.setdefault(normal(project), []).append(module)

def promised(extra):
    for line in requires("sia-tui"):
        requirement = Requirement(line)
        if requirement.marker and requirement.marker.evaluate({"extra": extra}) and "extra" in str(requirement.marker):
            if normal(requirement.name) == "sia-tui":
                for other in requirement.extras:
                    yield from promised(other)
            else:
                yield normal(requirement.name)

for project in sorted(set(promised(sys.argv[1]))):
    found = modules[project]
    name = next((one for one in found if normal(one) == project), None) or min(found)
    importlib.import_module(name)
    print(name)
"""
ASKS = """
def solve(instance, ctx):
    reply = ctx.model.chat([f"7 times {instance.data} is"], max_tokens=4)
    digits = [letter for letter in reply["text"] if letter.isdigit()]
    return int(digits[-1]) if digits else 0
"""


class Installed(NamedTuple):
    """An environment with the wheel and one extra; `folder` is empty, and its commands' home."""

    programs: Path
    folder: Path

    def call(self, *command: str, status: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs."""
        done = subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=3000,
        )
        assert done.returncode == status, done
        return done

    @property
    def environment(self) -> dict[str, str]:
        """That of a person who has activated it; data and models come from the cache of whoever runs the tests."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        place = os.environ.get("SIA_CACHE") or str(Path.home() / ".cache" / "sia")
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "HOME": str(self.folder), "SIA_CACHE": place, "PATH": path}

    def run(self, *arguments: str, **variables: str) -> Any:
        """What `sia show` says of the run that `sia run ARGUMENTS` makes; it must replay."""
        self.call("sia", "run", *arguments, "--headless", **variables)
        assert json.loads(self.call("sia", "replay", "last", "--verify", "--json").stdout)["identical"]
        return json.loads(self.call("sia", "show", "last", "--json").stdout)


def agents(here: Installed) -> None:
    with AnthropicServer(play) as server:
        told = {name: value for name, value in environment(server.url).items() if name.startswith("ANTHROPIC_")}
        domain = small(here.folder / "times7")
        shown = here.run(domain, "--agent", "claude", "--model", "claude", "--generations", "2", **told)
    assert [one["accepted"] for one in shown["generations"]] == [True, True]


def local(here: Installed) -> None:
    domain = small(here.folder / "times7")
    (Path(domain) / "harness" / "agent.py").write_text(ASKS)
    shown = here.run(domain, "--model", "smollm2", "--generations", "1")
    assert not shown["generations"][0]["failures"]


def train(here: Installed) -> None:
    shown = here.run(continents(here.folder / "continents", places=12), "--lever", "harness", "--generations", "1")
    assert not shown["generations"][0]["failures"]


def bench(here: Installed) -> None:
    said = here.call("python", "-m", "benchmarks.training", "--quick", PYTHONPATH=str(ROOT)).stdout
    assert "TRL" in said


def denoising(here: Installed) -> None:
    made = counts(cells=72, genes=200)
    matrix = made.matrix
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
    np.savez(here.folder / "counts.npz", **parts, cells=np.array(made.cells), donor=np.array(made.donors))
    shown = here.run("denoising", "--data", "counts.npz", "--generations", "1")
    assert "MAGIC" in [one["name"] for one in shown["baselines"]]
    drawn = here.call("sia", "show", "last", "--plots", "drawn").stdout
    assert "drawn:" in drawn and list((here.folder / "drawn").glob("*.png"))


def kernels(here: Installed) -> None:
    shown = here.run("trimul", "--generations", "1", "--workers", "1")
    assert not shown["generations"][0]["failures"]


def serve(here: Installed) -> None:
    command = [str(here.programs / "sia"), "serve", "--port", "8437"]
    with subprocess.Popen(command, cwd=here.folder, env=here.environment) as server:
        try:
            assert b"sia" in _page("http://127.0.0.1:8437/", 60.0)
        finally:
            server.terminate()


def everything(here: Installed) -> None:
    here.call("python", "-m", "pip", "check")
    assert here.run("toy", "--generations", "2")["generations"][1]["accepted"]


RUNS: dict[str, Callable[[Installed], None]] = {
    "agents": agents, "all": everything, "bench": bench, "denoising": denoising, "kernels": kernels, "local": local,
    "serve": serve, "train": train,
}  # fmt: skip


@pytest.fixture
def installed(wheel: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installed]:
    """A new environment with the extra; it goes away with the test, since some have gigabytes."""
    folder = tmp_path / "folder"
    folder.mkdir()
    programs = tmp_path / "environment" / "bin"
    subprocess.run([sys.executable, "-m", "venv", str(programs.parent)], check=True, timeout=300)
    wanted = f"{wheel}[{request.param}]"
    own = {"CMAKE_ARGS": "-DLLAVA_BUILD=OFF"}
    subprocess.run(
        [str(programs / "pip"), "install", "--quiet", wanted], check=True, timeout=5000, env=os.environ | own
    )
    yield Installed(programs, folder)
    shutil.rmtree(programs.parent)


def test_every_extra_has_a_run() -> None:
    assert sorted(RUNS) == EXTRAS


@pytest.mark.parametrize("installed", EXTRAS, indirect=True)
def test_what_an_extra_promises_is_there_and_works(installed: Installed, request: pytest.FixtureRequest) -> None:
    extra = request.node.callspec.params["installed"]
    assert installed.call("python", "-c", PROMISED, extra).stdout.split()
    RUNS[extra](installed)


def _page(url: str, seconds: float) -> bytes:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310
            return bytes(reply.read())
        time.sleep(0.2)
    raise AssertionError(f"{url} does not answer within {seconds:g} s")
