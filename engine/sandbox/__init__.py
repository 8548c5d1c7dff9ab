"""Runs a harness over instances, contained: what it may see, use and leave behind is decided here.

Imports the domain contract and failures. Never in it: a grade, a label, or belief in what comes from inside.
"""

from engine.failure import Failure, FailureKind
from engine.sandbox.isolation import Isolation, Measure
from engine.sandbox.launch import StartError
from engine.sandbox.probe import probe
from engine.sandbox.program import Broker, CallRefused, Job, Outcome, Prepared, Program
from engine.sandbox.sandbox import DiedError, Sandbox
from engine.sandbox.session import Session, open_sandbox, run_harness

__all__ = [
    "Broker",
    "CallRefused",
    "DiedError",
    "Failure",
    "FailureKind",
    "Isolation",
    "Job",
    "Measure",
    "Outcome",
    "Prepared",
    "Program",
    "Sandbox",
    "Session",
    "StartError",
    "open_sandbox",
    "probe",
    "run_harness",
]
