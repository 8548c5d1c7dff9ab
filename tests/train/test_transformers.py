"""SmolLM2 in this process by transformers: seeded, scored, and with adapters. Run by `make test-train`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

import transformers

from engine.models.backends.transformers import Transformers
from engine.models.protocol import Message, PermanentError, Request, Tool

pytestmark = pytest.mark.train
T = TypeVar("T")
ASK = [Message("user", "Name a colour of the sky in one word.")]


@contextlib.asynccontextmanager
async def opened(folder: Path, adapters: Path | None = None) -> AsyncIterator[Transformers]:
    model = Transformers(folder, adapters=adapters)
    try:
        yield model
    finally:
        await model.close()


def using(folder: Path, do: Callable[[Transformers], Awaitable[T]], adapters: Path | None = None) -> T:
    async def go() -> T:
        async with opened(folder, adapters) as model:
            return await do(model)

    return asyncio.run(go())


def request(model: Any, **more: Any) -> Request:
    return Request(model.weights, ASK, **{"max_tokens": 8, **more})


def test_one_seed_gives_one_reply_whatever_was_asked_before(folder: Path) -> None:
    async def do(model: Transformers) -> None:
        first = await model.chat(request(model, temperature=1.0, seed=7))
        other = await model.chat(request(model, temperature=1.0, seed=8, top_p=0.9))
        assert other.text != first.text
        assert await model.chat(request(model, temperature=1.0, seed=7)) == first
        async with opened(folder) as again:
            assert again.weights == model.weights
            assert await again.chat(request(again, temperature=1.0, seed=7)) == first

    using(folder, do)


def test_tokens_are_those_of_the_tokenizer_and_their_log_probabilities_are_the_models(folder: Path) -> None:
    async def do(model: Transformers) -> None:
        pieces: list[str] = []
        reply = await model.chat(request(model), pieces.append)
        await asyncio.sleep(0)
        assert "".join(pieces) == reply.text
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        turns = [{"role": m.role, "content": m.text} for m in ASK]
        prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        assert list(reply.prompt_ids) == tokenizer(prompt, add_special_tokens=False)["input_ids"]
        assert (reply.usage.input, reply.usage.output) == (len(reply.prompt_ids), 8)
        assert tokenizer.decode([token.id for token in reply.tokens]) == reply.text
        (scored,) = (await model.score(prompt, [reply.text])).logprobs
        assert scored == pytest.approx(sum(token.logprob for token in reply.tokens), abs=1e-3)

    using(folder, do)


def test_a_choice_is_the_likeliest_and_drawn_by_the_seed(folder: Path) -> None:
    async def do(model: Transformers) -> None:
        choices = ["blue", "a limit of all things", "xylophone"]
        assert (await model.chat(request(model, choices=choices))).text == "blue"
        # At a high temperature every choice is drawn at some seed, and the same at the same seed.
        drawn = [(await model.chat(request(model, choices=choices, temperature=50.0, seed=s))).text for s in range(6)]
        assert len(set(drawn)) > 1
        again = await model.chat(request(model, choices=choices, temperature=50.0, seed=3))
        assert again.text == drawn[3]

    using(folder, do)


def test_an_adapter_is_swapped_in_and_out_without_loading_the_base_again(
    folder: Path, adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(model: Transformers) -> None:
        plain = await model.chat(request(model))
        (strong,) = (path.name for path in adapters.iterdir())

        def loaded(*_: object, **__: object) -> None:
            raise AssertionError("the base was loaded again")

        monkeypatch.setattr(transformers.PreTrainedModel, "from_pretrained", loaded)
        swapped = await model.chat(request(model, adapter=strong))
        assert swapped.text != plain.text
        assert await model.chat(request(model)) == plain
        assert await model.chat(request(model, adapter=strong)) == swapped
        with pytest.raises(PermanentError, match="no adapter"):
            await model.chat(request(model, adapter="b" * 64))

    using(folder, do, adapters)


def test_what_it_cannot_do_is_refused(folder: Path) -> None:
    async def do(model: Transformers) -> None:
        for more in ({"tools": [Tool("look", "Look.", {"type": "object"})]}, {"schema": {"type": "object"}}):
            with pytest.raises(PermanentError):
                await model.chat(request(model, **more))
        with pytest.raises(PermanentError, match="too long"):
            await model.chat(Request(model.weights, [Message("user", "word " * 9000)]))

    using(folder, do)


def test_it_agrees_with_llama_cpp_on_the_same_weights(shipped: Path, folder: Path) -> None:
    pytest.importorskip("llama_cpp", reason="needs the extra local, too")
    from engine.models.backends.llamacpp import LlamaCpp
    from engine.models.files.f16 import convert

    async def do(model: Transformers) -> None:
        other = LlamaCpp(convert(shipped))
        try:
            texts = [" blue", " clear", " the limit of all things"]
            ours, theirs = await model.score("The sky is", texts), await other.score("The sky is", texts)
            assert list(ours.logprobs) == pytest.approx(list(theirs.logprobs), abs=0.05)
            assert ours.usage == theirs.usage
            one, two = await model.chat(request(model)), await other.chat(request(other))
            assert one.prompt_ids == two.prompt_ids
        finally:
            await other.close()

    using(folder, do)
