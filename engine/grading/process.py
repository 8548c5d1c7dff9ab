"""The grading process: loads a domain, gives out its instances, and grades answers. Started by `engine.grading.client`.

It exchanges frames on its standard input and output; what the domain prints goes to standard error. Before a reply it
may say that it waits for a quiet machine, and how far its work is.
"""

from __future__ import annotations

import faulthandler
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from domains.contract import (
    SPLITS,
    DataInvalid,
    DataMissing,
    Domain,
    Grade,
    Graded,
    Instance,
    Picture,
    Question,
    Split,
)
from engine import pipes
from engine.compute import patience
from engine.grading import network_isolation, quoting, reserve, returned
from engine.grading.kernel_runner import SandboxedKernelRunner
from engine.grading.labels import facts, near_duplicates
from engine.grading.live_work import Tell, Telling
from engine.grading.loader import load_module
from engine.grading.reserve import FRESH, RESERVE, Part
from engine.grading.toolbox import Toolbox, ToolFacts
from engine.sandbox import Isolation


class Service:
    """The operations that the engine can call, by name. With a `reserve`, `train` is without these instances."""

    def __init__(
        self,
        folder: Path,
        data: Path | None,
        isolation: Isolation | None,
        say: patience.Say,
        reserve: int = 0,
        tell: Tell = lambda *_: None,
    ) -> None:
        self._tell = tell
        self._module = load_module(folder)
        self._runner = SandboxedKernelRunner(isolation, patience.MOST_S, say)
        self._data = data
        self._domain: Domain | None = None
        self._reserve = reserve
        self._by_id: dict[Part, dict[str, Instance]] = {}
        self._toolbox: Toolbox | None = None

    def _open(self) -> Domain:
        if self._domain is None:
            self._domain = self._module.load(self._data)
        return self._domain

    def _split(self, split: Part) -> dict[str, Instance]:
        if split not in self._by_id:
            if split in ("train", RESERVE):
                self._divide_train()
            else:
                self._by_id[split] = returned.instances(split, self._open().instances(split))
        return self._by_id[split]

    def _divide_train(self) -> None:
        found = returned.instances("train", self._open().instances("train"))
        kept = reserve.choose(list(found.values()), self._reserve)
        self._by_id["train"] = {name: item for name, item in found.items() if name not in kept}
        self._by_id[RESERVE] = {name: item for name, item in found.items() if name in kept}

    def load(self, split: Part) -> None:
        """Loads a split, which `grade` then has at hand: with `val` the reserve, too, of which a fresh one is."""
        self._split(split)
        if split == "val" and self._reserve:
            self._split(RESERVE)

    def describe(self, share: float = 0.0, rotate: bool = False) -> dict[str, Any]:
        """The digest of the data, the instances per split, and the title if the data has one.

        With a `share` of `train` as a reserve, that is counted apart; to `rotate`, the fresh vals that it has, too.
        """
        domain = self._open()
        for split in SPLITS:
            returned.check_data(split, self._split(split))
        counts: dict[str, int] = {split: len(self._split(split)) for split in SPLITS}
        if share:
            train = list(self._split("train").values())
            counts[RESERVE] = reserve.size(train, share)
            counts["train"] -= counts[RESERVE]
            if rotate:
                counts[FRESH] = reserve.count_fresh(train, counts[RESERVE], list(self._split("val").values()))
        return {
            "digest": returned.digest(domain.digest()),
            "counts": counts,
            "title": domain.title() if hasattr(domain, "title") else "",
        }

    def instances(self, split: Part, number: int = 1) -> list[Instance]:
        """The instances of a split, or of the reserve; labels for `train` only. From `number` 2 on a fresh val."""
        items = self._fresh(number) if number > 1 else list(self._split(split).values())
        if split == "train":
            return items
        return [Instance(id=item.id, data=item.data, group=item.group, slice=item.slice) for item in items]

    def _fresh(self, number: int) -> list[Instance]:
        val = list(self._split("val").values())
        return reserve.fresh(list(self._split(RESERVE).values()), val, number)

    def _find(self, split: Part, name: str) -> Instance:
        """The instance of that id; fresh vals are of the reserve, and none of their ids is one of `val`."""
        found = self._split(split)
        return found[name] if name in found or split != "val" else self._split(RESERVE)[name]

    def labelled(self) -> list[Instance]:
        """`train`, the reserve and `val` with their labels: what the incumbent learns from for the sealed test."""
        return [item for split in ("train", RESERVE, "val") for item in self._split(split).values()]

    def questions(self, split: Part, instance: str, answer: Any) -> list[Question]:
        """The domain's questions to the judge about this answer."""
        ask: Callable[[Instance, Any], Sequence[Question]] = self._open().questions  # type: ignore[attr-defined]
        return list(ask(self._find(split, instance), answer))

    def grade(self, split: Part, instance: str, answer: Any, replies: Sequence[str] | None = None) -> Grade:
        """Grades one answer. `detail` may reveal the label, so it is given out for `train` only."""
        grade = self._grade(self._find(split, instance), answer, replies)
        return grade if split == "train" or not grade.detail else replace(grade, detail="")

    def summarise(self, split: Split, graded: list[tuple[str, Any, Mapping[str, Any]]]) -> Any:
        """The domain's report on a whole split."""
        known = self._split(split)
        rows = [Graded(known[name], answer, msgspec.convert(grade, Grade)) for name, answer, grade in graded]
        return self._open().summarise(split, rows)

    def baselines(self, on: Split) -> dict[str, list[Grade]]:
        """The grades of every baseline on `on`, trained on the splits before it."""
        answers = self.baseline_answers(on)
        graded: dict[str, list[Grade]] = {name: [] for name in answers}
        # all answers to one instance together: a domain may share work between them
        for place, item in enumerate(self._split(on).values()):
            self._tell("grading the baselines", place, len(self._split(on)))
            for name, values in answers.items():
                graded[name].append(replace(self._grade(item, values[place]), detail=""))
        return graded

    def baseline_answers(self, on: Split) -> dict[str, list[Any]]:
        """The answers of every baseline on `on`, trained on the splits before it."""
        learn = self.labelled() if on == "test" else list(self._split("train").values())
        instances = list(self._split(on).values())
        return returned.baselines(self._open().baselines(learn, instances), len(instances), self._tell)

    def _grade(self, instance: Instance, answer: Any, replies: Sequence[str] | None = None) -> Grade:
        """The domain's grade, with the kernel runner and the judge's replies if its `grade` takes them."""
        grade: Callable[..., Any] = self._open().grade
        # domains written before the runner had its name call it `bench`
        extras: dict[str, Any] = {"runner": self._runner, "bench": self._runner, "replies": replies}
        taken = {name: extras[name] for name in extras.keys() & inspect.signature(grade).parameters}
        return returned.grade(grade(instance, answer, **taken))

    def tools(self) -> list[ToolFacts]:
        """What the domain's tools are."""
        self._toolbox = self._toolbox or Toolbox(self._open())
        return self._toolbox.facts()

    def learn(self, name: str, train: list[Any]) -> None:
        """Makes the domain's tools from `train`, under that name."""
        self._toolbox = self._toolbox or Toolbox(self._open())
        self._toolbox.learn(name, msgspec.convert(train, list[Instance]))

    def use_tool(self, name: str, tool: str, arguments: dict[str, Any], data: Any) -> dict[str, Any]:
        """What `Toolbox.use` returns for the tools that were made under that name."""
        assert self._toolbox is not None  # noqa: S101 - the client calls `learn` first
        return self._toolbox.use(name, tool, arguments, data)

    def examine(self, harness: Mapping[str, bytes], given: str | None) -> facts.Facts:
        """Facts about the instances, without labels; `given` is the folder that a harness may read."""
        found, second = ({split: self._open().instances(split) for split in SPLITS} for _ in range(2))

        def subsets() -> Mapping[str, Sequence[str]]:
            rows = [Graded(item, None, Grade(score=0.0)) for item in found["test"]]
            return self._open().summarise("test", rows).subsets

        return facts.examine(found, second, harness, subsets, Path(given) if given else None)

    def fingerprints(self) -> dict[str, str]:
        """A digest of each split with its labels and its order."""
        return {split: facts.fingerprint(self._open().instances(split)) for split in SPLITS}

    def near_duplicates(self, split: Split, other: Split) -> near_duplicates.NearDuplicates:
        """The near-duplicates of instances of `split` in `other`, by their ids."""
        mine, others = (list(self._split(name).values()) for name in (split, other))
        return near_duplicates.compare(split, mine, other, others)

    def network_attempts(self) -> list[str]:
        """The addresses that this process has tried to reach; it has no network."""
        return network_isolation.attempts

    def reference(self, split: Split, instance: str) -> Grade:
        """The grade of the reference answer."""
        item = self._split(split)[instance]
        return self.grade(split, instance, item.label)

    def draws(self) -> bool:
        """Whether the domain draws pictures."""
        return hasattr(self._open(), "plots")

    def plots(self, pictures: list[Any], points: dict[str, list[float]], folder: str) -> list[str]:
        """Draws answers into `folder`; returns the names of the files."""
        self._split("val")
        drawn = [msgspec.convert(one, Picture) for one in pictures]
        plots = self._open().plots  # type: ignore[attr-defined]
        return list(plots(drawn, {name: tuple(pair) for name, pair in points.items()}, Path(folder)))


