"""The settings of a run as the fields of a form: the common ones first, with their types, units and choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from sia_tui.app.screens.form_field import FormField

if TYPE_CHECKING:
    from engine.events import types as t
    from engine.user_settings import BudgetSettings

COMMON = (
    "name", "generations", "agent", "agent_model", "model", "approve", "lever",
    "budget.minutes", "budget.usd", "budget.evaluations", "budget.tokens", "seed",
)  # fmt: skip
"""What is changed most, in this order; the others follow by name."""
HINTS = {
    "name": "empty: given for you",
    "generations": "candidates to execute",
    "agent": "proposes the changes",
    "agent_model": "empty: the agent's own",
    "model": "language model of harnesses",
    "approve": "what needs your approval",
    "lever": "what may change",
    "trainer": "of weights",
    "seed": "of all random choices",
    "probes": "tries in an Improvement",
    "proposals": "for a candidate; language models",
    "tune": "probes of a proposal's numbers",
    "agent_tokens": "tokens for reading and trying",
    "agent_minutes": "minutes of a coding agent",
    "client_model": "empty: the coding agent's own",
    "reserve": "share of train, for second looks",
    "rotate": "generations of a val; 0: all",
    "data": "folder; empty: the domain's own",
    "gate.alpha": "error of one test",
    "gate.run_alpha": "error of the lineage",
    "gate.minimum_effect": "smallest gain that counts",
    "budget.minutes": "minutes of work",
    "budget.usd": "US dollars",
    "budget.evaluations": "evaluations",
    "budget.tokens": "tokens of language models",
}
"""Units, and what an empty value means."""
PATHS = ("data",)


def new_run_fields(values: dict[str, str], caps: BudgetSettings) -> list[FormField]:
    """The options of `sia run` with `values`, by the names of the options."""
    rest = ("probes", "proposals", "reserve", "rotate", "trainer", "agent_tokens", "agent_minutes", "data", "tune")
    return [_field(key, values.get(key, ""), caps)._replace(name=option(key)) for key in (*COMMON, *rest)]


def child_fields(settings: t.Settings, suggested: dict[str, str]) -> list[FormField]:
    """The settings that a branch or a fork may change, by the names that `--set` takes, and its name."""
    from engine.loop.fork import FIXED
    from engine.queries.settings_origin import flat

    found = {key: _text(value) for key, value in flat(settings).items() if key.split(".")[0] not in FIXED}
    keys = ["name", *sorted(found, key=lambda key: (COMMON.index(key) if key in COMMON else len(COMMON), key))]
    return [_field(key, found.get(key, ""))._replace(suggestion=suggested.get(key, "")) for key in keys]


def limit_fields(settings: t.Settings) -> list[FormField]:
    """The limits that a resume may change, by the names of its options."""
    found = {field.name: field for field in child_fields(settings, {})}
    keys = [key for key in COMMON if key == "generations" or key.startswith("budget.")]
    return [found[key]._replace(name=option(key)) for key in keys]


def option(key: str) -> str:
    """The name of the option that sets `key`."""
    return key.replace(".", "-").replace("_", "-")


def _field(key: str, value: str, caps: BudgetSettings | None = None) -> FormField:
    from engine.queries.settings_origin import types

    rule = {"reserve": float, "name": str, "data": str}.get(key) or types()[key]
    hint = HINTS.get(key, "")
    if key.startswith("budget."):
        cap = getattr(caps, key.removeprefix("budget."), None)
        hint += "; empty: no limit" if cap is None else f"; empty: {cap:g}, from your settings"
    choices = ("true", "false") if rule is bool else tuple(map(str, get_args(rule))) if _is_literal(rule) else ()
    return FormField(key, value, hint, choices=choices, known=_known(key), rule=rule, is_path=key in PATHS)


def _is_literal(rule: Any) -> bool:
    return all(isinstance(one, str) for one in get_args(rule)) and bool(get_args(rule))


def _known(key: str) -> tuple[str, ...]:
    if key != "agent":
        return ()
    from engine.agents.choice import LANGUAGE_MODELS
    from engine.clients.table import CLIENTS

    return ("search", *LANGUAGE_MODELS, *CLIENTS)


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
