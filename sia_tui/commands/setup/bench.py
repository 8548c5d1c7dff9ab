"""bench: the acceptance test of what needs a GPU."""

from __future__ import annotations

import asyncio
import datetime
import tempfile
from pathlib import Path

import click

from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json, say


@click.command("bench")
@click.option("--gpu", is_flag=True, help="Required: test on this machine's GPU.")
@click.option("--model", default="hf:smollm2", show_default=True, help="Checkpoint to train and serve.")
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="Training rounds.")
@click.option("-o", "output", type=UserPath(dir_okay=False), default="gpu-report.md",
              show_default=True, help="Report to write, in Markdown.")  # fmt: skip
@shared_options
def bench(gpu: bool, model: str, rounds: int, output: Path, shared: Shared) -> None:
    """Test what needs a GPU, and write a report: trimul's cases and baselines, training, an adapter on vLLM.

    Exit status 1 if a part fails.

    Example: sia bench --gpu
    """
    import msgspec

    from engine import __version__
    from engine.acceptance import parts
    from engine.acceptance.report import markdown, run_parts
    from engine.user_settings import read

    if not gpu:
        raise click.UsageError("pass --gpu; CPU benchmarks are in `make bench`.")
    device = parts.gpu()
    with tempfile.TemporaryDirectory() as adapters:
        settings = read(shared.workspace.path).settings
        chosen = parts.select(model, settings, rounds, Path(adapters), say)
        done = asyncio.run(run_parts(chosen, say))
    today = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    output.write_text(markdown(device, done, date=today, version=__version__))
    if shared.as_json:
        print_json({"device": msgspec.to_builtins(device), "parts": msgspec.to_builtins(done), "report": str(output)})
    else:
        echo(f"{output}: " + ", ".join(f"{one.name} {one.outcome}" for one in done))
    if any(one.outcome == "failed" for one in done):
        raise click.exceptions.Exit(1)
