"""apply: a candidate's answers to inputs of the user."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli import consent
from sia_tui.cli.formats import dollars, plural
from sia_tui.cli.limits import workers_of
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json, say
from sia_tui.cli.runs import open_run

if TYPE_CHECKING:
    from engine.checkout.apply import Form, PreparedOn, Unrecorded
    from engine.checkout.folder import Checkout
    from engine.evaluation.evaluate import Evaluation
    from engine.evaluation.trial import Answer
    from engine.sandbox import Preparation


@click.command("apply")
@click.argument("reference", metavar="RUN")
@click.argument("source", metavar="INPUT")
@click.option("--generation", type=int, help="Use this generation's candidate.  [default: the incumbent]")
@click.option(
    "--prepared-on",
    "material",
    type=click.Choice(["train+val", "run"]),
    default="train+val",
    show_default=True,
    help="What the harness prepares on; run: the instances of its Execution.",
)
@click.option(
    "--as", "form", type=click.Choice(["jsonl", "text"]), help="Format of INPUT.  [default: text for .txt, else jsonl]"
)
@click.option("--workers", type=int, default=None, help="Inputs to answer in parallel.  [default: one per core]")
@click.option("--budget-usd", type=click.FloatRange(0, min_open=True), help="Stop at this many US dollars.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run harness code without a sandbox.")
@shared_options
def apply(
    reference: str,
    source: str,
    *,
    generation: int | None,
    material: PreparedOn,
    form: Form | None,
    workers: int | None,
    budget_usd: float | None,
    unsafe: bool,
    shared: Shared,
) -> None:
    """Answer INPUT with RUN's best candidate. INPUT is JSON lines, a text file, or - for standard input.

    Each line of INPUT is a JSON value or {"id": ..., "data": ...}; each line of the output is an answer. Nothing is
    written to the log.

    Example: sia apply last cases.jsonl
    """
    from engine.checkout import apply
    from engine.checkout.domain import domain_of
    from engine.checkout.folder import load
    from engine.run.domain_session import choose_isolation

    inputs = apply.parse_input(_read(source), form or ("text" if source.endswith(".txt") else "jsonl"))
    consent.ask_for_run(shared, reference)
    with open_run(shared.workspace, reference) as (reader, run):
        chosen = load(reader, run, generation)
    isolation = choose_isolation(unsafe=unsafe)
    quiet = shared.as_json
    rows: list[Answer] = []
    ledger = apply.Unrecorded(budget_usd)

    def on_prepared(prepared: Preparation) -> None:
        failure = prepared.failure
        if not quiet:
            say(
                f"prepare failed ({failure.kind}): {failure.message}"
                if failure
                else f"prepared in {prepared.wall_s:.1f} s"
            )

    async def go() -> Evaluation:
        async with (
            domain_of(chosen.state.domain, say) as grader,
            apply.task_model(chosen, shared.workspace.path, ledger, budget_usd) as model,
        ):
            evaluation = apply.evaluation(
                chosen,
                grader,
                await apply.material(chosen, grader, material),
                model=model,
                isolation=isolation,
                workers=workers_of(workers),
            )
            if not quiet:
                where = f"generation {chosen.generation.n} of {chosen.state.name}"
                learned_from = f"{plural(len(evaluation.train), 'instance')} ({material})"
                say(f"preparing {where} on {learned_from}; to answer: {len(inputs)}")
            async for row in apply.apply(
                evaluation,
                inputs,
                chosen.repeat,
                on_prepared=on_prepared,
                on_answer=_Ticker(len(inputs), quiet=quiet or shared.headless),
            ):
                rows.append(row)
                if not quiet:
                    _print(row)
        return evaluation

    evaluation = asyncio.run(go())
    failed = sum(row.failure is not None for row in rows)
    if quiet:
        print_json(_facts(chosen, evaluation, material, rows, ledger))
    elif failed:
        say(f"{failed} of {len(rows)} inputs have no answer")
    if ledger.calls and not quiet:
        paid = dollars(ledger.usd, ledger.unpriced)
        say(f"{plural(ledger.calls, 'call')} of the model, {plural(ledger.tokens, 'token')}, US dollars: {paid}")
    if failed:
        raise click.exceptions.Exit(1)


def _read(source: str) -> str:
    from engine.errors import SiaError

    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SiaError(f"{source} cannot be read ({why})", "name a file of JSON lines or text, or -") from None


class _Ticker:
    """A counter on standard error: in a terminal only, at most twice a second."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._last = total, time.monotonic()
        self._visible = not quiet and sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        if self._visible and (time.monotonic() - self._last > 0.5 or done == self._total):
            self._last = time.monotonic()
            click.echo(f"\r{done} of {self._total} answered", err=True, nl=done == self._total)


def _print(row: Answer) -> None:
    """One line per input: the answer, or an empty line with the failure on standard error."""
    import msgspec

    if row.failure:
        say(f"{row.trial.instance}: {row.failure.kind}: {row.failure.message}")
        echo()
    elif isinstance(row.value, str) and row.value.isprintable():
        echo(row.value)
    else:
        echo(msgspec.json.encode(row.value).decode())


def _facts(
    chosen: Checkout, evaluation: Evaluation, material: PreparedOn, rows: list[Answer], ledger: Unrecorded
) -> dict[str, Any]:
    return {
        "run": chosen.state.run,
        "name": chosen.state.name,
        "generation": chosen.generation.n,
        "harness": chosen.generation.candidate.harness,
        "weights": chosen.generation.candidate.weights,
        "prepared_on": material,
        "prepared": evaluation.prepared,
        "calls": ledger.calls,
        "tokens": ledger.tokens,
        "usd": ledger.usd,
        "unpriced": ledger.unpriced,
        "answers": [_row(row) for row in rows],
    }


def _row(row: Answer) -> dict[str, Any]:
    import msgspec

    return {
        "id": row.trial.instance,
        "answer": msgspec.to_builtins(row.value),
        "failure": msgspec.to_builtins(row.failure),
        "cpu_s": row.cpu_s,
        "wall_s": row.wall_s,
        "log": row.log,
    }
