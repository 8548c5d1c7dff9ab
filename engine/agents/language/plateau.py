"""What changes on a plateau: after `PATIENCE` rejected candidates in a row another approach is asked for by rule.

An agent that refines what failed spends the run's error on more of the same. After twice as many rejections the only
lever that is offered is training, where the model can be trained and was not since the last acceptance.
"""

from __future__ import annotations

from engine.agents.protocol import View
from engine.plain import plural

PATIENCE = 3


def rejected(view: View) -> int:
    """How many candidates have been rejected since the last that was accepted."""
    count = 0
    for past in reversed(view.past):
        if past.accepted:
            break
        count += 1
    return count


def instruction(view: View, *, briefly: bool = False) -> str:
    """What the agent is told in addition; empty where the run makes progress."""
    count = rejected(view)
    if count < PATIENCE:
        return ""
    none = f"None of the last {plural(count, 'candidate')} was accepted"
    if briefly:
        return f"{none}: take an approach that none of them took, such as another method or structure."
    return (
        f"{none}. Do not refine what they changed. Take an "
        "approach that none of them took: another method, another use of the training cases, another structure of the "
        "program."
    )


def only_training(view: View) -> bool:
    """Whether training is the only lever that is offered, if it can be used at all."""
    count = rejected(view)
    return count >= 2 * PATIENCE and all(past.lever != "weights" for past in view.past[-count:])


def note(view: View, *, trainable: bool) -> str:
    """What the Analysis says of it, before its findings; empty where the run makes progress."""
    if not instruction(view):
        return ""
    lever = " by the other lever" if trainable and only_training(view) else ""
    return f"(After {rejected(view)} rejected candidates another approach{lever} was asked for.) "
