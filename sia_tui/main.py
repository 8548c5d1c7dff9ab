"""The `sia` command. Subcommands are imported when they are called, so that `sia --help` stays light."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from engine import __version__

_COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("running", "Start a run on a domain: a built-in's name or a folder."),
    "resume": ("running", "Go on with a run at the first step that has no result."),
    "pause": ("running", "Let a live engine put its run down; `resume` takes it up."),
    "stop": ("running", "End a live run."),
    "approve": ("approving", "Say yes or no to the candidate that waits, or put an edited harness in its place."),
    "branch": ("forking", "A new run from an earlier generation's candidate, accepted or not."),
    "fork": ("forking", "A new run from any event of a run, also with changed settings or harness."),
    "ls": ("reading", "The runs of this workspace."),
    "show": ("reading", "One run: its generations, verdicts, best candidate and budget."),
    "log": ("reading", "The events of a run, also as they come (--follow)."),
    "tree": ("reading", "The lineage of runs and their generations."),
    "trajectory": ("reading", "All that one instance met, generation by generation."),
    "cost": ("reading", "What a run has spent, and on what."),
    "diff": ("comparing", "What changed between two generations' harnesses."),
    "compare": ("comparing", "Runs side by side, or one under another rule of the gate (--what-if)."),
    "bisect": ("comparing", "Which candidate fixed or broke an instance, with the change that did it."),
    "replay": ("proving", "A past run from its log; --verify recomputes it."),
    "verify": ("proving", "Check the whole log: chain, blobs, tips, commits."),
    "rebuild": ("proving", "Make the derived tables and the git repository again from the events."),
    "test": ("testing", "Unseal the test split: the best candidate beside the baselines."),
    "checkout": ("taking", "Take the best candidate away: a folder that runs by itself."),
    "apply": ("taking", "What the best candidate answers to an input of your own."),
    "export": ("carrying", "A run in one file: .sia or .jsonl."),
    "import": ("carrying", "Take an exported run into this workspace."),
    "rename": ("carrying", "Call a run by another name."),
    "note": ("carrying", "Add a remark to a run."),
    "gc": ("carrying", "Find, or remove, what no run needs."),
    "rm": ("carrying", "Remove a run for good."),
    "domains": ("domains", "The tasks that come with sia."),
    "new": ("authoring", "A task of your own: a folder that runs at once."),
    "check": ("authoring", "Examine a task before anything is spent on it."),
    "adopt": ("adopting", "A task of OpenEvolve, ShinkaEvolve or SIA, as it is."),
    "data": ("domains", "Obtain a domain's data."),
    "models": ("models", "The language models that are usable here; get one."),
    "config": ("config", "Every setting, and where its value comes from."),
    "serve": ("serving", "The app in a browser, on this machine only."),
    "doctor": ("doctor", "What this machine offers: sandbox, SQLite, git, packages, devices."),
    "bench": ("benching", "Try all that needs a GPU, and write a report (--gpu)."),
    "completion": ("completion", "Shell completion for bash, zsh or fish."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"sia_tui.commands.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name if cmd_name != "import" else "import_")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="sia")
@click.option("--workspace", type=click.Path(path_type=Path), help="Where runs live.  [default: .sia]")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path), help="Also show this .sia file.")
@click.pass_context
def cli(context: click.Context, workspace: Path | None, files: tuple[Path, ...]) -> None:
    """Self-improving agents with harness and weight updates, event-sourced and local first.

    Without a command: the full-screen app on this workspace and on the recorded run that comes with sia. Where no
    screen can be drawn, the list of runs.
    """
    if context.invoked_subcommand is None:
        from sia_tui.commands.opening import opened

        opened(workspace, files)
    elif workspace or files:
        raise click.UsageError(f"--workspace and --file come after the command: sia {context.invoked_subcommand} ...")


def main() -> None:
    """The console script: exit status 2 for bad usage, and 1 with one sentence for whatever else goes wrong."""
    from sia_tui.cli.surroundings import settle

    settle()
    try:
        ended = cli.main(prog_name="sia", standalone_mode=False)
        if isinstance(ended, int):  # the status of a click `Exit`, which comes back as a value
            sys.exit(ended)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, which is its right
        sys.exit(0)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"sia: {_sentence(error)}.", err=True)
        sys.exit(1)


def _sentence(error: Exception) -> str:
    from engine.errors import SiaError

    if isinstance(error, SiaError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({error.filename or 'no file named'}); put that right and try again"
    return f"{type(error).__name__}: {error}; this is a mistake of ours: run it again with --debug and report it"
