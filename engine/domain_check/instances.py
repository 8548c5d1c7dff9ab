"""Findings about the instances: are there enough, do splits overlap, can a harness see labels?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domains.contract import Spec, Split
from engine.domain_check.finding import Finding
from engine.grading.client import Grader
from engine.grading.labels.facts import Facts
from engine.grading.labels.near_duplicates import NearDuplicates
from engine.plain import plural
from engine.run.domain_session import Report

NEAR_DUPLICATES = 0.02
"""The share of a split that may be near-duplicates without a warning."""


def check_counts(counts: Mapping[str, int], facts: Facts, spec: Spec | None) -> Iterator[Finding]:
    """Whether the splits have what a run needs, and as many instances as `spec` expects."""
    problem = False
    for split, count in counts.items():
        if count == 0:
            problem = True
            lacking = "the gate decides on it" if split == "val" else "every run needs it"
            yield Finding(
                "instances",
                "fail",
                f"the split {split} has no instances",
                f"give it some: {'`sia test` reads it' if split == 'test' else lacking}",
            )
    if facts.unstable:
        problem = True
        yield Finding(
            "instances",
            "fail",
            f"{', '.join(facts.unstable)} differs when it is asked for again",
            "draw instances from a constant seed, and keep their order",
        )
    half = counts["train"] // 2
    if not problem and spec and max(spec.train_sample, spec.probe_fold) > half and half:
        yield Finding(
            "instances",
            "warn",
            f"half of train is {plural(half, 'instance')}, fewer than the train_sample ({spec.train_sample}) or the "
            f"probe_fold ({spec.probe_fold}) of domain.toml",
            f"runs will take {half}; more instances in train make the search less dependent on chance",
        )
    elif not problem:
        found = ", ".join(f"{count} in {split}" for split, count in counts.items())
        yield Finding("instances", "pass", f"{found}; the same when asked for again")


def check_splits(facts: Facts) -> Iterator[Finding]:
    """Whether the splits are disjoint."""
    if facts.one_data and not facts.shared_ids:
        yield Finding(
            "splits", "pass", "all instances have the same data, as runs of one program have; no id is shared"
        )
        return
    if facts.shared_data:
        more = f" and {facts.shared_data_count - 1} more" if facts.shared_data_count > 1 else ""
        apart = f"; the domain reports test without them ({facts.reported})" if facts.reported else ""
        yield Finding(
            "splits",
            "pass" if apart else "fail",
            f"two splits hold the same data: {facts.shared_data[0]}{more}{apart}",
            "" if apart else "keep all copies of an instance in one split, or a harness knows some answers in advance",
        )
    if facts.shared_ids:
        yield Finding(
            "splits",
            "fail" if facts.shared_data else "warn",
            f"two splits use one id: {facts.shared_ids[0]}",
            "put the split's name into its ids",
        )
    if not facts.shared_data and not facts.shared_ids:
        yield Finding("splits", "pass", "no id and no data is in two splits")


async def check_near_duplicates(grader: Grader, report: Report) -> Finding:
    """How many instances of val and test have a near-duplicate in a split that a harness learns from."""
    found, measures = list[NearDuplicates](), dict[str, float]()
    pairs: list[tuple[Split, Split]] = [("val", "train"), ("test", "train"), ("test", "val")]
    for split, other in pairs:
        report(f"looking for near-duplicates of {split} in {other}")
        found.append(await grader.near_duplicates(split, other))
    counted, many = [], False
    for one in found:
        part = "" if one.compared == one.of else f" compared, of {one.of}"
        counted.append(f"{one.found} of {one.compared}{part} in {one.split} have one in {one.other}")
        measures |= {f"{one.split} in {one.other}": one.found, f"{one.split} compared with {one.other}": one.compared}
        many |= one.found > NEAR_DUPLICATES * one.compared
    examples = "; ".join(name for one in found for name in one.examples[:2])
    sentence = ", ".join(counted) + (f" ({examples})" if examples else "")
    if not many:
        return Finding("near-duplicates", "pass", sentence, measures=measures)
    remedy = "keep near-duplicates in one split, or report those of test as a subset of their own"
    return Finding("near-duplicates", "warn", sentence, remedy, measures)


def check_labels(facts: Facts) -> Iterator[Finding]:
    """Whether a harness can see the labels that it has to predict."""
    for leak in facts.leaks:
        if leak.exact or leak.where == "id":
            yield Finding(
                "labels",
                "fail",
                f"{leak.where} reveals the label in {leak.share:.0%} of the instances, and a harness reads it",
                "leave it out of what a harness sees: only `label` stays with the grader",
            )
        else:
            yield Finding(
                "labels",
                "warn",
                f"the text of {leak.where} contains the label in {leak.share:.0%} of the instances",
                "fine if answers are to be found in a text; else remove them",
            )
    for file in facts.in_harness:
        yield Finding(
            "labels",
            "fail",
            f"the seed harness contains what only val and test contain: {file}",
            "remove it from harness/: a harness learns only through ctx.train()",
        )
    for file in facts.in_given:
        yield Finding(
            "labels",
            "fail",
            f"given/ tells the labels of val or test, and a harness reads it: {file}",
            "take them out of given/: a harness learns through ctx.train() alone",
        )
    if not facts.leaks and not facts.in_harness and not facts.in_given:
        yield Finding("labels", "pass", "no label is in ids, in data or in the seed harness")
