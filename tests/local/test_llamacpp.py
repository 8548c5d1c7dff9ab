"""SmolLM2 in this process by llama.cpp: constrained, seeded, scored, and with adapters. Run by `make test-local`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from engine.models.protocol import Message, PermanentError, Request, Tool

pytest.importorskip("llama_cpp", reason="needs the extra local")
pytest.importorskip("gguf", reason="needs the extra local")

import gguf
import llama_cpp
import numpy as np

from engine.models.backends.llamacpp import LlamaCpp
from engine.models.files.f16 import convert
from engine.weights.adapters import keep

pytestmark = pytest.mark.local
T = TypeVar("T")
ASK = [Message("user", "Name a colour of the sky in one word.")]
SCHEMA = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}


@pytest.fixture(scope="session")
def file(shipped: Path) -> Path:
    return convert(shipped)


@pytest.fixture(scope="session")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One LoRA adapter, random and strong enough to change what is said."""
    folder, made = tmp_path_factory.mktemp("adapters"), tmp_path_factory.mktemp("made")
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(made / "adapter.gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    for name, rows, columns in [("attn_output", 576, 576), ("ffn_up", 1536, 576)]:
        for block in range(4):
            for part, shape in [("lora_a", (8, columns)), ("lora_b", (rows, 8))]:
                values = random.normal(0, 0.2, shape).astype(np.float32)
                writer.add_tensor(f"blk.{block}.{name}.weight.{part}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    keep(folder, made, base="hf:0", architecture="llama", lineage={})
    return folder


@contextlib.asynccontextmanager
async def opened(file: Path, adapters: Path | None = None) -> AsyncIterator[LlamaCpp]:
    model = LlamaCpp(file, adapters=adapters)
    try:
        yield model
    finally:
        await model.close()


def using(file: Path, do: Callable[[LlamaCpp], Awaitable[T]], adapters: Path | None = None) -> T:
    async def go() -> T:
        async with opened(file, adapters) as model:
            return await do(model)

    return asyncio.run(go())


def request(model: Any, **more: Any) -> Request:
    return Request(model.weights, ASK, **{"max_tokens": 16, **more})


def test_the_rewrite_holds_the_same_numbers_in_half_precision(shipped: Path, file: Path) -> None:
    before, after = gguf.GGUFReader(shipped), gguf.GGUFReader(file)
    assert {t.name: tuple(t.shape) for t in before.tensors} == {t.name: tuple(t.shape) for t in after.tensors}
    for old, new in list(zip(before.tensors, after.tensors, strict=True))[::40]:
        exact = gguf.quants.dequantize(old.data, old.tensor_type)
        assert np.allclose(exact, new.data.astype(np.float32), atol=1e-3, rtol=1e-3)
    assert convert(shipped) == file


def test_one_seed_gives_one_reply_whatever_was_asked_before(file: Path) -> None:
    async def do(model: LlamaCpp) -> None:
        first = await model.chat(request(model, temperature=1.0, seed=7))
        other = await model.chat(request(model, temperature=1.0, seed=8))
        greedy = await model.chat(request(model))
        assert other.text != first.text
        assert await model.chat(request(model, temperature=1.0, seed=7)) == first
        assert await model.chat(request(model)) == greedy
        async with opened(file) as again:
            assert await again.chat(request(again, temperature=1.0, seed=7)) == first

    using(file, do)


def test_tokens_are_those_of_the_prompt_and_of_the_reply(file: Path) -> None:
    async def do(model: LlamaCpp) -> None:
        pieces: list[str] = []
        reply = await model.chat(request(model), pieces.append)
        await asyncio.sleep(0)
        assert "".join(pieces) == reply.text
        assert (reply.finish, reply.usage.output) == ("length", 16)
        assert reply.usage.input == len(reply.prompt_ids)
        assert len(reply.tokens) == 16
        ids = [token.id for token in reply.tokens]
        text = model._llama.detokenize(ids).decode()
        assert text == reply.text
        # What the model said of each sampled token is what it says of them as a given continuation.
        prompt = model._llama.detokenize(list(reply.prompt_ids), special=True).decode()
        assert model.tokenize(prompt) == reply.prompt_ids
        (scored,) = (await model.score(prompt, [text])).logprobs
        assert scored == pytest.approx(sum(token.logprob for token in reply.tokens), abs=0.05)

    using(file, do)


def test_choices_and_schemas_bind_the_reply(file: Path) -> None:
    async def do(model: LlamaCpp) -> None:
        choices = ["blue", 'a "quoted" one', "naïve – ünïcode"]
        for seed in range(3):
            reply = await model.chat(request(model, choices=choices, temperature=1.5, seed=seed, max_tokens=32))
            assert reply.text in choices
        for only in choices:
            assert (await model.chat(request(model, choices=[only], max_tokens=32))).text == only
        reply = await model.chat(request(model, schema=SCHEMA, max_tokens=64))
        assert isinstance(json.loads(reply.text)["colour"], str)

    using(file, do)


def test_scores_are_log_probabilities_of_a_whole(file: Path) -> None:
    async def do(model: LlamaCpp) -> None:
        colours = [" blue", " clear", " the limit of all things"]
        whole = await model.score("The sky is", colours)
        assert all(value < 0 for value in whole.logprobs)
        assert whole.logprobs[0] > whole.logprobs[2]
        alone = [(await model.score("The sky is", [colour])).logprobs[0] for colour in colours]
        assert whole.logprobs == pytest.approx(alone, abs=1e-6)
        # A chain of conditional probabilities: of a b after p it is that of a after p and of b after p a.
        parts = (await model.score("The sky is", [" the"])).logprobs[0]
        parts += (await model.score("The sky is the", [" limit of all things"])).logprobs[0]
        assert whole.logprobs[2] == pytest.approx(parts, abs=0.02)
        assert math.isclose((await model.score("x", [""])).logprobs[0], 0.0)

    using(file, do)


def test_an_adapter_is_swapped_in_and_out_without_loading_the_base_again(
    file: Path, adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(model: LlamaCpp) -> None:
        plain = await model.chat(request(model))
        (loud,) = (path.name for path in adapters.iterdir())

        def loaded(*_: object) -> None:
            raise AssertionError("the base was loaded again")

        monkeypatch.setattr(llama_cpp.llama_cpp, "llama_model_load_from_file", loaded)
        swapped = await model.chat(request(model, adapter=loud))
        assert swapped.text != plain.text
        assert await model.chat(request(model)) == plain
        assert await model.chat(request(model, adapter=loud)) == swapped
        with pytest.raises(PermanentError, match="no adapter"):
            await model.chat(request(model, adapter="b" * 64))

    using(file, do, adapters)


def test_what_it_cannot_do_is_refused(file: Path) -> None:
    async def do(model: LlamaCpp) -> None:
        tool = Tool("look", "Look.", {"type": "object"})
        with pytest.raises(PermanentError, match="no tools"):
            await model.chat(request(model, tools=[tool]))
        with pytest.raises(PermanentError, match="too long"):
            await model.chat(Request(model.weights, [Message("user", "word " * 9000)]))

    using(file, do)


def test_a_stop_ends_the_reply_before_itself(file: Path) -> None:
    async def do(model: LlamaCpp) -> None:
        whole = await model.chat(request(model))
        stop = whole.text[len(whole.text) // 2 :][:4]
        reply = await model.chat(request(model, stop=[stop]))
        assert reply.finish == "stop"
        assert reply.text == whole.text[: whole.text.find(stop)]

    using(file, do)
