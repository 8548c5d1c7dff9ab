"""adopt: a task written for another tool, used unchanged."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json, say

if TYPE_CHECKING:
    from engine.evaluation.trial import GradedAnswer
    from engine.grading.loader import Folder
    from engine.importers.adopted import AdoptedTask


@click.command("adopt")
@click.argument("folder", metavar="DIR", type=UserPath(exists=True, file_okay=False))
@click.option("--install", "wants_packages", is_flag=True, help="Install the packages of the task, for this task only.")
@click.option("--grade", "submission", type=UserPath(exists=True), help="Grade this program or submission.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run the evaluator without a sandbox.")
@shared_options
def adopt(folder: Path, submission: Path | None, *, wants_packages: bool, unsafe: bool, shared: Shared) -> None:
    """Report on the task in DIR, written for OpenEvolve, ShinkaEvolve or SIA, and on what it lacks. DIR is not changed.

    Example: sia adopt function_minimization
    """
    from engine.errors import SiaError
    from engine.evaluation import verifier_noise
    from engine.grading.loader import find
    from engine.importers import packages
    from engine.run.domain_session import choose_isolation

    task = _recognise(folder)
    if wants_packages:
        packages.install(task.requirements, task.packages, say)
        task = _recognise(folder)
    runnable = not task.missing and not task.models
    graded = None
    if runnable or submission:
        isolation = choose_isolation(unsafe=unsafe)
        found = find(str(folder))
        if runnable:
            found = asyncio.run(verifier_noise.measure(found, isolation, say))
            task = _recognise(folder)
        if submission:
            graded = asyncio.run(verifier_noise.grade_files(found, isolation, _files(submission, found)))
            if graded.answer.failure is not None:
                raise SiaError(
                    f"{submission} cannot be graded: {graded.answer.failure.message}",
                    "pass the files that the evaluator expects, under the names that it expects",
                )
    if shared.as_json:
        print_json(_facts(task, graded))
    else:
        _show(task, graded)


def _recognise(folder: Path) -> AdoptedTask:
    from engine.errors import SiaError
    from engine.importers.adopted import adopt as adopted

    task = adopted(folder.absolute())
    if task is None:
        raise SiaError(
            f"{folder} is no task of OpenEvolve, ShinkaEvolve or SIA", "`sia new` creates a task of your own"
        )
    return task


def _files(submission: Path, found: Folder) -> dict[str, bytes]:
    """The files to grade, as the evaluator expects them: one program under the expected name, or a folder's files."""
    import json

    if submission.is_dir():
        files = sorted(path for path in submission.rglob("*") if path.is_file())
        return {path.relative_to(submission).as_posix(): path.read_bytes() for path in files}
    about = json.loads((found.path / "task.json").read_text())
    return {submission.name if about["private"] else about["program"]: submission.read_bytes()}


def _facts(task: AdoptedTask, graded: GradedAnswer | None) -> dict[str, object]:
    noise = task.noise
    return {
        "format": task.task.kind,
        "program": task.task.program,
        "evaluator": task.task.evaluator,
        "tunables": _tunables(task),
        "caution": task.caution,
        "requirements": task.requirements,
        "missing": task.missing,
        "perhaps": task.perhaps,
        "models": task.models,
        "served": task.served,
        "scores": noise.scores if noise else [],
        "noisy": noise.noisy if noise else None,
        "graded": None if graded is None else {"score": graded.grade.score, "measures": dict(graded.grade.measures)},
    }


def _tunables(task: AdoptedTask) -> int:
    from harness_repo.evolvable import SKELETON
    from harness_repo.harness import read_folder

    return len(read_folder(task.path / "harness").manifest.tunables.keys() - {SKELETON})


def _show(task: AdoptedTask, graded: GradedAnswer | None) -> None:
    from engine.importers.formats import TITLES

    known, noise, count = task.task, task.noise, _tunables(task)
    echo(f"{task.home} is a task of {TITLES[known.kind]}.")
    echo(f"  program    {known.program}: {plural(count, 'value')} that a search can vary")
    echo(f"  evaluator  {known.evaluator}" + (f": {task.caution}" if task.caution else ""))
    if task.requirements:
        echo(f"  needs      {', '.join(task.requirements)}")
    if noise and noise.scores:
        low, high = min(noise.scores), max(noise.scores)
        scores = f"{low:.6g} to {high:.6g}: noisy" if noise.noisy else f"{low:.6g}"
        echo(f"  score      {scores}, graded {plural(len(noise.scores), 'time')}")
    if task.perhaps:
        echo(f"  may need   {', '.join(task.perhaps)}")
    lacking = [f"the module {name} is not installed" for name in task.missing]
    if task.missing and task.requirements:
        lacking[-1] += ": --install"
    served = task.served and bool(task.models)
    if served:
        echo(f"  model      it calls one ({', '.join(task.models)}): the run's task model answers, --model")
    elif task.models:
        lacking.append(f"it calls a language model ({', '.join(task.models)}), and a sandbox has no network")
    if not count:
        lacking.append("nothing for the search agent to vary: use an agent that writes code, --agent claude")
    for text in lacking:
        echo(f"  lacking    {text}")
    if graded is not None:
        measures = ", ".join(f"{name} {value:.6g}" for name, value in graded.grade.measures.items())
        echo(f"  graded     {graded.grade.score:.6g}" + (f" ({measures})" if measures else ""))
    if not task.missing and (served or not task.models):
        echo(f"Run it with:  sia run {task.home}" + (" --model MODEL" if served else ""))
