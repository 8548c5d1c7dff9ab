"""Baselines that run in a minute; results are reported beside theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domains.contract import Instance


def baselines(train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Iterable[str]]:
    """The answers of each baseline, learnt from `train`, one for each of `on`; the same on any number of cores."""
    if not on:
        return {"majority class": [], "char 1-3 TF-IDF + LinearSVC": []}
    return {"majority class": _majority(train, on), "char 1-3 TF-IDF + LinearSVC": _linear(train, on)}


def _majority(train: Sequence[Instance], on: Sequence[Instance]) -> list[str]:
    counts = Counter(str(instance.label) for instance in train)
    # Many charges share the largest count; the smallest name makes the choice independent of the order of `train`.
    charge = min(counts, key=lambda charge: (-counts[charge], charge))
    return [charge] * len(on)


def _linear(train: Sequence[Instance], on: Sequence[Instance]) -> Iterator[str]:
    """A generator, so that a run names the method while it learns."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    learnt = vectorizer.fit_transform([instance.data for instance in train])
    model = LinearSVC(C=1.0, random_state=0).fit(learnt, [instance.label for instance in train])
    yield from map(str, model.predict(vectorizer.transform([instance.data for instance in on])))
