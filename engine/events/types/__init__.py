"""The events of a run. Everything that a screen, a report or a replay shows is folded from these.

A payload never holds instance text, and for `val` and `test` no label: ids, answers and scores only. Long or
foreign text (logs, harness files, answers) lies in blobs and is named by its SHA-256.

One file per idea; each event type is registered where it is defined. Imports `engine.failure` and `engine.usage`. Never
in it: what is made of an event.
"""

from engine.events.types.base import PAYLOADS, Payload, Unread
from engine.events.types.client import ClientFinished, Login
from engine.events.types.decision import (
    AccountRead,
    AnalysisFinished,
    Answer,
    ApprovalAsked,
    ApprovalGiven,
    Candidate,
    GateDecided,
    GateLooked,
    GenerationFinished,
    GenerationStarted,
    HarnessWritten,
    ImprovementFailed,
    Look,
)
from engine.events.types.execution import (
    BLOB,
    BaselineMeasured,
    ExecutionFinished,
    HarnessPrepared,
    InstanceFinished,
    PrivateCheck,
    ProbeFinished,
    Score,
    Stopped,
)
from engine.events.types.model import ContextCompacted, ModelCalled, ModelRetried, ModelRole, ModelWasted, ToolCalled
from engine.events.types.run import (
    BudgetExhausted,
    BudgetWarned,
    Known,
    LossAccepted,
    RunFailed,
    RunFinished,
    RunForked,
    RunHinted,
    RunNoted,
    RunPaused,
    RunRelinked,
    RunRenamed,
    RunResumed,
    RunStarted,
    RunStopped,
)
from engine.events.types.settings import (
    AGENT_MINUTES,
    AGENT_TOKENS,
    Approve,
    Budget,
    DomainRef,
    Gate,
    Lever,
    LeverPolicy,
    Settings,
    Trainer,
)
from engine.events.types.step import StepAbandoned, StepFailed, StepKind, StepStarted
from engine.events.types.talk import RunTalked
from engine.events.types.test import Subset, TestUnsealed
from engine.events.types.training import TrainingCheckpointed, TrainingProgress, WeightsTrained
from engine.failure import Failure, FailureKind
from engine.usage import Usage

__all__ = [
    "AGENT_MINUTES",
    "AGENT_TOKENS",
    "BLOB",
    "PAYLOADS",
    "AccountRead",
    "AnalysisFinished",
    "Answer",
    "ApprovalAsked",
    "ApprovalGiven",
    "Approve",
    "BaselineMeasured",
    "Budget",
    "BudgetExhausted",
    "BudgetWarned",
    "Candidate",
    "ClientFinished",
    "ContextCompacted",
    "DomainRef",
    "ExecutionFinished",
    "Failure",
    "FailureKind",
    "Gate",
    "GateDecided",
    "GateLooked",
    "GenerationFinished",
    "GenerationStarted",
    "HarnessPrepared",
    "HarnessWritten",
    "ImprovementFailed",
    "InstanceFinished",
    "Known",
    "Lever",
    "LeverPolicy",
    "Login",
    "Look",
    "LossAccepted",
    "ModelCalled",
    "ModelRetried",
    "ModelRole",
    "ModelWasted",
    "Payload",
    "PrivateCheck",
    "ProbeFinished",
    "RunFailed",
    "RunFinished",
    "RunForked",
    "RunHinted",
    "RunNoted",
    "RunPaused",
    "RunRelinked",
    "RunRenamed",
    "RunResumed",
    "RunStarted",
    "RunStopped",
    "RunTalked",
    "Score",
    "Settings",
    "StepAbandoned",
    "StepFailed",
    "StepKind",
    "StepStarted",
    "Stopped",
    "Subset",
    "TestUnsealed",
    "ToolCalled",
    "Trainer",
    "TrainingCheckpointed",
    "TrainingProgress",
    "Unread",
    "Usage",
    "WeightsTrained",
]
