"""The `sia` command. Commands are imported when they are called, so that `sia --help` starts fast."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

from engine import __version__
from sia_tui.cli.options import UserPath

_COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "Run": (
        "runs",
        {
            "run": "Start a run on a task.",
            "resume": "Continue a paused or interrupted run.",
            "pause": "Pause a live run.",
            "stop": "Stop a live run that you do not mean to continue.",
            "approve": "Approve, decline or edit the candidate that awaits approval.",
            "hint": "Tell the agent of a run what you know.",
            "talk": "Ask the agent of a run about it.",
            "branch": "Start a new run from the candidate of an earlier generation.",
            "fork": "Start a new run from any event, also with changed settings.",
        },
    ),
    "Look at runs": (
        "reading",
        {
            "ls": "List the runs of this workspace.",
            "show": "Report on a run: generations, verdicts, best candidate, budget.",
            "log": "Print the events of a run; --follow prints them live.",
            "search": "Find a text in the logs, prompts and replies of all runs.",
            "call": "Print one call of a model or a tool: prompt and reply.",
            "tree": "Show the lineage of runs and their generations.",
            "trajectory": "Show how each generation answered one instance.",
            "cost": "Show what a run has spent, and on what.",
            "replay": "Play a past run from its log; --verify recomputes it.",
        },
    ),
    "Compare": (
        "comparing",
        {
            "diff": "Show what changed in the harness between two generations.",
            "compare": "Compare runs, or one run under another gate rule (--what-if).",
            "bisect": "Find the candidate that fixed or broke an instance.",
        },
    ),
    "Use the result": (
        "results",
        {
            "test": "Unseal the test split: best candidate against the baselines.",
            "apply": "Answer your own inputs with the best candidate.",
            "checkout": "Write the best candidate as a folder that runs without sia.",
        },
    ),
    "Tasks": (
        "tasks",
        {
            "domains": "List the tasks that come with sia.",
            "new": "Create a task of your own from a template.",
            "check": "Check a task before you spend anything on it.",
            "adopt": "Use a task of OpenEvolve, ShinkaEvolve or SIA unchanged.",
            "data": "Download the data of a task.",
        },
    ),
    "Store and share": (
        "storage",
        {
            "export": "Write a run to one file: .sia or .jsonl.",
            "import": "Read an exported run into this workspace.",
            "rename": "Rename a run.",
            "relink": "Say where a run's task lies, after it has moved.",
            "note": "Add a note to a run.",
            "rm": "Delete a run.",
            "gc": "Find or delete what no run needs.",
            "verify": "Check the log: hash chain, blobs, tips, commits.",
            "rebuild": "Rebuild the derived tables and the git repository.",
        },
    ),
    "Set up": (
        "setup",
        {
            "setup": "Find the agents that can work here, try one, and make it the usual one.",
            "doctor": "Check this machine: sandbox, SQLite, git, packages, devices.",
            "trust": "Trust a workspace or a task that somebody else made.",
            "models": "List the usable language models; download one.",
            "config": "Show every setting and where its value comes from.",
            "serve": "Serve the app to a browser on this machine.",
            "bench": "Test what needs a GPU, and write a report (--gpu).",
            "completion": "Print shell completion for bash, zsh or fish.",
        },
    ),
}
"""By section of the help: the package of its commands, and each command's summary."""
_PACKAGES = {name: package for package, summaries in _COMMANDS.values() for name in summaries}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_PACKAGES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PACKAGES:
            return None
        name = "import_" if cmd_name == "import" else cmd_name  # a keyword
        module = importlib.import_module(f"sia_tui.commands.{_PACKAGES[cmd_name]}.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _PACKAGES))
        for title, (_, summaries) in _COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in summaries.items()])


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="sia")
@click.option("--workspace", type=UserPath(), help="Folder of the runs.  [default: .sia]")
@click.option("--file", "files", multiple=True, type=UserPath(), help="Also show this .sia file.")
@click.pass_context
def cli(context: click.Context, workspace: Path | None, files: tuple[Path, ...]) -> None:
    """Self-improving agents with harness and weight updates, event-sourced and local first.

    Without a command, sia opens the full-screen app on this workspace and on the recorded run that comes with it;
    without a terminal, it lists the runs. First steps:  sia run toy --generations 3
    """
    if context.invoked_subcommand is None:
        from sia_tui.commands.app import start

        start(workspace, files)
    elif workspace or files:
        name = context.invoked_subcommand
        command = cli.get_command(context, name)
        if workspace and isinstance(command, click.Group):
            context.default_map = {name: {sub: {"workspace": str(workspace)} for sub in command.commands}}
        elif workspace:
            context.default_map = {name: {"workspace": str(workspace)}}
        if files and command and any("--file" in one.opts for one in command.params):
            raise click.UsageError(f"--file comes after the command: sia {name} --file {files[0]}")
        if files:
            raise click.UsageError(
                f"sia {name} reads a workspace, not a file: run `sia import {files[0]}` first, "
                f"or look at the file with `sia --file {files[0]}` or `sia replay --file {files[0]}`"
            )


def main() -> None:
    """Runs the command. Exits with 2 for bad usage, and with 1 and one sentence for every other error."""
    try:
        from sia_tui.cli.processes import signals
        from sia_tui.cli.processes.environment import prepare_process

        prepare_process()
        signals.unwind()
        ended = cli.main(prog_name="sia", standalone_mode=False)
        sys.stdout.flush()
        if isinstance(ended, int):  # the status of a click `Exit`, which comes back as a value
            sys.exit(ended)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader closed the pipe
        sys.exit(0)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        from sia_tui.cli.output import echo

        echo(f"sia: {_sentence(error)}.", err=True)
        _discard_output()
        sys.exit(1)


def _discard_output() -> None:
    """Drops what standard output cannot take (a full disk), or Python would report it once more as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: Exception) -> str:
    from engine.errors import SiaError

    if isinstance(error, SiaError):
        return str(error)
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{where}; fix the cause and try again"
    return f"{type(error).__name__}: {error}; this is a bug in sia: run it with --debug and report it"
