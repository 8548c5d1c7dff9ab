"""Stacked generalisation (Wolpert, "Stacked Generalization", 1992): what several methods say, weighed by how right each
was about cases that it had not seen.

Every method scores each training case as if that case had not been learnt; for kernel ridge regression, centroids,
neighbours and naive Bayes that follows from the full fit without learning again. Only the weights of the n-grams, where
`weighting` is `information`, still know the case's own charge. A conditional logistic regression over each case's
likeliest charges then weighs the methods, what the charge's name tells, and how frequent the charge is.
"""

import methods
import numpy as np
from features import row_of
from scipy import linalg, optimize, sparse

PENALTY = 0.3
"""On the sum of the squared weights, beside the log-likelihood of all cases in nats."""


def fit(learnt, target, told, params):
    """A function from a text's vector and what its charges' names tell to a score a charge.

    `learnt` holds the vectors (CSR, a case a row), `target` the charges' numbers, `told` an array cases by charges by
    features of what the names tell about each training case.
    """
    charges = told.shape[1]
    member = np.zeros((len(target), charges), dtype=np.float32)
    member[np.arange(len(target)), target] = 1
    across = sparse.csr_matrix(learnt.T)
    inner = methods.gram(learnt)
    frequency = np.log((member.sum(axis=0) + 0.5) / len(target))
    near = inner.copy()
    np.fill_diagonal(near, 0)
    count, sharpness = params["neighbours"], params["sharpness"]
    unseen = [
        unseen_ridge(inner, member, params["ridge"]),
        unseen_centroid(inner, member),
        np.array([methods.vote(row, target, charges, count, sharpness) for row in near]),
        unseen_bayes(learnt, member, params["smoothing"]),
    ]
    weights = weigh(features(unseen, told, frequency), target, params["candidates"])
    linear = np.hstack([methods.ridge(inner, member, params["ridge"]), methods.centroid(learnt, member)])
    bayes = methods.bayes(learnt, member, params["smoothing"])

    def score(text, named):
        likeness = methods.similarities(across, text)
        ridge, centroid = np.split(likeness @ linear, 2)
        voted = methods.vote(likeness, target, charges, count, sharpness)
        seen = [one[None] for one in (ridge, centroid, voted, bayes(text))]
        found = features(seen, named[None], frequency)
        return (found @ weights)[0]

    return score


def features(scores, told, frequency):
    """What the charges of each text are judged by: an array texts by charges by features.

    The scores of each method (texts by charges) are standardised over the charges of a text.
    """
    columns = [methods.standardise(method)[:, :, None] for method in scores]
    common = np.broadcast_to(frequency[None, :, None], (len(told), len(frequency), 1))
    return np.concatenate([*columns, told, common], axis=2)


def weigh(found, target, candidates):
    """The weight of each feature: the charge of a case against the `candidates` likeliest ones, all cases together.

    Those are the charges with the highest mean of the methods' scores. A case whose charge is not among them tells
    nothing about how to choose, and is left out.
    """
    methods_alone = found[:, :, :4].mean(axis=2)
    likeliest = np.argsort(-methods_alone, axis=1, kind="stable")[:, :candidates]
    right = likeliest == target[:, None]
    told = right.any(axis=1)
    chosen = np.take_along_axis(found, likeliest[:, :, None], axis=1)[told]
    right = right[told].astype(float)

    def loss(weights):
        scores = chosen @ weights
        scores -= scores.max(axis=1, keepdims=True)
        share = np.exp(scores)
        share /= share.sum(axis=1, keepdims=True)
        slope = np.tensordot(share - right, chosen, axes=2) + 2 * PENALTY * weights
        return PENALTY * weights @ weights - np.log((share * right).sum(axis=1)).sum(), slope

    return optimize.minimize(loss, np.zeros(found.shape[2]), jac=True, method="L-BFGS-B").x


def unseen_ridge(inner, member, strength):
    """Scores of each case by the ridge regression of all others, from the inverse of the full system (Allen 1974)."""
    system = inner.copy()
    system.flat[:: len(inner) + 1] += strength
    factor = linalg.cholesky(system, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    return member - (inverse @ member) / np.diag(inverse)[:, None]


def unseen_centroid(inner, member):
    """Cosines of each case with the mean vectors, its own charge's without the case itself."""
    case, target = np.arange(len(member)), member.argmax(axis=1)
    sums = inner @ member
    squares = (member * sums).sum(axis=0)
    scores = sums / np.sqrt(np.maximum(squares, 1e-12))
    own = sums[case, target]
    rest = np.maximum(squares[target] - 2 * own + 1, 0)
    # A charge of a single case has no mean without it: then the case is as far from its charge as from any other.
    scores[case, target] = np.where(rest > 1e-3, (own - 1) / np.sqrt(np.maximum(rest, 1e-3)), 0)
    return scores


def unseen_bayes(learnt, member, smoothing):
    """Log-likelihoods of each case, its own charge's without the case itself."""
    count, target, row = len(member), member.argmax(axis=1), row_of(learnt)
    sums = (sparse.csr_matrix(learnt.T) @ sparse.csr_matrix(member)).tocsr()
    length = np.asarray(learnt.sum(axis=1)).ravel()
    totals = np.asarray(sums.sum(axis=0)).ravel() + smoothing * learnt.shape[1]
    rest = np.asarray(sums[learnt.indices, target[row]]).ravel() - learnt.data
    sums.data = np.log1p(sums.data / smoothing)
    scores = (learnt @ sums).toarray() + length[:, None] * np.log(smoothing / totals)
    own = np.bincount(row, weights=learnt.data * np.log(np.maximum(rest, 0) + smoothing), minlength=count)
    scores[np.arange(count), target] = own - length * np.log(totals[target] - length)
    return scores
