"""`sia checkout`: a generation's harness as a standalone folder, with the same bytes each time.

README.md         description, score, how to run it
run.py            the runner, which does not need sia
runtime/          `ctx`, as it is in the sandbox
candidate.json    its origin, and the seeds that reproduce the run's answers
harness/          the harness with its parameters
adapter/          its trained weights, if any, for transformers, vLLM and llama.cpp, and their model card
merged/           in its place, with --as merged: the model with these weights merged into it, and the card
train.jsonl       its training data, with --with-data only: its licence may forbid passing it on
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from domains import atomic
from domains.contract import Instance
from engine.checkout import merged, model_card
from engine.core.results import Key, Results
from engine.core.state import Generation, State, evolve
from engine.errors import SiaError
from engine.evaluation import majority_vote
from engine.evaluation.trial import prepared_on
from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.plain import plural, with_error
from engine.sandbox import inside
from harness_repo import harness as harnesses

RUNTIME = ("context.py", "harness.py", "command.py")


class Checkout(msgspec.Struct, frozen=True):
    """A candidate of a run: its harness, and everything else that its answers depend on apart from the input.

    `results` are those of its Execution, by (split, instance, repeat), and `repeat` is the first of its repeats.
    `versions` are those of the last engine that worked on the run, `trainings` those of the history, by their adapter.
    """

    state: State
    generation: Generation
    files: dict[str, bytes]
    results: dict[Key, t.InstanceFinished]
    repeat: int
    versions: dict[str, str]
    trainings: Mapping[str, t.WeightsTrained]

    @property
    def version(self) -> t.HarnessWritten:
        """The event that made the harness."""
        return self.state.versions[self.generation.n]

    @property
    def held_out(self) -> list[str]:
        """The instances of `train` that its Execution answered and did not train on."""
        return sorted({name for split, name, _ in self.results if split == "train"})

    @property
    def learns(self) -> bool:
        """Whether it uses training data; a domain may say `learns = false`."""
        nothing = majority_vote.prepared_name(prepared_on([]), self.generation.candidate.votes)
        return any(result.prepared != nothing for result in self.results.values()) or not self.results


def load(reader: Reader, run: RunRow, generation: int | None) -> Checkout:
    """The candidate of `generation`, or the incumbent; raises `SiaError` if there is none."""
    (found,) = load_all(reader, run, [generation])
    return found


def load_all(reader: Reader, run: RunRow, generations: Sequence[int | None]) -> list[Checkout]:
    """The candidates of several generations, as `load`."""
    state, results = State(), Results()
    versions, trainings = dict[str, str](), dict[str, t.WeightsTrained]()
    for event in reader.history(run.run):
        state = evolve(state, event)
        results.add(event)
        if isinstance(payload := event.payload, t.RunStarted | t.RunResumed):
            versions = payload.versions or versions
        elif isinstance(payload, t.WeightsTrained):
            trainings.setdefault(payload.adapter, payload)
    if state.incumbent is None and None in generations:
        raise SiaError("this run has no incumbent yet", "let it finish its first generation with `sia resume`")
    found = []
    for n in (state.incumbent or 0 if generation is None else generation for generation in generations):
        if not 1 <= n <= len(state.generations):
            raise SiaError(f"{state.name} has no generation {n}", f"it has 1 to {len(state.generations)}")
        chosen = state.of(n)
        found.append(
            Checkout(
                state=state,
                generation=chosen,
                files={path: reader.blob(name) for path, name in state.versions[n].files.items()},
                results=results.of(n, chosen.candidate),
                repeat=(n - 1) * state.settings.repeats if state.settings.noisy else 0,
                versions=versions,
                trainings=trainings,
            )
        )
    return found


def folder(
    checkout: Checkout,
    train: Sequence[Instance] | None = None,
    adapter: Mapping[str, bytes] | None = None,
    *,
    merges: bool = False,
) -> dict[str, bytes]:
    """The files of the folder by path; `train` adds train.jsonl, `adapter` the trained weights.

    `merges`: the weights come as a model of their own (`merged.Merge.write`).
    """
    files = {
        "README.md": _readme(checkout, with_data=train is not None, merges=merges).encode(),
        "run.py": resources.files(__package__).joinpath("runner.py").read_bytes(),
        **{f"runtime/{name}": resources.files(inside).joinpath(name).read_bytes() for name in RUNTIME},
        "candidate.json": _json(_facts(checkout), indent=2) + b"\n",
        **{f"harness/{path}": content for path, content in checkout.files.items()},
        **{f"adapter/{path}": content for path, content in (adapter or {}).items()},
    }
    if (adapter is not None or merges) and (weights := checkout.generation.candidate.weights):
        card = model_card.card(model_card.Origin(checkout.state, checkout.trainings), weights, merged=merges)
        files[f"{merged.FOLDER if merges else 'adapter'}/{model_card.NAME}"] = card.encode()
    if train is not None:
        rows = ({"id": item.id, "data": item.data, "label": item.label} for item in train)
        files["train.jsonl"] = b"".join(_json(row) + b"\n" for row in rows)
    return dict(sorted(files.items()))


def check_empty(place: Path) -> None:
    """Raises `SiaError` unless `place` is new or empty: no file is ever overwritten."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise SiaError(f"{place} is not an empty folder", "name another with -o")


