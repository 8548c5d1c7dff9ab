"""The report beside accuracy: macro-F1, and accuracy without duplicates and without cases that name their charge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from domains.contract import Graded, Split, Summary
from domains.lawbench.charges import mentions
from domains.lawbench.split import Cut


def summarise(split: Split, graded: Sequence[Graded], cut: Cut) -> Summary:
    """Macro-F1 and the subsets of `split`; only `test` can contain duplicates of training cases."""
    subsets: dict[str, list[str]] = {}
    if split == "test":
        subsets["without exact duplicates of train"] = _without(graded, cut.test_exact)
        subsets["without near-duplicates of train"] = _without(graded, cut.test_near)
    subsets["charge not named in the text"] = [
        item.instance.id for item in graded if not mentions(item.instance.data, item.instance.label)
    ]
    return Summary(macro=macro_f1([(item.instance.label, item.answer) for item in graded]), subsets=subsets)


def macro_f1(pairs: Sequence[tuple[str, object]]) -> float | None:
    """The mean F1 over the charges that occur among the reference answers of `pairs` (reference, answer)."""
    expected = Counter(reference for reference, _ in pairs)
    given = Counter(answer for _, answer in pairs if isinstance(answer, str))
    right = Counter(reference for reference, answer in pairs if reference == answer)
    if not expected:
        return None
    return sum(2 * right[charge] / (expected[charge] + given[charge]) for charge in expected) / len(expected)


def _without(graded: Sequence[Graded], known: Sequence[str]) -> list[str]:
    left_out = frozenset(known)
    return [item.instance.id for item in graded if item.instance.id not in left_out]
