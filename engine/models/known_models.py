"""What vendors' models can do and cost, by name; `[models]` and `[prices]` in sia.toml overrule it.

Of November 2026. Abilities hold for all names that begin with a row's, and the longest one counts; prices hold for the
name itself and its dated forms. Sources: platform.claude.com/docs/en/about-claude/models and /pricing (five-minute
caches, prompts of any length), .../models/sonnet-5-5/migration-guide and .../opus-5-5/migration-guide (refusals),
.../build-with-claude/context-windows and /effort; developers.openai.com/api/docs/guides/reasoning and, for windows,
docs.oxen.ai/inference-api/reference/models/gpt-5-5-2026-04-23; for tools while reasoning, github.com/BerriAI/litellm
pull request 34569 (2026-07-24). Without a price are claude-haiku-5-5, whose prompts of more than 100,000 tokens cost
five times as much, and OpenAI's models, many of which have such tiers.

A model that is not here is asked with everything, and what it refuses is left out from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from engine.user_settings import ModelFacts

Wire = Literal["messages", "chat", "responses"]


class Known(NamedTuple):
    """A model: whether it can be made to call a tool, and takes sampling parameters.

    `wire` is the API by which it uses tools, `output` the most tokens of a reply, thinking included. `window` is how
    many tokens prompt and reply have together, 0 where that is not known. `effort` is what it is asked to spend on
    thinking, empty for the vendor's default. `price` has the fields of `engine.user_settings.Price`.
    """

    name: str
    forces: bool = True
    samples: bool = True
    wire: Wire = "chat"
    output: int = 1 << 20
    price: dict[str, float] | None = None
    window: int = 0
    effort: str = ""


_LONG = ("sonnet-4-6", "opus-4-6", "opus-4-7", "opus-4-8", "sonnet-5", "opus-5", "fable-5", "haiku-5")
"""Claude models with a window of a million tokens; all others have 200,000."""


def _claude(
    name: str, output: int, price: dict[str, float] | None = None, *, forces: bool = False, samples: bool = False
) -> Known:
    window = 1_000_000 if name.startswith(_LONG) else 200_000
    return Known(f"claude-{name}", forces, samples, "messages", output, price, window)


_SONNET_4 = {"input": 3.0, "output": 15.0, "cache_read": 0.30, "cache_write": 3.75}
_OPUS = {"input": 5.0, "output": 25.0, "cache_read": 0.50, "cache_write": 6.25}
MODELS = (
    _claude("", 128_000),
    _claude("3", 64_000, forces=True),
    _claude("sonnet-4", 64_000, forces=True, samples=True),
    _claude("sonnet-4-5", 64_000, _SONNET_4, forces=True, samples=True),
    _claude("sonnet-4-6", 64_000, _SONNET_4, forces=True, samples=True),
    _claude("sonnet-5", 128_000, {"input": 2.0, "output": 10.0, "cache_read": 0.20, "cache_write": 2.50}),
    _claude("sonnet-5-5", 128_000, {"input": 2.0, "output": 10.0, "cache_read": 0.10, "cache_write": 2.50}),
    _claude("haiku-4", 64_000, forces=True, samples=True),
    _claude("haiku-4-5", 64_000, {"input": 1.0, "output": 5.0, "cache_read": 0.10, "cache_write": 1.25}, forces=True,
            samples=True),
    _claude("opus-4", 32_000, forces=True),
    _claude("opus-4-5", 64_000, _OPUS, forces=True, samples=True),
    _claude("opus-4-6", 128_000, _OPUS, forces=True, samples=True),
    _claude("opus-4-7", 128_000, _OPUS, forces=True),
    _claude("opus-4-8", 128_000, _OPUS, forces=True),
    _claude("opus-5", 128_000, _OPUS),
    _claude("opus-5-5", 128_000, {"input": 4.0, "output": 20.0, "cache_read": 0.20, "cache_write": 5.0}),
    _claude("haiku-5-5", 128_000),
    _claude("fable-5", 128_000),
    Known("o1", samples=False, window=200_000),
    Known("o3", samples=False, window=200_000),
    Known("o4", samples=False, window=200_000),
    Known("gpt-5", samples=False, output=128_000, window=400_000),
    Known("gpt-5.4", samples=False, wire="responses", output=128_000, window=1_050_000),
    Known("gpt-5.5", samples=False, wire="responses", output=128_000, window=1_050_000),
    Known("gpt-5.6", samples=False, wire="responses", output=128_000, window=1_050_000),
    Known("gpt-6", samples=False, wire="responses"),
)  # fmt: skip
_UNKNOWN = Known("")


def known(weights: str, own: ModelFacts | None = None) -> Known:
    """What the model can do, as far as it is known; `own` is what the user's settings say of it."""
    found = max(
        (one for one in MODELS if weights.startswith(one.name)), key=lambda one: len(one.name), default=_UNKNOWN
    )
    return found if own is None else found._replace(**own.model_dump(exclude_none=True))
