"""vLLM on a GPU: a server that is started here or attached to, and that loads LoRA adapters at run time.

vLLM's pins conflict with ours, so `vllm serve` runs in an environment of its own (`vllm_environment`, or an interpreter
that the settings name). Requests use OpenAI's API. An adapter is named by its SHA-256 and loaded at its first use,
after which the server must show that it is the one that answers (`fingerprint`). A server that was started here ends
with this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from engine.errors import SiaError
from engine.models.backends.openai import OpenAI
from engine.models.extras import missing_package
from engine.models.faults import classify
from engine.models.files.adapter import adapter_folder, manifest
from engine.models.files.fingerprint import TEXT, TOKENS, Fingerprint, Served, mismatch
from engine.models.protocol import OnText, PermanentError, Reply, Request, RetryableError, ScoreReply
from engine.plain import plural

KEY = "VLLM_API_KEY"
RANK = 64
"""The highest adapter rank that a server started here accepts."""
_SERVE = """
import sys
sys.path[:] = [path for path in sys.path if path]  # no module of the current folder; Python 3.10 has no -P
import ctypes, runpy, signal
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: frees the GPU also when the engine is killed
sys.argv[0] = "vllm"
runpy.run_module("vllm.entrypoints.cli.main", run_name="__main__", alter_sys=True)
"""
_NOT_FOUND = "No adapter found"
"""In vLLM's refusal of a path without an adapter, under status 404, which a server without that endpoint has, too."""
_LAST_LINES = 5
"""Lines of a server's output that are shown when it dies."""
Report = Callable[[str], None]
_Reply = TypeVar("_Reply", Reply, ScoreReply)


class Vllm:
    """A model served by vLLM; `weights` is the name that the server gives it."""

    def __init__(self, weights: str, url: str, *, key: str = "", adapters: Path | None = None) -> None:
        self.weights = weights
        self._client = OpenAI(weights, url, kind="vllm", key=key, key_name=KEY, load=self._load)
        self.abilities = self._client.abilities
        self._adapters, self._served, self._loading = adapters, dict[str, Served](), asyncio.Lock()
        self._url, self._key = url.rstrip("/"), key
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    async def attach(cls, weights: str, url: str, *, key: str, adapters: Path | None, report: Report) -> Vllm:
        """Attaches to a running server; raises `SiaError` if none is healthy at `url`."""
        model = cls(weights, url, key=key, adapters=adapters)
        if not await _healthy(url):
            await model.close()
            raise SiaError(f"no vLLM server answers at {url}", "start `vllm serve` there, or leave @URL out")
        report(f"vLLM at {url}")
        return model

    @classmethod
    async def start(
        cls,
        weights: str,
        *,
        interpreter: Path | None,
        arguments: Sequence[str] = (),
        minutes: float,
        adapters: Path | None,
        report: Report,
    ) -> Vllm:
        """Starts a server and waits until it is healthy; `close` stops it. Raises `SiaError`."""
        if interpreter is None:
            raise SiaError(
                "vLLM has no interpreter here",
                "`sia models get vllm` makes one on a machine with a GPU; or name a python that has vllm in your "
                'settings: [vllm] interpreter = ".../bin/python"; or attach to a server: vllm:NAME@URL',
            )
        port = _free_port()
        model = cls(weights, f"http://127.0.0.1:{port}/v1", adapters=adapters)
        with tempfile.TemporaryFile() as log:
            try:
                model._process = await _launch(interpreter, weights, port, arguments, log)
                await _wait(model._url, model._process, log, minutes, report)
            except BaseException:
                await model.close()
                raise
        return model

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `RetryableError` or `PermanentError`."""
        return await self._with(request.adapter, lambda: self._client.chat(request, on_text))

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Log-probabilities of `continuations` after `prompt`."""
        return await self._with(adapter, lambda: self._client.score(prompt, continuations, adapter=adapter))

    async def close(self) -> None:
        await self._client.close()
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 30)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _with(self, adapter: str | None, call: Callable[[], Awaitable[_Reply]]) -> _Reply:
        """What `call` returns; once more where the server has forgotten the adapter, since it was started anew."""
        before = self._served.get(adapter or "")
        try:
            return await call()
        except PermanentError as error:
            if error.status != 404 or adapter is None or before is None:
                raise
        if self._served.get(adapter) is before:  # no other call has loaded it meanwhile
            del self._served[adapter]
        return await call()

    async def _load(self, adapter: str) -> str:
        """Loads an adapter into the server if it is not loaded yet; returns its name there, the SHA-256.

        A name is never used again for another adapter. Raises `SiaError` unless the server serves what it was given.
        """
        async with self._loading:
            if adapter not in self._served:
                folder = adapter_folder(self._adapters, adapter, self.weights)
                status, text = await self._post("/load_lora_adapter", {"lora_name": adapter, "lora_path": str(folder)})
                if status == 404 and _NOT_FOUND in text:
                    raise SiaError(
                        f"this vLLM server does not see the folder {folder}",
                        "let it see the workspace's adapters under the same path",
                    )
                if status == 404:
                    raise SiaError(
                        "this vLLM server takes no adapters",
                        "start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment",
                    )
                if status != 200 and "already" not in text:
                    raise classify(status, text.strip()[:300], key=f"${KEY}")
                self._served[adapter] = await self._identified(adapter, manifest(folder).fingerprint)
        return adapter

    async def _identified(self, adapter: str, trained: Fingerprint | None) -> Served:
        """What the server says of the fixed text under `adapter`; raises `SiaError` unless it is that adapter."""
        try:
            ids = trained.ids if trained else (await self._client.tokens(TEXT, self.weights))[:TOKENS]
            base = await self._client.logprobs(ids, self.weights)
            new = Served(await self._client.logprobs(ids, adapter), trained)
        except PermanentError as error:
            raise SiaError(
                f"this vLLM server does not show which adapter it serves ({error})",
                "it needs `prompt_logprobs` on /v1/completions, as vLLM 0.33 has it",
            ) from None
        if why := mismatch(base, new, self._served):
            raise SiaError(
                f"this vLLM server does not serve the adapter {adapter[:12]} that it was given: {why}",
                "restart the server, then `sia resume`",
            )
        return new

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        import httpx2

        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            async with httpx2.AsyncClient(headers=headers, timeout=120) as http:
                response = await http.post(f"{self._url}{path}", json=body)
                return response.status_code, response.text
        except httpx2.HTTPError as error:
            raise RetryableError(f"the connection to {self._url} broke ({type(error).__name__}: {error})") from error


