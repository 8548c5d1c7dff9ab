"""Findings about shortcuts: what does a predictor score that sees only the id, the order, the length or the neighbour?

Each predictor is fitted on train's labels, answers a sample of val, and is scored by the domain's own grader beside the
constant answer that train suggests (Geirhos et al., "Shortcut learning in deep neural networks", 2020).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from domains.contract import Instance
from engine.core.gate import mean, p_value
from engine.domain_check import surface
from engine.domain_check.assessor import Assessor, GraderUnusable
from engine.domain_check.finding import Finding
from engine.events.types import Score
from engine.grading.labels.near_duplicates import NEAR, nearest, text
from engine.plain import with_error
from engine.run.domain_session import Report
from engine.seeds import sample

if TYPE_CHECKING:
    import numpy as np

TRAIN_MOST, VAL_MOST = 5_000, 400
PATIENCE_S = 60.0
CHANCE = 0.002
"""A sound domain gets a false warning from one of the four predictors in less than one check of a hundred."""
FEWEST = 10
TREES = 50

Kind = Literal["classes", "numbers", "others"]
_REMEDY = {
    "id": "give instances ids without meaning (a hash, or numbers after a shuffle)",
    "order": "shuffle the instances of each split with a constant seed",
    "length": "balance the lengths of instances across labels, or say in task.md that length counts",
    "neighbour": "keep near-duplicates in one split",
}
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Labels(msgspec.Struct, frozen=True):
    """Train's labels as answers: `constant` is the best one that ignores the instance."""

    kind: Kind
    values: list[Any]
    constant: Any


async def check_shortcuts(assessor: Assessor, report: Report) -> AsyncIterator[Finding]:
    """A finding for each predictor, or one that says why none applies. Raises `GraderUnusable`."""
    grader = assessor.grader
    train, val = await grader.instances("train"), await grader.instances("val")
    if why := await _inapplicable(assessor, train, val):
        yield Finding("shortcuts", "pass", f"predictors by id, order, length and neighbour do not apply: {why}")
        return
    places = {split: _choose(items, most) for split, items, most in (("t", train, TRAIN_MOST), ("v", val, VAL_MOST))}
    labels = read_labels([train[at].label for at in places["t"]])
    answers: dict[str, list[Any]] = {"constant": [labels.constant] * len(places["v"])}
    for seen, features in surface.FEATURES.items():
        if labels.kind == "others":
            break
        report(f"fitting a predictor that sees only the {seen}")
        rows = [features(items)[chosen] for items, chosen in ((train, places["t"]), (val, places["v"]))]
        answers[seen] = predict(labels, *rows)
    report("looking for the nearest neighbours in train")
    found = list(
        nearest([text(val[at].data) for at in places["v"]], [text(train[at].data) for at in places["t"]], PATIENCE_S)
    )
    copied = [labels.values[one.other] if one.similarity > 0 else labels.constant for one in found]
    rest = [labels.constant] * (len(places["v"]) - len(found))
    near = [one.similarity >= NEAR for one in found]
    answers["neighbour"] = copied + rest
    answers["duplicate"] = [one if close else labels.constant for one, close in zip(copied, near, strict=True)] + rest
    report("grading the predictors' answers")
    scores = await _grade(assessor, [val[at] for at in places["v"]], answers)
    for finding in judge(scores, labels, sum(near[: len(scores["constant"])])):
        yield finding


async def _inapplicable(assessor: Assessor, train: Sequence[Instance], val: Sequence[Instance]) -> str:
    """Why no predictor applies; empty if they do."""
    if any(item.label is None for item in train):
        return "instances of train have no labels"
    if min(len(train), len(val)) < FEWEST:
        return f"train and val need {FEWEST} instances each"
    if assessor.judge is not None:
        return "a language model grades, and each answer costs money"
    if len({_encode(item.label) for item in train}) == 1:
        return "all labels of train are equal"
    places = [("train", train[at].id) for at in _choose(train, FEWEST)]
    try:
        right = [await assessor.reference(place) for place in places]  # type: ignore[arg-type]
        nothing = [await assessor.score(place, None, "nothing") for place in places]  # type: ignore[arg-type]
    except GraderUnusable:
        return "labels of train cannot be graded as answers"
    return "" if sum(right) > sum(nothing) else "labels of train, as answers, score no more than no answer does"


