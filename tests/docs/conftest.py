"""The documentation is tried out without downloading 93 MB: tests/unit/models and tests/local do that in earnest."""

from __future__ import annotations

import pytest

from engine.models.files import smollm2


@pytest.fixture(autouse=True)
def _nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "fetch", lambda _: smollm2.path())
