"""The service of one cell with a model: it replies as the model, scores programs, and counts both for all alike."""

from benchmarks.arena.service.account import Account
from benchmarks.arena.service.server import Service

__all__ = ["Account", "Service"]
