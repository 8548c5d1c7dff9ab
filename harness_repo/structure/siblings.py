"""Functions that take the same arguments, so that one may stand for another.

Of Python's builtins, of `math`, `statistics` and `random`, of numpy, and methods of containers, texts, arrays and
numpy's generators.
"""

from __future__ import annotations

_ONE_OF = "min max sum len"
_BUILTINS = ("any all", "list tuple set sorted", "abs round int float")
_MANY = "min max"
"""With several arguments or a `key`."""
_MODULES = {
    "math": (
        "sin cos tan sinh cosh tanh asin acos atan asinh sqrt cbrt", "exp expm1 exp2", "log log2 log10 log1p",
        "floor ceil trunc", "degrees radians", "hypot atan2 fmod", "fsum prod",
    ),
    "statistics": ("mean fmean median median_low median_high mode harmonic_mean", "stdev pstdev variance pvariance"),
    "random": ("uniform gauss normalvariate lognormvariate", "choice min max"),
    "numpy": (
        "mean median min max sum prod std var ptp", "argmin argmax", "cumsum cumprod sort",
        "sin cos tan sinh cosh tanh arctan arcsinh sqrt cbrt square abs", "exp expm1 exp2",
        "log log2 log10 log1p", "floor ceil rint trunc", "minimum maximum fmin fmax hypot",
        "add subtract multiply divide", "zeros ones eye identity", "zeros ones random.random random.standard_normal",
        "zeros_like ones_like",
        "linspace geomspace", "array vstack hstack concatenate column_stack",
    ),
    "numpy.random": (
        "rand randn", "random random_sample standard_normal standard_exponential standard_cauchy",
        "uniform normal laplace logistic gumbel",
    ),
}  # fmt: skip
_METHODS = (
    "append appendleft", "pop popleft", "lower upper title", "strip lstrip rstrip", "startswith endswith",
    "find rfind", "split rsplit", "mean sum min max std prod", "argmin argmax", "keys values",
    "random standard_normal standard_exponential standard_cauchy", "uniform normal laplace logistic gumbel",
    "union intersection difference symmetric_difference",
)  # fmt: skip
_OF_DEQUES = {"appendleft", "popleft"}


def functions(full: str, arguments: int) -> list[str]:
    """Other functions of the same module that take the same arguments, under their full names.

    `arguments` counts all of them; a builtin's name has no dot. A name may lead into a module below: `numpy.random.x`.
    """
    module, _, name = full.rpartition(".")
    if not module:
        groups = (*_BUILTINS, _ONE_OF) if arguments == 1 else (_MANY,)
        return _others(name, groups)
    found = [f"{module}.{other}" for other in _others(name, _MODULES.get(module, ()))]
    if module == "random" and "random.min" in found:
        return ["min", "max"]  # one of a sequence, as `choice` is
    return found


def methods(name: str, *, deques: bool) -> list[str]:
    """Other methods that take the same arguments; those of deques alone only where the program has `deques`."""
    return [other for other in _others(name, _METHODS) if deques or other not in _OF_DEQUES]


def _others(name: str, groups: tuple[str, ...]) -> list[str]:
    found = [other for group in groups if name in group.split() for other in group.split() if other != name]
    return list(dict.fromkeys(found))
