"""Similar training cases: cosine of TF-IDF over pairs of characters."""

from collections import Counter

import numpy as np
from scipy import sparse


class Index:
    """The training cases as unit vectors."""

    def __init__(self, cases):
        self.cases = list(cases)
        counted = [_pairs(case.data) for case in self.cases]
        held = Counter(pair for pairs in counted for pair in pairs)
        self._place = {pair: place for place, pair in enumerate(pair for pair, count in held.items() if count > 1)}
        self._idf = np.array([np.log(len(self.cases) / held[pair]) + 1 for pair in self._place])
        self._matrix = sparse.vstack([self._vector(pairs) for pairs in counted]).tocsr()

    def similar(self, facts, most=40):
        """The `most` similar cases with their similarity, best first; of equal ones the first in order."""
        likeness = (self._matrix @ self._vector(_pairs(facts)).T).toarray().ravel()
        order = np.argsort(-likeness, kind="stable")[:most]
        return [(self.cases[place], float(likeness[place])) for place in order]

    def _vector(self, pairs):
        known = sorted((self._place[pair], count) for pair, count in pairs.items() if pair in self._place)
        places = [place for place, _ in known]
        weights = np.array([1 + np.log(count) for _, count in known]) * self._idf[places]
        length = np.linalg.norm(weights) or 1.0
        return sparse.csr_matrix((weights / length, ([0] * len(places), places)), shape=(1, len(self._place)))


def labels(similar, most):
    """The charges of similar cases by the sum of their similarities, at most `most`."""
    sums = Counter()
    for case, likeness in similar:
        sums[case.label] += likeness
    return [label for label, _ in sums.most_common(most)]


def _pairs(text):
    return Counter(text[place : place + 2] for place in range(len(text) - 1))