def main() -> None:
    """Serves the engine until it closes the pipe."""
    network_isolation.isolate_network()
    pipes.die_with_parent()  # a grader that hangs must not outlive an engine that was killed
    faulthandler.register(quoting.STACK_SIGNAL, all_threads=True)
    channel_in, channel_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a domain that prints must not break the frames
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    folder, data = Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None
    isolation = msgspec.json.decode(sys.argv[3], type=Isolation | None)
    kept = int(sys.argv[4])
    service: Service | None = None

    def write(frame: bytes) -> None:
        channel_out.write(frame)
        channel_out.flush()

    def say(text: str, waits_s: float) -> None:
        write(pipes.pack({"said": text, "waits_s": waits_s}))

    tell = Telling(lambda *work: write(pipes.pack({"work": work})))
    while (request := pipes.read(channel_in)) is not None:
        operation, arguments = request
        try:
            if service is None:
                service = Service(folder, data, isolation, say, kept, tell)
            frame = pipes.pack({"ok": getattr(service, operation)(*arguments)})
        except (DataMissing, DataInvalid) as error:
            frame = pipes.pack({"data": str(error).removesuffix(".")})
        except BaseException as error:  # a domain that ends by SystemExit says why, too
            frame = pipes.pack(
                {"error": quoting.describe(error, folder, quoted=quoting.may_be_quoted(operation, arguments))}
            )
        write(frame)


if __name__ == "__main__":
    main()