async def _launch(
    interpreter: Path, weights: str, port: int, arguments: Sequence[str], log: IO[bytes]
) -> asyncio.subprocess.Process:
    command = [str(interpreter), "-c", _SERVE, "serve", weights, "--port", str(port)]
    command += ["--host", "127.0.0.1", "--enable-lora", "--max-lora-rank", str(RANK), *arguments]
    programs = (
        f"{interpreter.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"  # kernels are built with its ninja
    )
    environment = os.environ | {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1", "PATH": programs, "PYTHONSAFEPATH": "1"}
    try:
        return await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=environment)
    except OSError as error:
        reason = error.strerror or error
        raise SiaError(
            f"vLLM's interpreter {interpreter} cannot be started ({reason})",
            "correct [vllm] interpreter in your settings",
        ) from None


async def _wait(url: str, process: asyncio.subprocess.Process, log: IO[bytes], minutes: float, report: Report) -> None:
    """Waits until the server is healthy and reports its last output line; raises `SiaError` if it dies or is late."""
    last_line, loop = "", asyncio.get_running_loop()
    deadline = loop.time() + minutes * 60
    while True:
        healthy, lines = await _healthy(url), _lines(log)
        if lines and lines[-1] != last_line:
            last_line = lines[-1]
            report(f"vLLM: {last_line}")
        if healthy:
            break
        if process.returncode is not None:
            raise SiaError(
                f"vLLM exited during startup ({' / '.join(lines[-_LAST_LINES:]) or 'no output'})",
                "fix the cause, or start vLLM yourself and attach: vllm:NAME@URL",
            )
        if loop.time() > deadline:
            raise SiaError(
                f"vLLM was not ready within {plural(minutes, 'minute')}", "raise vllm.start_minutes in your settings"
            )
        await asyncio.sleep(0.2)
    report(f"vLLM is ready at {url}")


def _lines(log: IO[bytes]) -> list[str]:
    size = log.seek(0, os.SEEK_END)
    raw = os.pread(log.fileno(), 8192, max(0, size - 8192))
    return [line for line in raw.decode(errors="replace").splitlines() if line.strip()]


async def _healthy(url: str) -> bool:
    try:
        import httpx2
    except ModuleNotFoundError:
        raise missing_package("httpx2", "agents") from None
    try:
        async with httpx2.AsyncClient(timeout=5) as http:
            return bool((await http.get(f"{url.rstrip('/').removesuffix('/v1')}/health")).status_code == 200)
    except httpx2.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
