"""LawBench's tools: the training cases and the names of the charges, searched by likeness to a text."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from domains.contract import Instance, Tool, ToolRefused

MOST, LETTERS = 10, 600
"""Results of one search, and letters of the facts in each."""


def tools(train: Sequence[Instance], charges: Sequence[str]) -> list[Tool]:
    """Both searches. The index of many cases takes seconds, which do not count as those of a call."""
    cases = Index([item.data for item in train]) if train else None
    names = functools.cache(lambda: Index(charges))

    def search_cases(_: Any, query: str, count: int = 5) -> list[dict[str, Any]]:
        if cases is None:
            raise ToolRefused("there are no training cases to search")
        found = [(train[place], likeness) for place, likeness in cases.nearest(query, count)]
        return [
            {"facts": item.data[:LETTERS], "charge": item.label, "likeness": round(likeness, 3)}
            for item, likeness in found
        ]

    def search_charges(_: Any, query: str, count: int = 5) -> list[str]:
        return [charges[place] for place, _ in names().nearest(query, count)]

    about_cases = "判例检索：与一段文字最相似的训练案例，附案件事实与罪名。"
    about_charges = "罪名检索：与一段文字最相似的罪名全称。"
    return [
        Tool("search_cases", about_cases, _schema("案件事实"), search_cases, 4),
        Tool("search_charges", about_charges, _schema("罪名或其部分"), search_charges, 4),
    ]


def _schema(query: str) -> dict[str, Any]:
    properties = {
        "query": {"type": "string", "description": query},
        "count": {"type": "integer", "minimum": 1, "maximum": MOST},
    }
    return {"type": "object", "properties": properties, "required": ["query"], "additionalProperties": False}


class Index:
    """Texts as unit vectors over single characters and pairs (TF-IDF)."""

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
        self._matrix = self._vectorizer.fit_transform(texts)

    def nearest(self, query: str, count: int) -> list[tuple[int, float]]:
        """Places of the texts that are most like `query`, with their cosine, best first; of equal ones the first."""
        likeness = (self._matrix @ self._vectorizer.transform([query]).T).toarray().ravel()
        order = (-likeness).argsort(kind="stable")[:count]
        return [(int(place), float(likeness[place])) for place in order]
