"""An estimate of what a run with language models will cost: calls, tokens, dollars, minutes.

The estimate is generous. It assumes that harnesses call the task model once an instance, with the instance and the
prompts of the seed harness, and that agents take their usual number of turns. Only a budget is a hard limit.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domains.contract import Instance
from engine.agents.levers import RECIPES
from engine.agents.protocol import MAX_TOKENS
from engine.events import types as t
from engine.run.models import is_trainable
from engine.usage import Usage
from harness_repo.harness import Harness

AGENT_TURNS = 12
"""Calls of one agent's conversation."""
AGENT_REPLY, TASK_REPLY = 1200, 100
JUDGE_QUESTIONS, JUDGE_PROMPT, JUDGE_REPLY = 6, 300, 20
_AGENT_START, _AGENT_TURN = 4000, 1500  # tokens: prompt, task and tools; what a turn adds
_FIRST_BYTES = 24_000
"""Of an agent's first request; a token is reserved for each."""
_S_PER_CALL, _TOKENS_PER_S = 1.0, 60.0
_CHARS = 3.0  # characters a token: more in English, fewer in Chinese
Price = Callable[[Usage], float]
_TRAINED_PER_S = 600.0
"""Tokens of rollouts a second, generated and trained on, on two cores: samples share their prompt."""


class Estimate(msgspec.Struct, frozen=True):
    """The estimate for the agents' model, the task model and the judge together.

    `first_usd` is what is reserved in a budget of dollars for the agent's first call: more than it will cost.
    """

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    minutes: float = 0.0
    first_usd: float = 0.0


def estimate(
    settings: t.Settings,
    units: int,
    harness: Harness,
    sample: list[Instance],
    *,
    agent: Price | None,
    task: Price | None,
    at_once: int,
    judge: Price | None = None,
    judged: int = 0,
    again: int = 0,
) -> Estimate:
    """Estimates a run of `units` evaluations an Execution and `again` more, and `judged` judged answers.

    A None price: no such model.
    """
    calls, tokens, usd, seconds, first = 0, 0, 0.0, 0.0, 0.0
    if agent is not None:
        conversations = (settings.generations - 1) * settings.proposals + (not settings.seed_harness)
        asked = sum(_AGENT_START + turn * _AGENT_TURN for turn in range(AGENT_TURNS))
        # each turn reads from the cache what the previous turn has written
        fresh = _AGENT_START + AGENT_TURNS * _AGENT_TURN
        usage = Usage(output=AGENT_TURNS * AGENT_REPLY, cache_read=asked - fresh, cache_write=fresh)
        first = agent(Usage(cache_write=_FIRST_BYTES, output=MAX_TOKENS)) if conversations else 0.0
        calls += conversations * AGENT_TURNS
        tokens += conversations * (usage.output + usage.cache_read + usage.cache_write)
        usd += conversations * agent(usage)
        seconds += conversations * (AGENT_TURNS * _S_PER_CALL + usage.output / _TOKENS_PER_S)
    cases = sum(len(msgspec.json.encode(case.data).decode()) for case in sample) / max(1, len(sample))
    if task is not None:
        prompts = sum(len(text.decode("utf-8", "replace")) for path, text in harness.files.items() if _prompt(path))
        usage = Usage(input=int((prompts + cases) / _CHARS) + 50, output=TASK_REPLY)
        count = settings.generations * units + again
        calls += count
        tokens += count * (usage.input + usage.output)
        usd += count * task(usage)
        seconds += count * (_S_PER_CALL + usage.output / _TOKENS_PER_S) / at_once
    if judge is not None:
        usage = Usage(input=int(cases / _CHARS) + JUDGE_PROMPT, output=JUDGE_REPLY)
        count = judged * JUDGE_QUESTIONS
        calls += count
        tokens += count * (usage.input + usage.output)
        usd += count * judge(usage)
        seconds += count * (_S_PER_CALL + usage.output / _TOKENS_PER_S) / at_once
    return Estimate(calls, tokens, round(usd, 4), round(seconds / 60, 1), round(first, 4))


def trainings(settings: t.Settings, train: int, tokens: int) -> tuple[int, float]:
    """The maximum of rollouts of all trainings, and the minutes that they take on two cores.

    For the search agent's recipes, on `train` instances that may be learnt from, with calls of `tokens` tokens.
    """
    if settings.lever not in ("auto", "weights") or settings.agent != "search" or not is_trainable(settings.model):
        return 0, 0.0
    most = max(
        int(one["rounds"]) * int(one["samples"]) * min(int(one["instances"]), train // 2) for one in RECIPES.values()
    )
    rollouts = (settings.generations - 1) * most
    return rollouts, round(rollouts * tokens / _TRAINED_PER_S / 60, 1)


def _prompt(path: str) -> bool:
    return path.endswith((".md", ".txt"))
