"""The report on a run as data: the same for the terminal, the app and `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.agents.archive import Archive, sentence
from engine.core import budget, power
from engine.core.account import Account
from engine.core.decide import standing
from engine.core.state import Generation, State
from engine.evaluation.answer_codec import unpack
from engine.events import types as t
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.queries import present_val, score_course
from engine.queries.cut_replies import Replies
from engine.queries.optimism import optimism


def show(
    state: State,
    status: str,
    readings: int = 0,
    account: Account | None = None,
    cut: Mapping[int, Replies] | None = None,
    archive: Archive | None = None,
    slices: Archive | None = None,
) -> dict[str, Any]:
    """The shape that `sia show --json` promises (docs/json.md).

    `readings` of the domain's test are known here, and so is the lineage's `account`; else the run's own history says.
    `cut` are the generations whose task model's replies were cut, and `archive` and `slices` say who is best on which
    instances and slices of `val`.
    """
    cut = cut or {}
    return {
        "run": state.run,
        "name": state.name,
        "domain": state.domain.name,
        "title": state.domain.title,
        "metric": state.domain.metric,
        "status": status,
        "reason": standing(state),
        "notes": list(state.notes),
        "hints": [{"text": hint.text, "by": hint.by} for hint in state.hints],
        "notebook": state.notebook or None,
        "parent": state.parent,
        "seed": state.settings.seed,
        "lever": state.settings.lever,
        "agent": state.settings.agent,
        "agent_model": state.settings.agent_model or None,
        "model": state.settings.model or None,
        "judge": state.settings.judge or None,
        "isolation": state.isolation.get("level"),
        "baselines": _scores(state.baseline.scores, state.baseline.private) if state.baseline else None,
        "generations": [_generation(state, one, cut.get(one.n)) for one in state.generations],
        "best": _best(state),
        "archive": _archive(archive, slices) if archive and archive.leaders else None,
        "account": account_of(state, account or state.account),
        "detectable": msgspec.to_builtins(power.detectable(state, account or state.account)),
        "awaiting": state.awaiting,
        "in_doubt": state.open_step.kind if state.open_step and status != "running" else None,
        "budget": {name: {"spent": now, "cap": cap} for name, (now, cap) in budget.spending(state).items()},
        "cost": msgspec.to_builtins(state.spent),
        "unsealed": max(state.unsealed, readings),
        "test": test_report(state.tested) if state.tested else None,
        "head": {"n": state.n, "hash": state.hash},
    }


def _generation(state: State, one: Generation, cut: Replies | None) -> dict[str, Any]:
    return {
        "n": one.n,
        "lever": one.candidate.lever,
        "harness": one.candidate.harness,
        "weights": one.candidate.weights,
        "val": _val(one),
        "val_number": state.rotation.number(one.n),
        "train": _plain(one.execution.scores["train"]) if one.execution and "train" in one.execution.scores else None,
        "private": _private(one.execution.private) if one.execution else None,
        "accepted": one.verdict.accepted if one.verdict else None,
        "refused": score_course.outcome(state, one) == "refused",
        "reason": one.verdict.reason if one.verdict else None,
        "beyond": one.verdict.beyond if one.verdict else False,
        "looks": msgspec.to_builtins(one.verdict.looks) if one.verdict else [],
        "held": state.why_held(one.n) or None,
        "failures": one.execution.failures if one.execution else {},
        "replies_cut": msgspec.to_builtins(cut),
        "decision": _decision(state, one),
    }


def _archive(found: Archive, slices: Archive | None) -> dict[str, Any]:
    return {
        "instances": {instance: list(winners) for instance, winners in found.leaders.items()},
        "members": [
            {"generation": one.candidate, "best": len(one.best), "ahead": len(one.ahead)} for one in found.members
        ],
        "behind": len(found.behind),
        "slices": {name: list(winners) for name, winners in slices.leaders.items()} if slices else {},
        "sentence": sentence(found) or None,
    }


def account_of(state: State, account: Account) -> dict[str, Any] | None:
    """Where the account of a lineage stands, as `account.sentence` takes it; None under rules that have none."""
    gate, val = state.settings.gate, state.domain.counts.get("val", 0) * present_val.number(state)
    instances = val + budget.reserve_of(state)
    facts = {"judged": account.judged, "instances": instances, "error": gate.run_alpha, "left": account.left(gate)}
    return facts if state.rules >= 4 else None


def _decision(state: State, one: Generation) -> dict[str, Any] | None:
    """The Analysis that led to this candidate, with the expected gain and the actual one."""
    analysis = state.of(one.n - 1).analysis if one.n > 1 else None
    if analysis is None:
        return None
    facts = {name: getattr(analysis, name) for name in ("findings", "reason", "evidence")}
    facts["expected_gain"] = analysis.expected_of(state.versions.get(one.n))
    return {**facts, "cost": analysis.cost_estimate, "gain": one.verdict.difference if one.verdict else None}


def _val(one: Generation) -> dict[str, Any] | None:
    score = one.execution.scores.get("val") if one.execution else None
    return None if score is None or one.execution is None else {**_plain(score), **_honest(one.execution.private)}


def _present(state: State, best: Generation) -> dict[str, Any] | None:
    """The best candidate's score on the present `val`: where that is fresh, from its Execution beside another."""
    if state.rotation.number(best.n) == present_val.number(state):
        return _val(best)
    score = present_val.score(state)
    return None if score is None else {**_plain(score), **_honest(None)}


