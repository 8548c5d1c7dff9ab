"""Ways to score the charges for one text. `fit` returns a function from the text's vector to a score a charge.

All but naive Bayes see a text only through its similarities to the training cases (the kernel), so that a text costs
one sparse product, and ridge regression for all charges together one factorisation of a matrix cases by cases.
"""

import numpy as np
from scipy import linalg, sparse

DENSE_FROM = 1 / 40


def fit(learnt, target, charges, params):
    """Fits `params["method"]` to the vectors `learnt` (CSR, a case a row) and the charges' numbers `target`."""
    member = np.zeros((len(target), charges), dtype=np.float32)
    member[np.arange(len(target)), target] = 1
    method = params["method"]
    if method == "bayes":
        return bayes(learnt, member, params["smoothing"])
    across = sparse.csr_matrix(learnt.T)
    if method == "neighbours":
        return neighbours(across, target, charges, params["neighbours"], params["sharpness"])
    if method == "centroid":
        return kernel_method(across, centroid(learnt, member))
    inner = gram(learnt)
    if method == "ridge":
        return kernel_method(across, ridge(inner, member, params["ridge"]))
    return blend(across, ridge(inner, member, params["ridge"]), centroid(learnt, member), params["centroid_share"])


def standardise(scores):
    """Mean 0 and standard deviation 1 over the charges (the last axis), so that scores of methods can be added."""
    spread = scores.std(axis=-1, keepdims=True)
    return (scores - scores.mean(axis=-1, keepdims=True)) / np.where(spread > 0, spread, 1)


def similarities(across, text):
    """The cosines of `text` (CSR, one row) with all training cases; `across` is their matrix, n-grams by cases."""
    return (text @ across).toarray()[0]


def kernel_method(across, coefficients):
    """Scores linear in the similarities; `coefficients` are cases by charges."""
    return lambda text: similarities(across, text) @ coefficients


def blend(across, one, other, share):
    """The standardised scores of two linear methods, `other` with weight `share`."""

    def score(text):
        near = similarities(across, text)
        return (1 - share) * standardise(near @ one) + share * standardise(near @ other)

    return score


def ridge(inner, member, strength):
    """Dual coefficients of kernel ridge regression onto the indicator of each charge (Saunders et al. 1998)."""
    inner = inner.copy()
    inner.flat[:: len(inner) + 1] += strength
    return linalg.solve(inner, member, assume_a="pos", overwrite_a=True, check_finite=False)


def centroid(learnt, member):
    """Coefficients that give the cosine with the mean vector of each charge (Rocchio)."""
    sums = sparse.csr_matrix(member.T) @ learnt
    lengths = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1)).ravel())
    return member / np.maximum(lengths, 1e-12).astype(np.float32)


def neighbours(across, target, charges, count, sharpness):
    """A vote of the most similar cases."""
    return lambda text: vote(similarities(across, text), target, charges, count, sharpness)


def vote(near, target, charges, count, sharpness):
    """A score a charge: of the `count` most similar cases each counts its similarity to the power `sharpness`."""
    nearest = np.argsort(-near, kind="stable")[:count]
    return np.bincount(target[nearest], weights=near[nearest] ** sharpness, minlength=charges)


def bayes(learnt, member, smoothing):
    """Multinomial naive Bayes with equal priors over the weights of n-grams, smoothed by adding `smoothing` to each."""
    sums = sparse.csr_matrix(learnt.T @ sparse.csr_matrix(member))
    totals = np.asarray(sums.sum(axis=0)).ravel() + smoothing * learnt.shape[1]
    # log((sum + s) / total) = log(1 + sum / s) + log(s / total): the first term is sparse, the second one a charge.
    sums.data = np.log1p(sums.data / smoothing)
    base = np.log(smoothing / totals)

    def score(text):
        return (text @ sums).toarray()[0] + text.sum() * base

    return score


def gram(learnt):
    """Similarities of all pairs of training cases.

    Frequent n-grams are multiplied as a dense block and the many rare ones sparsely: five times faster than either.
    """
    frequent = np.bincount(learnt.indices, minlength=learnt.shape[1]) > DENSE_FROM * learnt.shape[0]
    dense = learnt[:, np.flatnonzero(frequent)].toarray()
    rare = learnt[:, np.flatnonzero(~frequent)]
    return dense @ dense.T + (rare @ rare.T).toarray()
