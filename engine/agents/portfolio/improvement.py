"""The proposal of which a Gaussian process expects the most improvement (Jones et al., 1998)."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from threadpoolctl import threadpool_limits

from engine.agents.portfolio import probed
from engine.agents.portfolio.encoding import Encoding, encoding, place, value_at
from engine.agents.portfolio.gaussian_process import Process, condition, fit
from engine.agents.portfolio.probed import Params
from engine.agents.portfolio.variation import crossed
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

Array = NDArray[np.float64]
LATEST, BEST = 150, 50
"""So many of the latest probes are modelled, and so many of the best before them: a fit takes time by their cube."""
_DRAWN, _ROUNDS, _LEADERS = 200, 8, 6
_REACHES = (0.3, 0.1, 0.03, 0.01, 0.003)


def draw(
    harness: Harness, probes: Sequence[t.ProbeFinished], seed: int, count: int, avoided: Container[object] = ()
) -> list[Params]:
    """`count` proposals after `probes`, none of which is `avoided`. They are taken to score what the process expects of
    them (Ginsbourger et al., "Kriging is well-suited to parallelize optimization", 2010).
    """
    # on small matrices more threads only wait for each other, and they sum in another order on each machine
    with threadpool_limits(1, "blas"):
        return _drawn_one_by_one(harness, probes, random.Random(seed), count, avoided)


def _drawn_one_by_one(
    harness: Harness,
    probes: Sequence[t.ProbeFinished],
    chance: random.Random,
    count: int,
    avoided: Container[object],
) -> list[Params]:
    of = encoding(harness)
    known = {probed.key(harness, probe.params) for probe in probes}
    probes = _modelled(probes)
    points = np.array([of.point(probe.params) for probe in probes])
    told = _scores(probes)
    scores, noise = _evened(told), known_noise(probes) / max(float(told.var()), 1e-12)
    seen = [dict(probe.params) for probe in probes]
    process, parameters = fit(points, scores, of.owners, noise)
    made: list[Params] = []
    while len(made) < count:
        # where scores are noisy, what the process makes of them: the highest is so by luck, too
        levels = process.predict(points)[0] if noise.any() else scores
        best = [seen[i] for i in np.argsort(-levels)[:_LEADERS]]
        order = _by_expectation(of, process, best, float(levels.max()), chance)
        fresh = (one for one in order if probed.key(harness, one) not in known and one not in avoided)
        found = next(fresh, None)
        if found is None:
            break
        made.append(found)
        known.add(probed.key(harness, found))
        seen.append(found)
        mean, _ = process.predict(of.point(found)[None])
        points, scores, noise = np.vstack([points, of.point(found)]), np.append(scores, mean), np.append(noise, 0.0)
        process = condition(points, scores, of.owners, parameters, noise)
    return made


def _modelled(probes: Sequence[t.ProbeFinished]) -> Sequence[t.ProbeFinished]:
    earlier = sorted(probes[:-LATEST], key=lambda probe: (probed.eligible(probe), probe.score.score))
    return [*earlier[-BEST:], *probes[-LATEST:]]


def _scores(probes: Sequence[t.ProbeFinished]) -> Array:
    """Their scores; what failed or was refused counts as no better than the worst of the others."""
    ran = [not probe.failure and not probe.refused for probe in probes]
    scores = [probed.expected(probe) for probe in probes]
    least = min((score for score, well in zip(scores, ran, strict=True) if well), default=0.0)
    return np.array([score if well else least for score, well in zip(scores, ran, strict=True)])


def known_noise(probes: Sequence[t.ProbeFinished]) -> Array:
    """The variance of each score that is noise, as repeats have shown it: of all probes alike, and less with more."""
    measured = [probe.noise**2 for probe in probes if probe.noise]
    of_one = sum(measured) / len(measured) if measured else 0.0
    return np.array([of_one / max(1, probe.evaluations) for probe in probes])


def _evened(scores: Array) -> Array:
    """Scores with a mean of 0 and a variance of 1, and tails as even as a power transform can make them."""
    spread = scores.std()
    if len(scores) < 2 or spread < 1e-12 * max(1.0, float(np.abs(scores).max())):
        return np.zeros_like(scores)
    with np.errstate(all="ignore"):
        evened = stats.yeojohnson((scores - scores.mean()) / spread)[0]
    if not np.isfinite(evened).all() or evened.std() < 1e-9:
        evened = scores
    return np.asarray((evened - evened.mean()) / evened.std())


def _by_expectation(
    of: Encoding, process: Process, best: Sequence[Params], top: float, chance: random.Random
) -> Iterator[Params]:
    """Random places, neighbours of the best, and neighbours of what is expected most of; what promises most first."""
    harness = of.harness
    pool = [_drawn(harness, chance) for _ in range(_DRAWN)]
    pool += [neighbour(harness, chance.choice(best), chance) for _ in range(_DRAWN)]
    pool += [crossed(harness, chance.choice(best), chance.choice(best), chance) for _ in range(_DRAWN // 4)]
    points = np.array([of.point(params) for params in pool])
    values = log_improvement(*process.predict(points), top)
    for _ in range(_ROUNDS):
        leaders = [pool[i] for i in np.argsort(-values)[:_LEADERS]]
        more = [neighbour(harness, chance.choice(leaders), chance) for _ in range(_DRAWN // 4)]
        found = log_improvement(*process.predict(np.array([of.point(params) for params in more])), top)
        pool, values = pool + more, np.concatenate([values, found])
    return (pool[i] for i in np.argsort(-values))


def log_improvement(mean: Array, spread: Array, top: float) -> Array:
    """The logarithm of the expected improvement on `top`, exact far below it as well (Ament et al., "Unexpected
    improvements to expected improvement", 2023).
    """
    z = (mean - top) / spread
    near = np.maximum(z, -1.0)
    close = np.log(np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi) + near * special.ndtr(near))
    far_z = np.minimum(z, -1.0)
    ratio = np.sqrt(np.pi / 2) * special.erfcx(-far_z / np.sqrt(2)) * np.abs(far_z)
    far = -0.5 * far_z**2 - 0.5 * np.log(2 * np.pi) + np.log(np.maximum(1 - ratio, 1e-16))
    return np.asarray(np.where(z > -1, close, far) + np.log(spread))


def _drawn(harness: Harness, chance: random.Random) -> Params:
    return {name: _any(tunable, chance) for name, tunable in harness.manifest.tunables.items()}


def _any(tunable: Tunable, chance: random.Random) -> Value:
    return chance.choice(tunable.choices) if tunable.type == "choice" else value_at(tunable, chance.random())


def neighbour(harness: Harness, params: Mapping[str, Value], chance: random.Random) -> Params:
    """`params` with one, some or all of the active values changed, numbers by a reach that is drawn."""
    changed = {**harness.params, **params}
    active = list(harness.active(changed))
    how_many = chance.choice((1, 1, 2, 3, len(active)))
    reach = chance.choice(_REACHES)
    for name in chance.sample(active, min(how_many, len(active))):
        tunable = harness.manifest.tunables[name]
        if tunable.type == "choice":
            if how_many < 4 or chance.random() < 0.2:
                changed[name] = chance.choice(tunable.choices)
            continue
        changed[name] = value_at(tunable, place(tunable, changed[name]) + chance.gauss(0, reach))
        if tunable.type == "int" and changed[name] == params.get(name):
            changed[name] = int(min(tunable.high, max(tunable.low, int(changed[name]) + chance.choice((-1, 1)))))
    return changed