def write(place: Path, files: Mapping[str, bytes], merge: merged.Merge | None = None) -> None:
    """Writes `files` into the new or empty folder `place`, and the merged model.

    A new folder appears complete. An existing one is filled in place: it may be a mount or a current folder. Where that
    fails, it is empty as before.
    """
    check_empty(place)
    if not place.exists():
        with atomic.create(place) as fresh:
            _fill(fresh, files, merge)
        return
    try:
        _fill(place, files, merge)
    except BaseException:
        for path in place.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _fill(folder: Path, files: Mapping[str, bytes], merge: merged.Merge | None) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if merge:
        merge.write(folder / merged.FOLDER)
        for made in (folder / merged.FOLDER).rglob("*.safetensors"):  # their writer keeps them for its user alone
            shutil.copymode(folder / "README.md", made)


def _facts(checkout: Checkout) -> dict[str, Any]:
    state, one = checkout.state, checkout.generation
    val = one.execution.scores.get("val") if one.execution else None
    return {
        "run": state.run,
        "name": state.name,
        "generation": one.n,
        "harness": one.candidate.harness,
        "weights": one.candidate.weights,
        "model": state.settings.model,
        "domain": state.domain.name,
        "domain_digest": state.domain.digest,
        "val": msgspec.to_builtins(val),
        "seed": state.root_seed,
        "repeat": checkout.repeat,
        "held_out": checkout.held_out,
        "learns": checkout.learns,
    }


def _json(value: Any, indent: int | None = None) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent).encode()
    except (TypeError, ValueError) as error:
        raise SiaError(f"the domain's data cannot be written as JSON ({error})", "leave out --with-data") from None


def _readme(checkout: Checkout, *, with_data: bool, merges: bool) -> str:
    state, one = checkout.state, checkout.generation
    val = one.execution.scores.get("val") if one.execution else None
    packages = harnesses.parse(checkout.files).manifest.packages
    pinned = [f"{name}=={checkout.versions[name]}" if name in checkout.versions else name for name in packages]
    made = "is the seed harness" if one.candidate.lever is None else f"was made by the lever `{one.candidate.lever}`"
    of = f", val {state.rotation.number(one.n)}" if state.settings.rotate else ""
    score = f"{with_error(val.score, val.se, val.n)} (n = {val.n}{of})" if val else "not measured yet"
    verdict = one.verdict.reason if one.verdict else "not judged yet"
    learns = "`train.jsonl`" if with_data else "a file of your own, or one that `sia checkout --with-data` writes"
    return f"""# {state.name}, generation {one.n}

{state.domain.title}

This harness {made} in generation {one.n} of the run {state.name} ({state.run}) on the domain {state.domain.name}.

- commit: {one.candidate.harness}
- {state.domain.metric} on val: {score}
- verdict: {verdict}
- why: {" ".join(checkout.version.reason.split())}{_weights(checkout, merges=merges)}

## Run it

Needs Python 3.11 or later{f", and `pip install {' '.join(pinned)}`" if pinned else ""}.

```
python run.py --train train.jsonl instances.jsonl > answers.jsonl
```

`instances.jsonl` holds an instance a line: a JSON value, or `{{"id": ..., "data": ...}}`. Answers come in the same
order: `{{"id": ..., "answer": ...}}` or `{{"id": ..., "failure": ...}}`. What the harness learns from, lines of
`{{"id": ..., "data": ..., "label": ...}}`, is {learns}; leave out `--train` for a harness that learns nothing.

With `--as-in-run` it leaves out what was held out in the run ({plural(len(checkout.held_out), "instance")}), and so
answers exactly as it did there. A folder of the domain that the harness reads through `ctx.folders` is named with
`--folder NAME=DIR`. `run.py` is not a sandbox: the harness runs with your own rights.
"""


def _weights(checkout: Checkout, *, merges: bool) -> str:
    adapter = checkout.generation.candidate.weights
    if adapter is None:
        return ""
    if merges:
        return f"""
- weights: {checkout.state.settings.model} with the LoRA adapter {adapter} merged into it, in `merged/`: a checkpoint
  that transformers and vLLM load as it is"""
    return f"""
- weights: the LoRA adapter {adapter} of {checkout.state.settings.model}, in `adapter/`: load it with PEFT
  (`PeftModel.from_pretrained(model, "adapter")`), serve it with vLLM (`--lora-modules`), or give `adapter/adapter.gguf`
  to llama.cpp (`--lora`), where it is there"""
