"""What the names of the charges tell without any learning."""

import itertools
import re

import numpy as np


class Names:
    """The charges in a fixed order, and how well their names fit a text."""

    def __init__(self, labels):
        self.labels = list(labels)
        self._forms = [forms(label) for label in self.labels]
        self._characters = [set("".join(spelt)) - set("、") for spelt in self._forms]
        self._several = [len(spelt) > 1 for spelt in self._forms]

    def overlap(self, facts):
        """For each charge, the share of the characters of its name that occur in `facts`."""
        seen = set(facts)
        return np.array([len(name & seen) / len(name) for name in self._characters])

    def named(self, facts):
        """1.0 for each charge that `facts` spell out, else 0.0.

        Only charges of several forms can be spelt out: the publishers of the data masked every literal occurrence of
        a case's own charge, so that for a plain name an occurrence speaks of some other case.
        """
        return np.array(
            [
                float(several and any(form in facts for form in spelt))
                for several, spelt in zip(self._several, self._forms, strict=True)
            ]
        )

    def tell(self, facts):
        """Both for each charge, an array charges by 2."""
        return np.column_stack([self.named(facts), self.overlap(facts)])


def forms(label):
    """The ways to spell a charge: a bracket stands for any one of the alternatives in it, or for all in a row."""
    parts = re.split(r"\[([^\]]*)\]", label)
    choices = [{*part.split("、"), part} if place % 2 else {part} for place, part in enumerate(parts)]
    return sorted("".join(choice) for choice in itertools.product(*map(sorted, choices)))
