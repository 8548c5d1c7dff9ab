"""Makes a domain of another tool's task, in the user's cache: `adopt` writes it once for each state of the task.

domain.toml, domain.py, task.md, references/   as of any domain
task.json                                      what was recognised
host/                                          the code that runs the program apart from its evaluator
harness/                                       the first program, and the code that submits it
given/                                         what the candidate may read (SIA: data/public)
verifier/, verifier/given/                     the code that runs the task's evaluator, and a copy of the task
noise.json                                     the scores of the first program, graded several times
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from importlib.resources import files as package_files
from pathlib import Path

import msgspec
import tomli_w

from domains import atomic, cache
from engine import domain_files
from engine.errors import SiaError
from engine.importers import packages, separable
from engine.importers.formats import SHARES, TITLES, Task, recognise
from engine.importers.source_text import source_text
from engine.models.files.cache import once
from engine.sandbox.inside import frames
from harness_repo.harness import HarnessInvalid, read_folder

VERSION = 3
"""Incremented when the adapter changes the meaning of a score; a run continues under the version it began with."""

PATIENCE = 4
_LEAST_S, _MOST_S, _TARGET_S = 5.0, 3600.0, 1800.0
_TASK = """# {title}

{words}

## How it is run here

This is a task written for {tool}. {how}

