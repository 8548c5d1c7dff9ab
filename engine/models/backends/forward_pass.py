"""One forward pass of a causal language model (transformers) over prefix trees, for serving and for training.

Both use this code, so that their log-probabilities agree up to the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from engine.models.backends.trie import Row, depths


class Prediction(NamedTuple):
    """A model's predictions for the target nodes of some rows, one row after the other.

    `logprobs[i]` belongs to target node i, and `place[i]` is its line in `lines`: log-probabilities of all tokens
    [lines, tokens], one line for each state that predicts. `hidden` holds last hidden states [lines, width], if
    requested.
    """

    logprobs: Any
    place: Any
    lines: Any
    hidden: Any = None

    def entropy(self) -> Any:
        """In nats, of each line."""
        return -(self.lines.exp() * self.lines).sum(-1)


def predict(model: Any, rows: Sequence[Row], temperature: float = 1.0, *, hidden: bool = False) -> Prediction:
    """Predictions of `model` for all target nodes of `rows`, in one batch, at a temperature; in fp32.

    Only states that predict a target pass through the output layer.
    """
    device = model.device
    width = max(len(row.prompt) for row in rows)
    ids, places, sees, predicts = _laid_out(rows, width, max(len(row.inner) for row in rows))
    predicts = predicts.to(device)
    out = model(
        input_ids=ids.to(device),
        attention_mask=sees.to(device),
        position_ids=places.to(device),
        use_cache=False,
        logits_to_keep=predicts,
        output_hidden_states=hidden,
    )
    lines = torch.log_softmax(out.logits.float() / temperature, -1)
    place = torch.tensor(_places(rows), device=device)
    tokens = torch.tensor([row.token[node] for row in rows for node in row.targets], device=device)
    states = out.hidden_states[-1][predicts].float() if hidden else None
    return Prediction(lines[place, tokens], place, lines, states)


def _laid_out(rows: Sequence[Row], width: int, inner: int) -> tuple[Any, Any, Any, Any]:
    """Token ids, positions, attention mask, and predicting states; all prefixes end in the same column."""
    length = width + inner
    ids, places = torch.zeros((2, len(rows), length), dtype=torch.long)
    sees = torch.zeros((len(rows), 1, length, length), dtype=torch.bool)
    predicts = torch.zeros((len(rows), length), dtype=torch.bool)
    triangle = torch.ones(width, width, dtype=torch.bool).tril()
    for b, row in enumerate(rows):
        first, depth, own = width - len(row.prompt), depths(row), sees[b, 0]
        ids[b, first:width] = torch.tensor(row.prompt)
        places[b, first:width] = torch.arange(len(row.prompt))
        own[first:width, first:width] = triangle[first:, first:]
        column = _columns(row, width)
        for node in row.inner:
            at = column[node]
            ids[b, at], places[b, at] = row.token[node], len(row.prompt) + depth[node]
            own[at] = own[column[row.parent[node]]]
            own[at, at] = True
        predicts[b, [column[row.parent[node]] for node in row.targets]] = True
    sees[:, 0].diagonal(dim1=-2, dim2=-1).fill_(True)  # padding that attends to nothing would be NaN
    return ids, places, sees, predicts


def _columns(row: Row, width: int) -> dict[int, int]:
    """The column of the state after each node; -1 is the end of the shared prefix."""
    return {-1: width - 1} | {node: width + i for i, node in enumerate(row.inner)}


def _places(rows: Sequence[Row]) -> list[int]:
    """The line that predicts each target node; lines are numbered row by row, in the order of columns."""
    found: list[int] = []
    before = 0
    for row in rows:
        column = _columns(row, 0)
        predicting = sorted({column[row.parent[node]] for node in row.targets})
        line = {at: before + i for i, at in enumerate(predicting)}
        found += (line[column[row.parent[node]]] for node in row.targets)
        before += len(predicting)
    return found
