"""What tests of the arena leave running is stopped: other tests look whether their own process has children."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_server_of_forks_left() -> Iterator[None]:
    """Stops the server that programs are forked from; the next use would start it anew."""
    yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]
