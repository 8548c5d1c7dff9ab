"""`sia run --dry-run`: what a run would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared
from sia_tui.cli.output import echo, print_json

if TYPE_CHECKING:
    from engine.loop.launch import RunPlan
    from engine.queries.estimate import Estimate


async def dry_run_report(planned: RunPlan, shared: Shared) -> None:
    import msgspec

    from engine.clients.table import client_of
    from engine.core.determinism import executions_at_most
    from engine.core.rotation import rotation
    from engine.loop.agent_client import writes_first
    from engine.queries.estimate import TASK_REPLY, trainings
    from engine.run import models as serving

    settings, domain = planned.started.settings, planned.started.domain
    units = (domain.counts["val"] + settings.train_sample) * settings.repeats
    turns = rotation(settings, domain.counts)
    kept = 0 if turns.every else domain.counts.get("reserve", 0)
    second = 2 * (settings.generations - 1) * kept * settings.repeats
    drawn = turns.number(settings.generations) - 1
    anew = 0 if settings.noisy else drawn * domain.counts["val"] * settings.repeats
    # a language model tries as much as the search probes, in the first harness too; its choice among proposals is more
    client = client_of(settings.agent)
    written = writes_first(settings)
    chosen = settings.proposals if (settings.agent_model or client) and settings.proposals > 1 else 0
    changes = 0 if settings.lever in ("weights", "best-of-n") else settings.generations - 1
    tuned = settings.tune + 2 if settings.tune else 0  # of the two that are compared, one is tuned
    probes = ((changes + written) * settings.probes + changes * (chosen + tuned)) * settings.probe_fold
    again, again_at_most = executions_at_most(settings, domain.counts["val"])
    models = await _estimated(planned, shared, units, probes, again_at_most)
    unpriced = serving.unpriced(settings, shared.workspace.path)
    per_call = models.tokens // models.calls - TASK_REPLY if models.calls else 0
    rollouts, minutes = trainings(settings, domain.counts["train"] - settings.train_sample, per_call)
    facts = {
        "domain": domain.name,
        "counts": domain.counts,
        "generations": settings.generations,
        "evaluations_executions": units * settings.generations + again,
        "evaluations_if_noisy_at_most": units * settings.generations + again_at_most,
        "evaluations_probes_at_most": probes,
        "evaluations_reserve_at_most": second,
        "evaluations_fresh_val_at_most": anew,
        "training_rollouts_at_most": rollouts,
        "training_minutes": minutes,
        "model_calls": models.calls,
        "tokens": models.tokens,
        "usd": models.usd,
        "usd_of_first_call": models.first_usd,
        "unpriced": unpriced,
        "model_minutes": models.minutes,
        "isolation": planned.isolation.level,
    }
    if shared.as_json:
        print_json(msgspec.to_builtins(facts))
        return
    echo(f"{domain.name}: {domain.title}")
    most = plural(probes, "evaluation")
    echo(
        f"{plural(settings.generations, 'generation')} of {plural(units, 'evaluation')}, and at most {most} in probes."
    )
    if again:
        echo(
            f"The one score of val is measured {plural(again, 'time')} more, to see whether it comes out the same each "
            f"time; at most {plural(again_at_most, 'time')} where it does not."
        )
    if drawn:
        echo(
            f"{plural(drawn, 'fresh val')} of the reserve: to execute the best candidate on each takes at most "
            f"{plural(anew, 'evaluation')} more."
        )
    if second:
        echo(f"Second looks of the gate take at most {plural(second, 'evaluation')} more, on the reserve.")
    echo(
        f"Language models: about {plural(models.calls, 'call')}, {plural(models.tokens, 'token')}, ${models.usd:.2f}, "
        f"{plural(models.minutes, 'minute')}. This is an estimate; --budget-usd and --budget-tokens are caps."
        if models.calls
        else "No language model is called by sia."
        if client
        else "No language model is called; the run costs nothing."
    )
    if client:
        errands = plural((changes + written) * max(1, settings.proposals), "errand")
        told = {"money": "dollars and tokens", "tokens": "tokens, and no dollars", "nothing": "nothing of its cost"}
        echo(
            f"{client.title} works on about {errands}, of up to {plural(settings.agent_minutes, 'minute')} and "
            f"{plural(settings.agent_tokens, 'new token')} each; it tells {told[client.cost]}."
        )
    if unpriced:
        echo(
            f"The price of {', '.join(unpriced)} is not known and not in these dollars: add it to [prices] in sia.toml."
        )
    if models.first_usd:
        echo(
            f"Before the first call of the agent about ${models.first_usd:.2f} is reserved; a smaller cap ends the run."
        )
    if rollouts:
        echo(f"Training: at most {plural(rollouts, 'rollout')}, about {plural(minutes, 'minute')} on two cores.")
    echo(f"Sandbox: {planned.isolation.level}. Nothing was started.")


async def _estimated(planned: RunPlan, shared: Shared, units: int, probes: int, again: int) -> Estimate:
    from engine.grading.client import Grader
    from engine.queries.estimate import Estimate, estimate
    from engine.run import models
    from harness_repo.harness import read_folder

    settings = planned.started.settings
    if not models.references(settings):
        return Estimate()
    grader = Grader(planned.folder, planned.data, reserve=planned.started.domain.counts.get("reserve", 0))
    try:
        sample = (await grader.instances("train"))[:50]
    finally:
        await grader.close()
    folder = shared.workspace.path
    seed = read_folder(planned.folder.seed(settings.model))
    agent, task, judge = (
        models.price(reference, folder) for reference in (settings.agent_model, settings.model, settings.judge)
    )
    judged = settings.generations * units + again + probes
    return estimate(
        settings,
        units,
        seed,
        sample,
        agent=agent,
        task=task,
        at_once=planned.workers,
        judge=judge,
        judged=judged,
        again=again,
    )