def _honest(check: t.PrivateCheck | None) -> dict[str, float | None]:
    return {
        "honest": check.honest.score if check and check.honest else None,
        "honest_floor": check.floor.score if check and check.floor else None,
    }


def _private(check: t.PrivateCheck | None) -> dict[str, Any] | None:
    """The private check in full: only persons see the gap between the two scores."""
    if check is None:
        return None
    measures = {name: score.score for name, score in check.measures.items()}
    return {"passed": check.passed, "refused": check.refused, "measures": measures}


def _plain(score: t.Score) -> dict[str, Any]:
    return {"score": score.score, "se": score.se, "n": score.n}


def _scores(scores: dict[str, t.Score], private: dict[str, t.PrivateCheck]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            **_plain(score),
            "honest": _honest(check)["honest"],
            "refused": sorted(check.refused) if check else [],
        }
        for name, score in scores.items()
        for check in [private.get(name)]
    ]


def _best(state: State) -> dict[str, Any] | None:
    if state.incumbent is None:
        return None
    one = state.of(state.incumbent)
    return {
        "generation": one.n,
        "harness": one.candidate.harness,
        "weights": one.candidate.weights,
        "val": _present(state, one),
        "val_number": present_val.number(state),
        "optimism": optimism(state),
    }


def test_report(test: t.TestUnsealed) -> dict[str, Any]:
    """The shape that `sia test --json` promises."""
    return {
        **_plain(test.score),
        **_honest(test.private),
        "private": _private(test.private),
        "macro": test.macro,
        "subsets": [msgspec.to_builtins(subset) for subset in test.subsets],
        "baselines": _scores(test.baselines, test.private_of_baselines),
        "failures": test.failures,
        "unsealed_before": test.unsealed_before if test.readings is None else len(test.readings),
        "disturbed": test.disturbed,
    }


def trajectory(reader: Reader, run: str, instance: str) -> list[dict[str, Any]]:
    """The results of a run's candidates on `instance`, by generation; empty where it was never executed."""
    return [
        {
            "n": event.n,
            "generation": event.generation,
            "split": result.split,
            "repeat": result.repeat,
            "harness": result.harness,
            "answer": unpack(result.answer, reader.blob),
            "score": result.score,
            "detail": result.detail,
            "refused": result.refused,
            "disturbed": result.disturbed,
            "failure": msgspec.to_builtins(result.failure),
            "cpu_s": result.cpu_s,
            "wall_s": result.wall_s,
            "reused": result.reused,
            "log": _log(reader, result.log),
        }
        for event in reader.results_of(run, instance)
        if isinstance(result := event.payload, t.InstanceFinished)
    ]


def _log(reader: Reader, name: str) -> str:
    try:
        return reader.blob(name).decode("utf-8", "replace") if name else ""
    except blobs.LeftOut:
        return "(left out when this run was exported)"
