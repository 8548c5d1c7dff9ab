"""The model card of an adapter, `README.md` beside it: base, data, how it was trained, from what, and its scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.core.state import Generation, State, evolve
from engine.events import types as t
from engine.events.event import Event
from engine.plain import plural, with_error
from engine.weights.recipe import ALGORITHMS, parameters

NAME = "README.md"


class Origin(NamedTuple):
    """A run, and the trainings of its history by the adapter that each made."""

    state: State
    trainings: Mapping[str, t.WeightsTrained]


def origin(history: Iterable[Event]) -> Origin:
    """Reads the events of a history, from its first on."""
    state, trainings = State(), dict[str, t.WeightsTrained]()
    for event in history:
        state = evolve(state, event)
        if isinstance(one := event.payload, t.WeightsTrained):
            trainings.setdefault(one.adapter, one)  # a later one of that name reuses it
    return Origin(state, trainings)


_USE = """\
`PeftModel.from_pretrained(model, FOLDER)` loads it, and so does vLLM (`--lora-modules`). `adapter.gguf`, where it is
there, is for llama.cpp (`--lora`)."""
_USE_MERGED = """\
This is the whole model, with the adapter merged into the base's weights: transformers and vLLM load the folder as they
load the base, and so does `sia run --model hf:FOLDER`."""


def card(of: Origin, adapter: str, *, merged: bool = False) -> str:
    """The card of `adapter`, which the history names: Markdown, the same for the same history.

    `merged`: of the model that it was merged into.
    """
    state, lineage = of.state, _lineage(of.trainings, adapter)
    domain, last = state.domain, lineage[-1]
    return f"""---
library_name: {"transformers" if merged else "peft"}
tags: [lora]
---

# A {"model with a merged" if merged else "LoRA"} adapter for {domain.title}

Made by sia in the run {state.name} ({state.run}).

- adapter: {adapter}
- base: {state.settings.model}, weights {last.base}
- task: {domain.name}, digest {domain.digest} (code, data and how the data are divided)
- trained on: {_trained_on(state, lineage)}
- metric: {domain.metric}

## Training

{chr(10).join(_training(number, one) for number, one in enumerate(lineage, 1))}

## Results

Scores are means with their standard errors.

| generation | harness | weights | val | verdict |
| ---: | --- | --- | --- | --- |
{chr(10).join(_row(state, one) for one in state.generations if _tells(one, lineage))}

{_sealed(state, adapter)}

## Use

{_USE_MERGED if merged else _USE} Its scores hold with the harness that it was trained under.

## Licence

sia does not know the licences of the base model and of the data. They may bind this adapter too: look them up, and
name them here before you pass it on.
"""


def _lineage(trainings: Mapping[str, t.WeightsTrained], adapter: str) -> list[t.WeightsTrained]:
    """The trainings that led to `adapter`, the first one first."""
    found = [trainings[adapter]]
    while (parent := trainings.get(found[0].parent or "")) and parent not in found:
        found.insert(0, parent)
    return found


def _trained_on(state: State, lineage: list[t.WeightsTrained]) -> str:
    here = f"`train` ({plural(state.domain.counts.get('train', 0), 'instance')}) alone, never `val` or the sealed test"
    own = [one for one in lineage if one.rounds]
    if len(own) == len(lineage):
        return here
    elsewhere = "what another program trained it on is not known here, and may hold `val` or the sealed test"
    return f"{elsewhere}; here on {here}" if own else elsewhere


def _training(number: int, one: t.WeightsTrained) -> str:
    if not one.rounds:
        return f"{number}. made elsewhere, {_line(one.ended)}: {one.adapter}"
    own = parameters(one.algorithm) if one.algorithm in ALGORITHMS else ()
    recipe = ", ".join(f"{name} {one.recipe[name]}" for name in own if name in one.recipe)
    versions = one.facts.get("versions", {})
    facts = [f"{name} {one.facts[name]}" for name in ("seed", "device", "dtype") if name in one.facts]
    facts += [f"{name} {version}" for name, version in sorted(versions.items())]
    lines = [
        f"{number}. {one.algorithm}, {plural(one.rounds, 'round')}, made {one.adapter}",
        f"   - from: {one.parent or 'the base model'}, under the harness {one.harness}",
        *([f"   - recipe: {recipe}"] if recipe else []),
        *([f"   - with: {', '.join(facts)}"] if facts else []),
        f"   - chosen by {one.author}: {_line(one.reason)}",
        f"   - ended: {_line(one.ended)}{f'; {_line(one.collapse)}' if one.collapse else ''}",
    ]
    return "\n".join(lines)


def _tells(one: Generation, lineage: list[t.WeightsTrained]) -> bool:
    """Whether the card shows that generation: the first, and those under an adapter of the lineage."""
    return one.execution is not None and (one.n == 1 or one.candidate.weights in {made.adapter for made in lineage})


def _row(state: State, one: Generation) -> str:
    score = one.execution.scores.get("val") if one.execution else None
    of = f", val {state.rotation.number(one.n)}" if state.settings.rotate else ""
    val = f"{with_error(score.score, score.se, score.n)} (n = {score.n}{of})" if score else "not measured"
    verdict = "not judged yet" if one.verdict is None else "accepted" if one.verdict.accepted else "rejected"
    return f"| {one.n} | {one.candidate.harness[:12]} | {(one.candidate.weights or 'base')[:12]} | {val} | {verdict} |"


def _sealed(state: State, adapter: str) -> str:
    found = state.tested
    if found is None or found.weights != adapter:
        return "The sealed test has not been read with this adapter."
    score = with_error(found.score.score, found.score.se, found.score.n)
    return f"Sealed test: {score} (n = {found.score.n}), with the harness {found.harness[:12]}."


def _line(text: str) -> str:
    return " ".join(text.split())