def _choose(items: Sequence[Instance], most: int) -> list[int]:
    """Positions of at most `most` instances, always the same ones."""
    chosen = set(sample((item.id for item in items), most, 1, "shortcuts"))
    return [at for at, item in enumerate(items) if item.id in chosen]


def read_labels(values: list[Any]) -> Labels:
    """The labels as classes if most occur again, as numbers if all are numbers, else as neither."""
    keys = [_encode(value) for value in values]
    counts = Counter(keys)
    ((most, _),) = counts.most_common(1)
    constant = values[keys.index(most)]
    if len(counts) <= len(values) / 4:
        return Labels("classes", values, constant)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return Labels("numbers", values, sorted(values)[len(values) // 2])
    return Labels("others", values, constant)


def predict(labels: Labels, train: np.ndarray, val: np.ndarray) -> list[Any]:
    """The answers of a random forest that sees these features, one row an instance."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    # of few features all are tried at each branch, as most may be constant
    share = 0.3 if train.shape[1] > 20 else 1.0
    settings: dict[str, Any] = {"n_estimators": TREES, "min_samples_leaf": 2, "max_features": share}
    settings |= {"random_state": 0, "n_jobs": 1}
    if labels.kind == "numbers":
        guessed = RandomForestRegressor(**settings).fit(train, labels.values).predict(val)
        whole = all(isinstance(value, int) for value in labels.values)
        return [round(value) if whole else float(value) for value in guessed]
    known: dict[bytes, int] = {}
    classes = [known.setdefault(_encode(value), len(known)) for value in labels.values]
    by_class = dict(zip(classes, labels.values, strict=True))
    return [by_class[int(one)] for one in RandomForestClassifier(**settings).fit(train, classes).predict(val)]


async def _grade(
    assessor: Assessor, val: Sequence[Instance], answers: Mapping[str, Sequence[Any]]
) -> dict[str, list[float]]:
    """The scores by predictor on the same instances, as many as `PATIENCE_S` allows; equal answers are graded once."""
    found: dict[str, list[float]] = {name: [] for name in answers}
    until = time.monotonic() + PATIENCE_S
    for at, item in enumerate(val):
        known: dict[bytes, float] = {}
        for name, given in answers.items():
            key = _encode(given[at])
            if key not in known:
                known[key] = await assessor.score(("val", item.id), given[at], f"the answer of the {name}")
            found[name].append(known[key])
        if time.monotonic() > until:
            break
    return found


def judge(scores: Mapping[str, Sequence[float]], labels: Labels, near: int) -> Iterator[Finding]:
    """The findings. A predictor that beats the constant answer by more than chance is a failure or a warning."""
    constant = scores["constant"]
    base, n = mean(constant), len(constant)
    for seen in (*surface.FEATURES, "neighbour"):
        if seen not in scores:
            sentence = "does not apply: labels of train are neither numbers nor classes of several instances"
            yield Finding(f"{seen} alone", "pass", sentence)
            continue
        # a distant neighbour is a method like others: only a near-duplicate is a shortcut
        counted = scores["duplicate" if seen == "neighbour" else seen]
        beats = p_value([a - b for a, b in zip(counted, constant, strict=True)]) < CHANCE
        reached, measures = mean(scores[seen]), dict[str, float]()
        sentence = f"a predictor that sees only the {seen} scores {_shown(reached)}"
        if seen == "neighbour":
            sentence = f"copying the label of the nearest instance of train scores {_shown(reached)}"
            sentence += f", of near-duplicates alone ({near} of {n}) {_shown(mean(counted))}"
            measures = {"near_duplicates": near, "near_duplicates_score": mean(counted).score}
        sentence += f"; always {str(labels.constant)[:40]!r} {_shown(base)}"
        measures |= {"score": reached.score, "se": reached.se, "constant": base.score, "constant_se": base.se, "n": n}
        if beats:
            status: Literal["fail", "warn"] = "fail" if seen in ("id", "order") else "warn"
            yield Finding(f"{seen} alone", status, f"{sentence}: more than chance", _REMEDY[seen], measures)
        else:
            yield Finding(f"{seen} alone", "pass", sentence, measures=measures)


def _shown(score: Score) -> str:
    return with_error(score.score, score.se, score.n)
