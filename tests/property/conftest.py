"""No property has a deadline: on a busy machine an example may take longer for no fault of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("sia", deadline=None)
settings.load_profile("sia")
