"""Payloads in the log: old ones are converted, unknown ones are refused with a sentence."""

from __future__ import annotations

import math

import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.events.codec import NotRecordable, decode, encode
from engine.events.types.base import event


def test_stored_bytes_are_canonical() -> None:
    one = t.BaselineMeasured({"b": t.Score(1.0, 0.0, 1), "a": t.Score(0.5, 0.25, 2)}, 2.0)
    assert encode(one) == (
        b'{"scores":{"a":{"score":0.5,"se":0.25,"n":2},"b":{"score":1.0,"se":0.0,"n":1}},"wall_s":2.0}'
    )


def test_defaults_are_left_out_so_that_a_new_field_changes_no_old_hash() -> None:
    assert encode(t.RunForked("x", "parent", 3)) == b'{"name":"x","parent":"parent","at":3}'


@pytest.mark.parametrize(
    ("kind", "version", "stored", "says"),
    [
        ("run.dreamt", 1, b"{}", "does not know"),
        ("run.paused", 2, b'{"by":"me"}', "upgrade sia"),
        ("run.paused", 0, b'{"by":"me"}', "cannot be read"),
        ("run.paused", 1, b'{"by":3}', "cannot be read"),
        ("run.paused", 1, b'{"by":', "cannot be read"),
        ("run.paused", 1, b'{"by":"\xff"}', "cannot be read"),
        ("run.paused", 1, b"[]", "cannot be read"),
        ("run.paused", 0, b"7", "cannot be read"),
        ("run.paused", 1, b'{"by":' + b"[" * 100_000, "cannot be read"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(kind: str, version: int, stored: bytes, says: str) -> None:
    with pytest.raises(SiaError, match=says):
        decode(kind, version, stored)


@pytest.mark.parametrize(
    "payload",
    [
        t.TrainingProgress(1, {"loss": math.nan}),
        t.ModelRetried("task", "m", "val/1", 0, 1, math.inf, "busy"),
        t.RunPaused("half of a pair: \ud83d"),
        t.RunPaused(3),  # type: ignore[arg-type]
    ],
)
def test_what_could_not_be_read_back_is_not_recorded(payload: t.Payload) -> None:
    with pytest.raises(NotRecordable, match="cannot be recorded"):
        encode(payload)


def test_a_measure_that_an_earlier_release_wrote_as_null_is_left_out() -> None:
    stored = b'{"step":1,"values":{"loss":null,"reward":0.5}}'
    assert decode("training.progress", 1, stored) == t.TrainingProgress(1, {"reward": 0.5})


def test_an_old_payload_is_lifted_version_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(t.RunPaused, "version", 3)
    lifts = {
        ("run.paused", 1): lambda raw: {"who": raw["person"]},
        ("run.paused", 2): lambda raw: {"by": raw["who"].title()},
    }
    assert decode("run.paused", 1, b'{"person":"ada"}', lifts) == t.RunPaused("Ada")
    assert decode("run.paused", 2, b'{"who":"ada"}', lifts) == t.RunPaused("Ada")
    assert decode("run.paused", 3, b'{"by":"ada"}', lifts) == t.RunPaused("ada")


def test_every_payload_type_is_registered_under_its_own_name() -> None:
    assert {kind.type for kind in t.Payload.__subclasses__()} == {*t.PAYLOADS, t.Unread.type}


def test_a_name_stands_for_one_type() -> None:
    with pytest.raises(TypeError, match=r"run\.paused"):
        event("run.paused")(t.RunStopped)
    assert t.PAYLOADS["run.paused"] is t.RunPaused
    assert t.RunStopped.type == "run.stopped"
