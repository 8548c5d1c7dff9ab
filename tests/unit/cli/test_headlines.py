"""A line about a step names it as the screen and the progress do."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.events import types as t
from engine.events.codec import encode
from engine.events.event import Event
from engine.failure import Failure
from sia_tui.cli import headlines
from sia_tui.cli.formats import STEP_NAMES


@pytest.mark.parametrize("kind", get_args(t.StepKind))
def test_a_step_that_came_to_nothing_has_the_name_that_users_read(kind: t.StepKind) -> None:
    for payload in (t.StepFailed(kind, 1, Failure("model", "it is away")), t.StepAbandoned(kind, 1, "a pause", 3)):
        event = Event(1, "r1", 1, payload.type, payload.version, 0, 1, encode(payload), "", "")
        assert f": {STEP_NAMES[kind]} " in str(headlines.headline(event, payload))
