"""What an agent is told of how harnesses run: limits, packages, and the task model with its window and price."""

from __future__ import annotations

from engine.agents.language.prompt import Prompt, compose
from engine.agents.protocol import AgentTools, Surroundings
from engine.plain import plural


def prompt(name: str, tools: AgentTools, *, trying: bool, training: bool = False) -> Prompt:
    """The prompt `name` with the parts that are offered in this conversation."""
    around = tools.surroundings
    parts = [name]
    parts += ["weights"] if training else []
    parts += ["desk"] if tools.abilities.tools else []
    parts += ["code"] if tools.abilities.tools and tools.has_sandbox else []
    parts += ["trying"] if trying else []
    parts += ["harness", *(["model"] if tools.has_task_model else [])]
    return compose(*parts, offered=around.model.can if around.model else ())


def facts(around: Surroundings) -> str:
    """The facts, in a few sentences."""
    limits = around.limits
    said = [
        f"Limits of a `solve`: {limits.cpu_s:g} s of CPU, {limits.wall_s:g} s in all without waiting for a model, "
        f"{limits.memory_mb} MB of memory, {limits.disk_mb} MB of files, an answer of {limits.answer_kb} KB. "
        f"`prepare` has {limits.prepare_cpu_s:g} s of CPU.",
        f"Packages beside the standard library: {', '.join(around.packages) or 'none'}.",
    ]
    if not around.learns:
        said.append("`ctx.train()` is empty here: harnesses of this task do not learn from cases.")
    if around.folders:
        said.append(f"`ctx.folders` has the paths of these folders, which it may read: {', '.join(around.folders)}.")
    if around.tools:
        said.append(
            "The task has tools, which `solve` uses by `ctx.tools.call(name, **arguments)`; `ctx.tools.all` describes "
            "them as `ctx.model.chat(tools=...)` wants it, and `ctx.tools.answers(reply)` has the messages with which "
            f"a conversation goes on after a reply with calls: {' '.join(around.tools)}"
        )
    if (model := around.model) is None:
        said.append("Harnesses here have no language model.")
    else:
        window = f", with a window of {plural(model.window, 'token')}" if model.window else ""
        price = (
            f" A million tokens cost ${model.usd_in:g} in prompts and ${model.usd_out:g} in replies."
            if model.usd_in is not None
            else ""
        )
        said.append(f"The task model that harnesses call as `ctx.model` is {model.name}{window}.{price}")
    return " ".join(said)
