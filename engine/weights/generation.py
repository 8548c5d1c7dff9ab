"""Generates many replies in one batch: a prompt is read once for all its samples, and shared prefixes are decoded once.

Each request samples its tokens with its own seed, so that the other requests of a batch change only the last digits of
its log-probabilities.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from engine.models.backends.local import IncrementalText, turns
from engine.models.backends.trie import batches, rows
from engine.models.protocol import Finish, Reply, Request, Token
from engine.usage import Usage
from engine.weights.policy import Policy

TOKENS = 24_576
"""The most tokens in the KV cache at once, unless a single prompt needs more."""
PORTION = 2048
"""Tokens per batch, padding included, when given texts are scored."""
Ids = tuple[int, ...]


class Draft:
    """A reply during generation."""

    def __init__(self, at: int, request: Request, prompt: Ids, left: int) -> None:
        self.at, self.request, self.prompt, self.left = at, request, prompt, left
        self.random = random.Random(request.seed)
        self.tokens: list[Token] = []
        self.finish: Finish | None = None
        self.text = ""

    def add(self, token: int, logprob: float, policy: Policy) -> None:
        """Appends a token, and sets `finish` if the reply ends with it."""
        self.tokens.append(Token(token, logprob))
        if token in policy.ends or (self.request.stop and self._stopped(policy)):
            self.finish = "stop"
        elif len(self.tokens) >= self.left:
            self.finish = "length"

    def reply(self, policy: Policy) -> Reply:
        """The complete reply."""
        self._stopped(policy)
        ended = bool(self.tokens) and self.tokens[-1].id in policy.ends
        usage = Usage(input=len(self.prompt), output=len(self.tokens) - ended)
        return Reply(self.text, self.finish or "length", usage, prompt_ids=self.prompt, tokens=self.tokens)

    def _stopped(self, policy: Policy) -> bool:
        emerging = IncrementalText(self.request.stop, None)
        ids = [token.id for token in self.tokens]
        stopped = emerging.add(policy.tokenizer.decode(ids, skip_special_tokens=True).encode(), final=True)
        self.text = emerging.text
        return stopped


def generate(policy: Policy, requests: Sequence[Request]) -> list[Reply]:
    """A reply to each request, in order; empty and `refused` if a prompt fills the context."""
    found: dict[int, Reply] = {}
    free: dict[Ids, list[Draft]] = {}
    chosen: dict[tuple[Ids, tuple[str, ...]], list[Draft]] = {}
    for at, request in enumerate(requests):
        text = policy.tokenizer.apply_chat_template(turns(request.messages), tokenize=False, add_generation_prompt=True)
        prompt = tuple(policy.ids(text))
        left = min(request.max_tokens, policy.context - len(prompt))
        if left <= 0:
            found[at] = Reply("", "refused", Usage(), prompt_ids=prompt)
        elif any(request.choices):
            chosen.setdefault((prompt, tuple(request.choices)), []).append(Draft(at, request, prompt, left))
        else:
            free.setdefault(prompt, []).append(Draft(at, request, prompt, left))
    with torch.inference_mode():
        for some in _portions(free):
            _complete(policy, some)
            found |= {draft.at: draft.reply(policy) for drafts in some.values() for draft in drafts}
        found |= _pick_all(policy, chosen)
    return [found[at] for at in range(len(requests))]


def _portions(free: dict[Ids, list[Draft]]) -> Iterator[dict[Ids, list[Draft]]]:
    """Batches of prompts in the order of their length, each within `TOKENS`."""
    portion: dict[Ids, list[Draft]] = {}
    held = 0
    for prompt in sorted(free, key=lambda ids: (len(ids), ids)):
        needed = sum(len(prompt) + draft.left for draft in free[prompt])
        if portion and held + needed > TOKENS:
            yield portion
            portion, held = {}, 0
        portion[prompt] = sorted(free[prompt], key=lambda draft: (draft.request.seed, draft.at))
        held += needed
    if portion:
        yield portion


def _complete(policy: Policy, portion: dict[Ids, list[Draft]]) -> None:
    """Completes the drafts of some prompts, token by token; a line of the batch is a prefix that drafts share."""
    width = max(map(len, portion))
    ids = torch.full((len(portion), width), policy.pad)
    sees = torch.zeros((len(portion), width), dtype=torch.long)
    for b, prompt in enumerate(portion):
        ids[b, width - len(prompt) :] = torch.tensor(prompt)
        sees[b, width - len(prompt) :] = 1
    lines, past = list(portion.values()), None
    places = (sees.cumsum(-1) - 1).clamp(min=0)
    while lines:
        out = policy.model(
            input_ids=ids.to(policy.device),
            attention_mask=sees.to(policy.device),
            position_ids=places.to(policy.device),
            past_key_values=past,
            use_cache=True,
            logits_to_keep=1,
        )
        following: list[tuple[int, int, list[Draft]]] = []
        for b, drafts in enumerate(lines):
            _sample(policy, out.logits[b, -1].double().cpu(), drafts)
            heirs: dict[int, list[Draft]] = {}
            for draft in drafts:
                if draft.finish is None:
                    heirs.setdefault(draft.tokens[-1].id, []).append(draft)
            following += [(b, token, some) for token, some in heirs.items()]
        if not following:
            return
        kept = torch.tensor([b for b, _, _ in following])
        past = out.past_key_values
        past.batch_select_indices(kept.to(policy.device))
        ids = torch.tensor([[token] for _, token, _ in following])
        sees = torch.cat([sees[kept], torch.ones(len(following), 1, dtype=torch.long)], -1)
        places = sees.sum(-1, keepdim=True) - 1
        lines = [some for _, _, some in following]


def _sample(policy: Policy, logits: Any, drafts: Sequence[Draft]) -> None:
    """Samples the next token of drafts with the same prefix, by inverse transform sampling."""
    spoken = torch.log_softmax(logits, -1)
    sums: dict[tuple[float, float], tuple[Any, Any]] = {}
    for draft in drafts:
        asked = (draft.request.temperature, draft.request.top_p)
        if asked[0] == 0:
            token = int(logits.argmax())
        else:
            if asked not in sums:
                sums[asked] = _distribution(logits, *asked)
            order, upto = sums[asked]
            token = int(order[_place(upto, draft)])
        draft.add(token, float(spoken[token]), policy)


def _place(upto: Any, draft: Draft) -> int:
    drawn = draft.random.random() * float(upto[-1])
    return min(int(torch.searchsorted(upto, drawn, right=True)), len(upto) - 1)


def _distribution(logits: Any, temperature: float, top_p: float) -> tuple[Any, Any]:
    """Tokens in an order, and the sums of their probabilities; only the likeliest, up to `top_p`, where that is set."""
    chances = torch.softmax(logits / temperature, -1)
    if top_p >= 1:
        return range(len(chances)), chances.cumsum(-1)
    chances, order = chances.sort(descending=True, stable=True)
    upto = chances.cumsum(-1)
    count = int((upto - chances < top_p).sum())
    return order[:count], upto[:count]


def _pick_all(policy: Policy, chosen: dict[tuple[Ids, tuple[str, ...]], list[Draft]]) -> dict[int, Reply]:
    """Replies that are one of the request's choices: sampled by probability, or the most likely at temperature 0."""
    asked = [(key, policy.ids(text)) for key in sorted(chosen) for text in key[1]]
    calls = [(n, key[0], ending) for n, (key, ending) in enumerate(asked)]
    spoken: dict[int, list[Token]] = {}
    for some in batches(rows(calls, PORTION // 2), PORTION):
        logprobs, before = policy.predict(some).logprobs.tolist(), 0
        for row in some:
            for n, path in row.paths:
                spoken[n] = [Token(row.token[row.targets[at]], logprobs[before + at]) for at in path]
            before += len(row.targets)
    endings: dict[tuple[Ids, tuple[str, ...]], list[list[Token]]] = {}
    for n, (key, _) in enumerate(asked):
        endings.setdefault(key, []).append(spoken.get(n, []))
    return {draft.at: _pick(draft, endings[key]) for key, drafts in chosen.items() for draft in drafts}


def _pick(draft: Draft, tokens: Sequence[list[Token]]) -> Reply:
    request = draft.request
    scores = torch.tensor([sum(token.logprob for token in ending) for ending in tokens], dtype=torch.float64)
    pick = int(scores.argmax())
    if request.temperature:
        order, upto = _distribution(scores, request.temperature, request.top_p)
        pick = int(order[_place(upto, draft)])
    read = len(draft.prompt) + sum(map(len, tokens))
    usage = Usage(input=read, output=len(tokens[pick]))
    return Reply(request.choices[pick], "stop", usage, prompt_ids=draft.prompt, tokens=tokens[pick])
