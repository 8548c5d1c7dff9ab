"""Texts as sparse unit vectors over character n-grams; every n-gram is a 64-bit hash, counted in NumPy.

An n-gram that occurs in a text has the weight of the most telling sentence that it occurs in, times a weight learnt
from the training cases. How often it occurs does not matter.
"""

import re

import numpy as np
from scipy import sparse

MIX = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)
SENTENCE = re.compile(r"[^。；;]*[。；;]?")
# What the prosecution concludes, and what only lists the evidence.
CONCLUSION = re.compile(r"认为|构成|触犯|其行为|罪")
EVIDENCE = re.compile(r"证言|笔录|供述|证据|鉴定|书证|户籍|到案经过|辨认|当庭|出示|抓获")


class Vectorizer:
    """Learns a vocabulary and its weights, then turns any text into a vector of length 1."""

    def __init__(self, params):
        self._longest = params["ngram_max"]
        self._min_cases = params["min_cases"]
        self._weighting = params["weighting"]
        self._conclusion = params["conclusion"]
        self._evidence = params["evidence"]

    def fit(self, texts, target, charges):
        """The training texts as a CSR matrix, cases by n-grams; `target` holds the number of each case's charge."""
        found = [self._ngrams(text) for text in texts]
        hashes, column = np.unique(np.concatenate([ngrams for ngrams, _ in found]), return_inverse=True)
        weights = np.concatenate([weights for _, weights in found])
        starts = np.concatenate([[0], np.cumsum([len(ngrams) for ngrams, _ in found])])
        cases = np.bincount(column, minlength=len(hashes))
        kept = np.flatnonzero(cases >= self._min_cases)
        self._vocabulary = hashes[kept]
        present = sparse.csr_matrix((weights, column, starts), shape=(len(texts), len(hashes)))[:, kept].tocsr()
        if self._weighting == "idf":
            self._weights = np.log((1 + len(texts)) / (1 + cases[kept])) + 1
        elif self._weighting == "information":
            self._weights = information(present, target, charges)
        else:
            self._weights = np.ones(len(kept))
        return self._scale(present)

    def transform(self, text):
        """One text as a CSR matrix of one row."""
        ngrams, weights = self._ngrams(text)
        place = np.minimum(np.searchsorted(self._vocabulary, ngrams), len(self._vocabulary) - 1)
        known = self._vocabulary[place] == ngrams
        row = (weights[known], place[known], [0, int(known.sum())])
        return self._scale(sparse.csr_matrix(row, shape=(1, len(self._vocabulary))))

    def _scale(self, matrix):
        data = matrix.data * self._weights[matrix.indices]
        lengths = np.sqrt(np.bincount(row_of(matrix), weights=data**2, minlength=matrix.shape[0]))
        data /= np.maximum(lengths, 1e-12)[row_of(matrix)]
        return sparse.csr_matrix((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)

    def _ngrams(self, text):
        """The distinct n-grams of `text`, ascending, each with the largest weight of a sentence that it starts in."""
        sentences = SENTENCE.findall(text)
        weight = np.repeat([self._sentence_weight(sentence) for sentence in sentences], list(map(len, sentences)))
        characters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64) + np.uint64(1)
        rolling = np.zeros(len(characters), dtype=np.uint64)
        hashes, weights = [], []
        for length in range(1, min(self._longest, len(characters)) + 1):
            count = len(characters) - length + 1
            rolling = rolling[:count] * MIX + characters[length - 1 :]
            rolling ^= rolling >> SHIFT
            hashes.append(rolling)
            weights.append(weight[:count])
        if not hashes:
            return np.zeros(0, dtype=np.uint64), np.zeros(0)
        joined, weighted = np.concatenate(hashes), np.concatenate(weights)
        # Sorted by hash and, within one hash, by falling weight: the first of each run is the one to keep.
        order = np.lexsort((-weighted, joined))
        joined, weighted = joined[order], weighted[order]
        first = np.concatenate([[True], joined[1:] != joined[:-1]])
        return joined[first], weighted[first]

    def _sentence_weight(self, sentence):
        if CONCLUSION.search(sentence):
            return self._conclusion
        return self._evidence if EVIDENCE.search(sentence) else 1.0


def information(present, target, charges, prior=2.0):
    """For each n-gram, the square root of what its occurrence tells about the charge, in nats.

    That is the Kullback-Leibler divergence of the charges of the cases that hold it from the charges of all cases,
    where `prior` cases drawn from all are added to those that hold it, so that rare n-grams are not trusted.
    """
    share = np.bincount(target, minlength=charges) / len(target)
    ones = np.ones(present.nnz)
    pairs = sparse.coo_matrix((ones, (present.indices, target[row_of(present)])), shape=(present.shape[1], charges))
    counts = pairs.tocsr()
    ngram, charge = row_of(counts), counts.indices
    total = np.bincount(ngram, weights=counts.data, minlength=present.shape[1]) + prior
    posterior = (counts.data + prior * share[charge]) / total[ngram]
    met = np.bincount(ngram, weights=posterior * np.log(posterior / share[charge]), minlength=present.shape[1])
    # Charges never met with the n-gram all have the posterior prior * share / total; their terms add up in one go.
    never = 1 - np.bincount(ngram, weights=share[charge], minlength=present.shape[1])
    return np.sqrt(np.maximum(met + never * prior / total * np.log(prior / total), 0))


def row_of(matrix):
    """The row of each stored value of a CSR matrix."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
