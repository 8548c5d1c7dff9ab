"""The errands of one conversation: from the log where they are recorded, from the lineage, or done by the client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from engine.agents.coding.decision import digests
from engine.agents.protocol import Attend, Errand, Left
from engine.clients import enclosure, installed, table
from engine.clients import errand as errands
from engine.clients.client import Client
from engine.clients.errand import Caps, Ended
from engine.core import budget
from engine.errors import SiaError
from engine.events import types as t
from engine.events.storage import blobs
from engine.failure import StepFailure
from engine.models.calling import BudgetExceeded
from engine.run.journal import generation_now
from engine.run.live_run import Run
from engine.steps.workbench.bench import bench
from engine.steps.workbench.bench_folder import BenchFolder


class Errands:
    """Sends the client that the run's settings name; `place` is that of the conversation."""

    def __init__(self, run: Run, role: t.ModelRole, place: str) -> None:
        self._run, self._role, self._place = run, role, place

    async def send(self, ordinal: int, errand: Errand, attend: Attend) -> Left:
        """As `AgentTools.send`."""
        run, settings = self._run, self._run.state.settings
        client = table.client_of(settings.agent)
        if client is None:
            raise AssertionError("only a coding agent sends errands")
        prompt = errand.prompt.encode("utf-8", "replace")
        known = run.effects.client(self._place, ordinal)
        is_same = known and (known.client, known.prompt) == (client.name, blobs.digest(prompt))
        if known and is_same and (left := self._recorded(known)) is not None:
            return left
        caps = self._caps(client)
        async with bench(run.ports, errand, attend) as (folder, place):
            key = self._key(ordinal, client, errand, folder)
            if (before := run.reuse.errand(key)) is not None and (left := self._recorded(before)) is not None:
                again = replace(before, role=self._role, reused=True, usd=0.0, wall_s=0.0)
                run.append(self._generation, again)
                return left
            enclosure.check(client, run.ports.isolation)
            program = installed.find(client)
            base = {"role": self._role, "place": self._place, "ordinal": ordinal, "key": key, "client": client.name}
            absent = [path for path in enclosure.obeyed(client) if not path.exists()]
            noted = [said] if (said := program.never_tried(client)) else []
            try:
                ended = await errands.run(client, program, place, errand.prompt, settings.client_model, caps)
            except errands.Stopped as stopped:
                self._append({**base, "release": program.version}, stopped.ended, folder, prompt, noted)
                raise asyncio.CancelledError from None
            made = [str(path) for path in absent if path.exists()]
            noted += [f"it has made {', '.join(made)}, which {client.title} obeys: look at it"] if made else []
            left = self._append({**base, "release": program.version}, ended, folder, prompt, noted)
        self._raise_for(client, ended)
        return left

    @property
    def _generation(self) -> int:
        return generation_now(self._run.state)

    def _recorded(self, event: t.ClientFinished) -> Left | None:
        """What that errand has left; None where the machine failed, or the run came here without its data."""
        if event.failure is not None and event.failure.kind == "infrastructure":
            return None
        reader = self._run.log.reader
        try:
            files = {path: reader.blob(name) for path, name in event.files.items()}
            notes = reader.blob(event.notes).decode("utf-8", "replace") if event.notes else ""
            return Left(files, reader.blob(event.decision) if event.decision else b"", notes, event.failure)
        except blobs.LeftOut:
            return None

    def _caps(self, client: Client) -> Caps:
        """What is left; raises `BudgetExceeded` where that is nothing."""
        settings, caps = self._run.state.settings, budget.spending(self._run.state)
        for name in ("usd", "tokens"):
            if name in caps and caps[name][0] >= caps[name][1]:
                raise BudgetExceeded(name, *caps[name])
        tokens = settings.agent_tokens
        if "tokens" in caps:
            tokens = min(tokens, int(caps["tokens"][1] - caps["tokens"][0]))
        usd = caps["usd"][1] - caps["usd"][0] if "usd" in caps else None
        return Caps(settings.agent_minutes, tokens, usd)

    def _key(self, ordinal: int, client: Client, errand: Errand, folder: BenchFolder) -> str:
        given = {
            "at": [self._place, ordinal],
            "client": [client.name, self._run.state.settings.client_model],
            "prompt": errand.prompt,
            "tree": folder.given,
            "files": digests(errand.files),
            "notes": errand.notes,
            "decision": blobs.digest(errand.decision),
        }
        return blobs.digest(msgspec.json.encode(given, order="sorted"))

    def _append(
        self, base: Mapping[str, object], ended: Ended, folder: BenchFolder, prompt: bytes, noted: list[str]
    ) -> Left:
        reading = ended.reading
        try:
            left, found = folder.left(ended.failure), folder.said()
        except OSError as error:  # whatever it has made of its folder, what it has used is recorded
            left, found = Left({}, b"", "", ended.failure), [f"its folder cannot be read ({error.strerror})"]
        outside = [f"it tried to write {path}, outside its folder: that is not kept" for path in ended.outside]
        notes = left.notes.encode("utf-8", "replace")
        event = t.ClientFinished(
            **base,  # type: ignore[arg-type]
            command=ended.command,
            prompt=blobs.digest(prompt),
            transcript=blobs.digest(ended.transcript),
            files=digests(left.files),
            decision=blobs.digest(left.decision) if left.decision else "",
            notes=blobs.digest(notes) if notes else "",
            model=reading.model or self._run.state.settings.client_model,
            login=msgspec.convert(reading.login, t.Login),
            turns=reading.turns,
            usage=reading.usage,
            usd=reading.usd or 0.0,
            unmetered=reading.usd is None,
            wall_s=ended.wall_s,
            said=[*noted, *found, *outside],
            failure=ended.failure,
        )
        contents = [prompt, ended.transcript, *left.files.values()]
        contents += [one for one in (left.decision, notes) if one]
        self._run.append(self._generation, event, contents=contents)
        return left

    def _raise_for(self, client: Client, ended: Ended) -> None:
        if ended.logged_out:
            why = ended.failure.message if ended.failure else ""
            raise SiaError(f"{client.title} is not logged in ({why})", client.login)
        if ended.failure is not None and ended.failure.kind == "infrastructure":
            raise StepFailure(ended.failure)
