"""Servers with OpenAI's API: OpenAI, vLLM, llama.cpp's server, Ollama. Their differences are in `quirks`.

Uses plain HTTP, not OpenAI's SDK: the SDK has no types for most of what differs between servers, and a truncated reply
must not pass for a complete one.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Any

from msgspec.structs import replace

from engine.models.backends import responses
from engine.models.backends.chat_reply import MALFORMED, StreamedChat, error_message, reply, told_error, unusable
from engine.models.backends.quirks import (
    QUIRKS,
    constraint,
    cut_prompt,
    refused_part,
    sampling,
)
from engine.models.extras import missing_package
from engine.models.faults import classify, retry_after
from engine.models.known_models import Known, known
from engine.models.protocol import (
    Message,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
    UnusableReply,
    ask_for_call,
)
from engine.usage import Usage

OPENAI = "https://api.openai.com/v1"
SILENCE_S = 600.0
"""Seconds that a server may send nothing: a reply that is not streamed arrives after its last token."""
Loader = Callable[[str], Awaitable[str]]
"""Loads an adapter into the server, and returns the model name to request it by."""


class OpenAI:
    """A model on the server at `url` (ending in `/v1`); `kind` is a key of `QUIRKS`."""

    def __init__(
        self,
        weights: str,
        url: str = OPENAI,
        *,
        kind: str = "openai",
        key: str = "",
        key_name: str = "OPENAI_API_KEY",
        facts: Known | None = None,
        window: int = 0,
        load: Loader | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        try:
            import httpx2
        except ModuleNotFoundError:
            raise missing_package("httpx2", "agents") from None
        self.weights = weights
        self.abilities = replace(QUIRKS[kind].abilities, window=(facts or known(weights)).window or window)
        self._kind, self._quirks, self._load = kind, QUIRKS[kind], load
        self._facts = facts
        self._without: set[str] = set()  # what this model has refused
        self._key_name = f"${key_name}" if key else ""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = httpx2.Timeout(silence_s, connect=10.0)
        certificates = httpx2.create_ssl_context()
        self._new_client = functools.partial(
            httpx2.AsyncClient, base_url=url.rstrip("/"), headers=headers, timeout=timeout, verify=certificates
        )
        self._idle = [self._new_client()]
        self._url = self._idle[0].base_url
        self._fault, self._silent, self._events = httpx2.HTTPError, httpx2.ReadTimeout, httpx2.EventSource

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `RetryableError` or `PermanentError`.

        What the server refuses of a request is left out from then on: such a refusal costs nothing.
        """
        while True:
            sent_without = frozenset(self._without)
            try:
                return await self._chat(request, on_text)
            except PermanentError as error:
                is_absent = error.status == 404 and self._facts_of(request).wire == "responses" and bool(request.tools)
                part = refused_part(error) or ("responses" if is_absent else "")
                if not part or part in sent_without:
                    raise
                self._without.add(part)

    async def _chat(self, request: Request, on_text: OnText | None) -> Reply:
        facts = self._facts_of(request)
        reasons = facts.wire == "responses" and bool(request.tools)
        hears = (
            on_text if self._quirks.streams_usage and "stream" not in self._without and not request.choices else None
        )
        if reasons and "responses" not in self._without:
            body = responses.wire(request) | {"model": self.weights}
            events = responses.StreamedAnswer(hears, self._key_name) if hears else None
            found = responses.reply(await self._answer(responses.PATH, body, events), request)
        else:
            longest: dict[str, Any] = {self._quirks.limit: min(request.max_tokens, facts.output)}
            longest |= {"reasoning_effort": "none"} if reasons else {}  # a proxy without the Responses API
            body = wire(request, self._kind, self._left_out(facts)) | longest
            body |= {"model": await self._model_name(request.adapter)}
            chunks = StreamedChat(hears, self._key_name) if hears else None
            found = reply(await self._answer("/chat/completions", body, chunks), request)
            if self._quirks.cuts_prompts and (cut := cut_prompt(body, found.usage, self.abilities.window)):
                raise cut
        if on_text and not hears:
            on_text(found.text)
        return found

    def _left_out(self, facts: Known) -> set[str]:
        return self._without | (set() if facts.samples else {"sampling"}) | (set() if facts.forces else {"tool_choice"})

    def _facts_of(self, request: Request) -> Known:
        return self._facts or (known(request.weights) if self._kind == "openai" else Known(""))

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Log-probabilities of `continuations`, each tokenized by itself; only vLLM scores given texts."""
        if not self._quirks.score:
            raise PermanentError(
                "this server scores no given texts", "use vLLM, or a model in this process (gguf:, hf:)"
            )
        name = await self._model_name(adapter)
        given = await self.tokens(prompt, name)
        logprobs, total = [], 0
        for text in continuations:
            ending = await self.tokens(text, name)
            found, tokens = await self._prompt_logprobs([*given, *ending], len(given), name)
            logprobs.append(sum(found))
            total += tokens
        return ScoreReply(logprobs, Usage(input=total, output=len(logprobs)))

    async def logprobs(self, ids: Sequence[int], name: str) -> list[float]:
        """Log-probabilities of the tokens `ids` after the first, under the model or adapter called `name`.

        Raises `PermanentError` where the server gives none; only vLLM does.
        """
        try:
            return (await self._prompt_logprobs(ids, 1, name))[0]
        except UnusableReply as error:
            if isinstance(error.__cause__, MALFORMED):
                raise PermanentError("it gives no log-probabilities of a prompt", "use vLLM") from None
            raise

    async def _prompt_logprobs(self, ids: Sequence[int], start: int, name: str) -> tuple[list[float], int]:
        """The log-probability of each of the tokens `ids` from `start` on, and the count of tokens that was read."""
        body = {"model": name, "prompt": [*ids], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        answer = await self._post("/completions", body)
        try:
            rows = answer["choices"][0]["prompt_logprobs"][start:]
            found = [float(row[str(token)]["logprob"]) for token, row in zip(ids[start:], rows, strict=True)]
            return found, answer["usage"]["prompt_tokens"]
        except MALFORMED as error:
            raise unusable(answer, error) from error

    async def close(self) -> None:
        for http in self._idle:
            await http.aclose()

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        """A client that no other call uses now: at each request a pool looks at all of its connections."""
        http = self._idle.pop() if self._idle else self._new_client()
        try:
            yield http
        finally:
            self._idle.append(http)

    async def _model_name(self, adapter: str | None) -> str:
        if adapter is None:
            return self.weights
        if self._load is None:
            raise PermanentError("this server takes no adapter", "use vLLM, or a model in this process (gguf:, hf:)")
        return await self._load(adapter)

    async def tokens(self, text: str, name: str) -> list[int]:
        """The tokens of a text, as the server cuts it; only vLLM does."""
        # /tokenize is vLLM's own endpoint, beside /v1
        url = self._url.join("/tokenize")
        answer = await self._post(url, {"model": name, "prompt": text, "add_special_tokens": False})
        try:
            return list(answer["tokens"])
        except MALFORMED as error:
            raise RetryableError(f"the server's list of tokens is malformed ({type(error).__name__})") from error

    async def _post(self, path: Any, body: dict[str, Any]) -> dict[str, Any]:
        started = False
        try:
            async with self._client() as http, http.stream("POST", path, json=body) as response:
                started = response.status_code == 200
                await response.aread()
        except self._fault as error:
            broken = self._connection_error(error)
            if started or isinstance(error, self._silent):  # the server has worked on it, and may bill it
                raise UnusableReply(str(broken), b"", None) from error
            raise broken from error
        return self._whole(response)

    async def _answer(
        self, path: str, body: dict[str, Any], streamed: StreamedChat | responses.StreamedAnswer | None
    ) -> dict[str, Any]:
        """What the server answers, in one piece or `streamed`; a server that streams nothing may answer whole."""
        if streamed is None:
            return await self._post(path, body)
        try:
            async with self._client() as http, http.stream("POST", path, json={**body, **streamed.asks}) as response:
                streamed.began = response.status_code == 200
                if not (streamed.began and "event-stream" in response.headers.get("content-type", "")):
                    await response.aread()
                    return self._whole(response)
                async for event in self._events(response):
                    if streamed.add(event.data):
                        answer = streamed.build()
                        if not answer.get("usage"):  # perhaps it tells that only of replies that are not streamed
                            self._without.add("stream")
                        return answer
        except self._fault as error:
            streamed.began |= isinstance(error, self._silent)  # the server has worked on it, and may bill it
            raise streamed.broken_off(str(self._connection_error(error))) from error
        except MALFORMED as error:
            raise streamed.broken_off(f"the stream sent a malformed event ({error})") from error
        raise streamed.broken_off("the stream ended before the reply was complete")

    def _whole(self, response: Any) -> dict[str, Any]:
        """The body of a response that has been read; raises its error."""
        if response.status_code != 200:
            raise self._classify(response, response.text)
        try:
            answer: dict[str, Any] = response.json()
        except (ValueError, RecursionError) as error:
            raise UnusableReply(f"the server's answer is not JSON ({error})", response.content, None) from error
        if isinstance(answer, dict) and answer.get("error") and not {"choices", "output"} & answer.keys():
            raise told_error(answer, self._key_name)
        return answer

    def _connection_error(self, error: Exception) -> RetryableError:
        return RetryableError(f"the connection to {self._url} broke ({type(error).__name__}: {error})")

    def _classify(self, response: Any, text: str) -> RetryableError | PermanentError:
        return classify(
            response.status_code, error_message(text), key=self._key_name, after_s=retry_after(response.headers)
        )


def wire(request: Request, kind: str, without: Collection[str] = ()) -> dict[str, Any]:
    """The request in OpenAI's format for this kind of server, without these parts; the caller adds `model`."""
    quirks = QUIRKS[kind]
    body: dict[str, Any] = {"messages": [_message(m) for m in request.messages], quirks.limit: request.max_tokens}
    body |= sampling(request, kind, without) | constraint(request, kind)
    body |= {"reasoning_effort": request.effort} if request.effort else {}
    if request.stop:
        body["stop"] = list(request.stop)
    if request.tools:
        if not quirks.tools:
            raise PermanentError("this server has no tools", "describe them in the prompt and ask with a schema")
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in request.tools
        ]
        if request.tool_choice and "tool_choice" in without:
            body["messages"].append({"role": "user", "content": ask_for_call(request.tool_choice)})
        elif request.tool_choice:
            named = {"type": "function", "function": {"name": request.tool_choice}}
            body["tool_choice"] = "required" if request.tool_choice == "any" else named
    if quirks.token_ids:
        body |= {"logprobs": True, "return_token_ids": True}
    return body


def _message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        return body | {"tool_call_id": message.answers}
    if message.calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
            for c in message.calls
        ]
        for block in message.blocks:
            body |= block
    return body