Only `{program}` is the candidate's work. Keep what its evaluator calls: names, arguments and results.
"""
_PROGRAM = "The harness hands in `{program}`, and the task's own evaluator, `{evaluator}`, imports and judges it."
_TARGET = (
    "The harness runs `{program}` with `--dataset_dir` (read-only) and `--working_dir`; there is no network but the "
    "gateway to the run's task model, which the SDKs of OpenAI and Anthropic find by themselves. What it writes into "
    "the working folder is judged by the task's own evaluator, `{evaluator}`, which it cannot see."
)


class Noise(msgspec.Struct, frozen=True):
    """The first program's scores under several seeds. `failure_score` is the score of a failure, below that of any
    working program even if scores are negative. `shares` is why program and evaluator share a process, empty if they
    do not."""

    scores: list[float]
    noisy: bool
    failure_score: float
    shares: str = ""


class AdoptedTask(msgspec.Struct, frozen=True):
    """An adopted task. `home` is the task's folder, `path` the domain's, `packages` the folder for its requirements,
    which need not exist. `missing` are required modules that are not installed, `perhaps` optional ones; `models` are
    modules that call language models, and `served` says that a sandbox's gateway answers them: those of a program that
    runs as a harness. `shares` is why program and evaluator share a process, empty if they do not."""

    home: Path
    path: Path
    task: Task
    digest: str
    packages: Path
    requirements: list[str]
    missing: list[str]
    perhaps: list[str]
    models: list[str]
    served: bool
    noise: Noise | None
    shares: str

    @property
    def apart(self) -> bool:
        """Whether the program runs in a sandbox of its own while its evaluator judges it."""
        return self.task.kind != "sia" and not self.shares

    @property
    def caution(self) -> str:
        """What the user should know about the verifier."""
        return f"{SHARES} ({self.shares})" if self.shares else ""


def adopt(home: Path) -> AdoptedTask | None:
    """The task in `home` as a domain; None if the format is unknown. Raises `SiaError` if the task is incomplete or
    unsafe."""
    task = recognise(home)
    if task is None:
        return None
    if task.problems:
        raise SiaError(
            f"{home} looks like a task of {TITLES[task.kind]}, but {task.problems[0]}", "put it there, or name another"
        )
    digest = f"{VERSION}-{domain_files.digest(home)}"
    kept = cache.folder("adopted")
    path = kept / f"{_slug(home)}-{digest[:18]}"
    modules = packages.imports(home, task.evaluator, task.program)
    needed = packages.required(home, task, packages.missing(modules, Path()))
    once(path, lambda fresh: _write(fresh, home, task, domain_files.files(home), digest))
    place = packages.packages_folder(kept, needed)
    noise = path / "noise.json"
    always = packages.imports(home, task.evaluator, task.program, always=True)
    missing = packages.missing(always, place)
    known = msgspec.json.decode(noise.read_bytes(), type=Noise) if noise.is_file() else None
    return AdoptedTask(
        home=home,
        path=path,
        task=task,
        digest=digest,
        packages=place,
        requirements=needed,
        missing=missing,
        perhaps=[name for name in packages.missing(modules, place) if name not in missing],
        models=packages.models(modules),
        served=task.kind == "sia"
        and packages.are_served(packages.models(modules))
        and not packages.models(packages.imports(home, task.evaluator)),
        noise=known,
        shares=known.shares if known else separable.why_not(home, task),
    )


def record_noise(adopted: AdoptedTask, scores: Sequence[float]) -> AdoptedTask:
    """Stores the scores of the first program; without scores the task is assumed to be noisy."""
    low = min(scores, default=0.0)
    failure_score = 0.0 if low >= 0 else 2 * low - 1
    noise = Noise(list(scores), len(set(scores)) != 1, failure_score, adopted.shares)
    atomic.write(adopted.path / "noise.json", msgspec.json.encode(noise))
    return msgspec.structs.replace(adopted, noise=noise)


def _slug(home: Path) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", home.resolve().name.lower()).strip("-_")[:40] or "task"


def _write(target: Path, home: Path, task: Task, files: Sequence[Path], digest: str) -> None:
    title = home.resolve().name.replace("_", " ").replace("-", " ")
    name, tool, private = Path(task.program).name, TITLES[task.kind], task.kind == "sia"
    if private:
        name = "target_agent.py"
    how = (_TARGET if private else _PROGRAM).format(program=name, evaluator=task.evaluator)
    words = _TASK.format(title=title, words=task.words.strip(), tool=tool, how=how, program=name)
    about = msgspec.to_builtins(msgspec.structs.replace(task, words="", program=name))
    about |= {"digest": digest, "private": private}
    harness = {"name": "first-program", "entry": "agent.py", "patience": PATIENCE, "evolve": name}
    texts = {
        "domain.toml": tomli_w.dumps(_spec(home, title, task, sum((home / path).stat().st_size for path in files))),
        "task.md": words,
        "task.json": json.dumps(about),
        "domain.py": _template("domain"),
        "harness/harness.toml": tomli_w.dumps(harness),
        "harness/answer.json": json.dumps(name),
        "harness/agent.py": _template("target" if private else "program"),
        f"harness/{name}": source_text(home / task.program),
        "verifier/harness.toml": tomli_w.dumps({"name": "verifier"}),
        "verifier/agent.py": _template("verifier"),
        "verifier/judge.py": _template(f"judge_{task.kind}"),
        "verifier/judged_metrics.py": _template("judged_metrics"),
        "verifier/frames.py": Path(frames.__file__).read_text(encoding="utf-8"),
        "verifier/plain_values.py": _template("plain_values"),
        "verifier/stand_in.py": _template("stand_in"),
        "verifier/task.json": json.dumps(about),
    }
    if not private:
        texts |= {
            "host/harness.toml": tomli_w.dumps({"name": "host"}),
            "host/agent.py": _template("host"),
            "host/plain_values.py": _template("plain_values"),
        }
        texts[f"references/{task.evaluator}"] = source_text(home / task.evaluator)
    for path, text in texts.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    _copy(home, files, target / "verifier" / "given")
    if private:
        public = Path("data", "public")
        visible = [path.relative_to(public) for path in files if path.is_relative_to(public)]
        _copy(home / public, [path for path in visible if path.name != "evaluate.py"], target / "given")
    try:
        read_folder(target / "harness")
    except HarnessInvalid as error:
        raise SiaError(f"the program {home / task.program} cannot evolve: {error}", "correct it") from None


def _copy(source: Path, files: Sequence[Path], target: Path) -> None:
    """Copies files and makes them readable for all: the sandbox runs as nobody."""
    target.mkdir(parents=True)
    for path in files:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, place)
        place.chmod(0o644)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)


def _spec(home: Path, title: str, task: Task, size: int) -> dict[str, object]:
    stages = 3 if task.cascade.staged else 1
    cpu = _TARGET_S if task.kind == "sia" else min(_MOST_S, max(_LEAST_S, task.cascade.timeout_s * stages))
    return {
        "name": _slug(home),
        "title": f"{title} (a task of {TITLES[task.kind]})",
        "metric": "score" if task.kind == "sia" else "combined_score",
        "minimum_effect": 1e-9,
        "train_sample": 1,
        "probe_fold": 2,
        "probes": 16,
        "learns": False,
        "limits": {
            "cpu_s": cpu,
            "wall_s": 2 * cpu + 60,
            "memory_mb": 4096,
            "disk_mb": 512 + (size >> 20),
            "processes": 128,
            "answer_kb": 16384,
        },
    }


def _template(name: str) -> str:
    return (package_files("engine.importers") / "templates" / f"{name}.py").read_text(encoding="utf-8")
