"""A harness's packages are installed by its user's word, into a folder of their own, and nowhere else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.domain_check.templates import create
from engine.errors import SiaError
from engine.evaluation import harness_packages
from harness_repo.harness import Harness, parse
from tests.docs.commandline import sia
from tests.fakes.package_index import PackageIndex, wheel

MODULE = b"import thing\n\ndef solve(instance, ctx):\n    return thing.ANSWER\n"
PROGRAM = b"import thing\nprint(thing.ANSWER)\n"


def asking(*wanted: str) -> Harness:
    listed = ", ".join(f'"{text}"' for text in wanted)
    return parse({"harness.toml": f'name = "mine"\npackages = [{listed}]\n'.encode(), "agent.py": MODULE})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))


def test_what_this_python_has_is_not_missing() -> None:
    assert harness_packages.missing(asking("numpy", "numpy>=1", "msgspec", "scikit-learn", "sklearn", "json")) == []
    assert harness_packages.missing(asking("nobody-has-this; sys_platform == 'win32'")) == []


def test_what_it_lacks_is_missing_also_where_only_the_version_differs() -> None:
    wanted = asking("numpy>=999", "nobody-has-this", "numpy")
    assert harness_packages.missing(wanted) == ["numpy>=999", "nobody-has-this"]
    with pytest.raises(SiaError, match="nobody-has-this"):
        harness_packages.check(wanted, Path("mine/harness"))


@pytest.mark.parametrize("text", ["thing @ https://example.org/thing.whl", "--index-url=x", "../thing"])
def test_only_plain_requirements_are_taken(text: str) -> None:
    with pytest.raises(SiaError, match="not a plain requirement"):
        harness_packages.missing(asking(text))


@pytest.mark.parametrize("kind", [pytest.param("module", marks=pytest.mark.slow), "program"])
def test_a_run_installs_nothing_and_check_does_so_when_it_is_told(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "mine", "classify")
    harness = tmp_path / "mine" / "harness"
    (harness / "params.toml").unlink()
    (harness / "agent.py").write_bytes(MODULE if kind == "module" else PROGRAM)
    command = "" if kind == "module" else 'command = ["python", "agent.py"]\n'
    (harness / "harness.toml").write_text(f'name = "mine"\npackages = ["thing==1"]\n{command}')
    (tmp_path / "files").mkdir()
    wheel(tmp_path / "files", "thing", "1", {"thing.py": b"ANSWER = 'product'\n"})
    refused = sia(tmp_path, "run", "mine", "--generations", "1")
    assert refused.status == 1
    assert "needs packages that are not installed: thing==1" in refused.errors
    assert not (tmp_path / "cache" / "harness").exists()
    assert not (tmp_path / ".sia").exists()
    with PackageIndex(files=tmp_path / "files") as index:
        for name, value in index.environment.items():
            monkeypatch.setenv(name, value)
        done = sia(tmp_path, "check", "mine", "--install")
    assert "installing thing==1" in done.output + done.errors
    assert done.status == 0, done
    found = json.loads(sia(tmp_path, "run", "mine", "--generations", "1", "--json").output)
    assert found["generations"][0]["val"]["score"] > 0
    shutil.rmtree(tmp_path / "cache" / "harness")
    again = sia(tmp_path, "resume", "last", "--generations", "2")
    assert (again.status, "needs packages that are not installed: thing==1" in again.errors) == (1, True)
