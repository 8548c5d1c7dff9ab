"""Runs a harness on instances in a sandbox, which limits what it can see, use and leave behind.

Imports the domain contract, the place of the cache, failure and errors. Never in it: a grade, a label, or trust in what
comes from inside.
"""

from engine.failure import Failure, FailureKind
from engine.sandbox.isolation import Isolation, Measure
from engine.sandbox.program import Broker, CallRefused, Job, NoBroker, Outcome, Preparation, Program
from engine.sandbox.sandbox import DiedError, Sandbox
from engine.sandbox.sandbox_process import StartError
from engine.sandbox.selftest.probe import probe
from engine.sandbox.session import Box, Session, Start, open_sandbox, run_harness
from engine.sandbox.temporary import remove, temporary_folder

__all__ = [
    "Box",
    "Broker",
    "CallRefused",
    "DiedError",
    "Failure",
    "FailureKind",
    "Isolation",
    "Job",
    "Measure",
    "NoBroker",
    "Outcome",
    "Preparation",
    "Program",
    "Sandbox",
    "Session",
    "Start",
    "StartError",
    "open_sandbox",
    "probe",
    "remove",
    "run_harness",
    "temporary_folder",
]
