"""models: the language models usable here, what the others lack, and downloads."""

from __future__ import annotations

import asyncio
import sys

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json, say


@click.group("models", invoke_without_command=True)
@shared_options
@click.pass_context
def models(context: click.Context, shared: Shared) -> None:
    """List the language models that are usable here, and what the others lack.

    Example: sia models
    """
    if context.invoked_subcommand:
        return
    from engine.models.model_availability import survey
    from engine.user_settings import read
    from sia_tui.cli.tables import table

    rows = asyncio.run(survey(read(shared.workspace.path).settings))
    if shared.as_json:
        print_json(rows)
        return
    table(
        ["", "model", "what", "here", "remedy"],
        [["ok" if row.usable else "--", row.model, row.what, row.how, row.remedy] for row in rows],
    )


@models.command("get")
@click.argument("name", type=click.Choice(["smollm2", "vllm"]))
@click.option("--yes", is_flag=True, help="Do not ask before downloading gigabytes.")
@click.option("--anyway", is_flag=True, help="Create vLLM's environment even if vLLM cannot run here.")
@shared_options
def get(name: str, shared: Shared, *, yes: bool, anyway: bool) -> None:
    """Download and check NAME; intact files are not downloaded again.

    smollm2 is a model, 93 MB. vllm is the server for models on a GPU, in its own Python environment; its size is
    printed first.

    Example: sia models get smollm2
    """
    if name == "vllm":
        _get_vllm(shared, yes=yes, anyway=anyway)
        return
    from engine.models.files import smollm2

    path = smollm2.fetch(say)
    if shared.as_json:
        print_json({"model": name, "file": str(path), "sha256": smollm2.SHA256})
    else:
        echo(f"{name}: {path}")


def _get_vllm(shared: Shared, *, yes: bool, anyway: bool) -> None:
    from engine.compute import devices
    from engine.models.backends import vllm_environment

    if not vllm_environment.interpreter():
        refused = vllm_environment.refusal(devices.gpus(), devices.driver_version())
        if refused and not anyway:
            raise refused
        say(f"{vllm_environment.requirements()}.")
        asks = sys.stdin.isatty() and not (yes or shared.headless or shared.as_json)
        if asks and not click.confirm("Continue?", default=True, err=True):
            return
    python = vllm_environment.make(say)
    if shared.as_json:
        print_json({"model": "vllm", "interpreter": str(python), "version": vllm_environment.VERSION})
    else:
        echo(f"vllm: {python}; `sia run DOMAIN --model vllm:NAME` starts it")
