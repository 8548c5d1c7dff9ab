"""Recognises tasks of OpenEvolve, ShinkaEvolve and SIA by their files; runs none of their code.

openevolve   initial_program.* and evaluator.py with evaluate(path); config.yaml
shinka       initial.* and evaluate.py --program_path P --results_dir R
sia          data/public/evaluate.py --gen-dir D, data/private, reference/reference_target_agent.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from engine.errors import SiaError
from engine.plain import MOST_SCORE, well_formed

Kind = Literal["openevolve", "shinka", "sia"]
TITLES: dict[Kind, str] = {"openevolve": "OpenEvolve", "shinka": "ShinkaEvolve", "sia": "SIA"}
SHARES = "this verifier shares a process with the candidate"
"""A caution where the evaluator runs the program beside itself: the program can then change its own score."""


class Cascade(msgspec.Struct, frozen=True):
    """How OpenEvolve evaluates: in stages, each only for programs that reached the threshold of the previous one."""

    staged: bool = True
    thresholds: tuple[float, ...] = (0.5, 0.75, 0.9)
    timeout_s: float = 300.0
    features: tuple[str, ...] = ("complexity", "diversity")


class Task(msgspec.Struct, frozen=True):
    """A recognised task. Paths are relative to its folder; `problems` are sentences, none for a complete task.

    `program` is what evolves, `evaluator` what grades it; `words` is the author's description. `score_max`, from
    adopt.toml, is the highest score that the task can give: a higher one is forged, or a fault of the evaluator.
    """

    kind: Kind
    program: str = ""
    evaluator: str = ""
    cascade: Cascade = Cascade()
    words: str = ""
    problems: tuple[str, ...] = ()
    score_max: float | None = None


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """adopt.toml, which a user may put beside a task's files."""

    score_max: Annotated[float, msgspec.Meta(ge=-MOST_SCORE, le=MOST_SCORE)]


def recognise(folder: Path) -> Task | None:
    """The task in `folder`; None if it has none of these formats. Raises `SiaError` for files that are not valid."""
    task, bounds = _recognise(folder), folder / "adopt.toml"
    if task is None or not bounds.is_file():
        return task
    try:
        score_max = msgspec.toml.decode(bounds.read_text(encoding="utf-8-sig"), type=Bounds).score_max
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SiaError(f"{bounds} is not valid: {error}", "write a line such as: score_max = 1.0") from None
    return msgspec.structs.replace(task, score_max=score_max)


def _recognise(folder: Path) -> Task | None:
    if (folder / "data" / "public").is_dir():
        return _sia(folder)
    if (folder / "evaluator.py").is_file() and (_program(folder, "initial_program") or not _program(folder, "initial")):
        return _openevolve(folder)
    if (folder / "evaluate.py").is_file():
        return _shinka(folder)
    return None


def _program(folder: Path, stem: str) -> str:
    """The file with this stem, a Python file first."""
    found = sorted(path.name for path in folder.glob(f"{stem}.*") if path.is_file())
    return next((name for name in found if name.endswith(".py")), found[0] if found else "")


def _openevolve(folder: Path) -> Task:
    program, config = _program(folder, "initial_program"), _config(folder)
    message = _table(config, "prompt").get("system_message")
    evaluator, database = _table(config, "evaluator"), _table(config, "database")
    options = {
        "staged": evaluator.get("cascade_evaluation"),
        "thresholds": evaluator.get("cascade_thresholds"),
        "timeout_s": evaluator.get("timeout"),
        "features": database.get("feature_dimensions"),
    }
    try:
        present = {name: value for name, value in options.items() if value is not None}
        cascade = msgspec.convert(present, Cascade, strict=False)
    except msgspec.ValidationError as error:
        raise SiaError(f"the configuration in {folder} is not valid: {error}", "correct its config.yaml") from None
    problems = () if program else ("there is no initial_program.py, the program to begin with",)
    return Task("openevolve", program, "evaluator.py", cascade, well_formed(str(message or "")), problems)


def _config(folder: Path) -> dict[str, Any]:
    import yaml

    for path in [folder / "config.yaml", *sorted(folder.glob("config*.y*ml"))]:
        if path.is_file():
            try:
                found = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
            except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:  # 2024-13-45 is a ValueError
                raise SiaError(f"{path} cannot be read: {' '.join(str(error).split())}", "correct it") from None
            return found if isinstance(found, dict) else {}
    return {}


def _table(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _shinka(folder: Path) -> Task:
    program = _program(folder, "initial")
    problems = () if program else ("there is no initial.py, the program to begin with",)
    limits = Cascade(staged=False, timeout_s=180.0)  # these tasks state no limit that can be read without running them
    return Task("shinka", program, "evaluate.py", limits, _text(folder / "README.md"), problems)


def _sia(folder: Path) -> Task:
    evaluator, program = "data/public/evaluate.py", "reference/reference_target_agent.py"
    problems = [
        sentence
        for path, sentence in (
            (evaluator, f"there is no {evaluator}, so nothing can be graded"),
            (program, f"there is no {program}, the agent to begin with"),
            ("data/private", "there is no data/private, so the evaluator has nothing to compare with"),
        )
        if not (folder / path).exists()
    ]
    return Task("sia", program, evaluator, words=_text(folder / "data/public/task.md"), problems=tuple(problems))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
