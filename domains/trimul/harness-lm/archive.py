"""The kernels that have been tried, with their times: what the model is told, and what is submitted."""

import json
import subprocess
import sys
from pathlib import Path

FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]


def kept(folder):
    """The kernels that lie in a folder, by name."""
    for path in sorted(folder.glob("*.py")):
        code = path.with_suffix(".cpp")
        kernel = {"language": "torch", "source": path.read_text()}
        if code.exists():
            kernel |= {"language": "c++", "code": code.read_text(), "flags": FLAGS}
        yield path.stem, kernel


class Archive:
    """Each kernel beside what its trial found; trials are timed here, so they rank kernels and are no score."""

    def __init__(self, reference, trial_s):
        self._reference, self._trial_s = reference, trial_s
        self._tried = []

    def add(self, name, kernel):
        """Tries a kernel, in a process of its own; one sentence on it."""
        found = self._trial(kernel)
        self._tried.append((name, kernel, found))
        return said(name, found)

    def refuse(self, name, source, error):
        """Keeps what was no kernel, so that the model sees why."""
        self._tried.append((name, {"source": source}, {"error": error}))
        return said(name, {"error": error})

    def best(self):
        """The fastest kernel that is right; None where there is none."""
        right = [(found["ratio"], -place) for place, (_, _, found) in enumerate(self._tried) if "ratio" in found]
        return self._tried[-max(right)[1]][1] if right else None

    def told(self, most):
        """All that was tried, a line each, and `most` sources: of the best, of the last, then of the next best."""
        lines = [said(name, found) for name, _, found in self._tried]
        best = sorted(self._tried, key=lambda one: -one[2].get("ratio", 0.0))
        shown = {name: kernel for name, kernel, _ in [best[0], self._tried[-1], *best[1:]]}
        return "\n\n".join(["\n".join(lines), *[_shown(*one) for one in list(shown.items())[:most]]])

    def _trial(self, kernel):
        given = json.dumps({"kernel": kernel, "reference": self._reference})
        command = [sys.executable, str(Path(__file__).with_name("trial.py"))]
        try:
            done = subprocess.run(
                command, check=False, input=given, capture_output=True, text=True, timeout=self._trial_s
            )
            return json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            return {"error": f"it took longer than {self._trial_s} s"}
        except (IndexError, ValueError):
            return {"error": f"the process ended with status {done.returncode}: {done.stderr[-500:].strip()}"}


def said(name, found):
    """One kernel in a sentence."""
    if "error" in found:
        return f"{name}: {found['error']}"
    return f"{name}: right, {found['ms']:.2f} ms, {found['ratio']:.2f} times as fast as the reference"


def _shown(name, kernel):
    parts = [f"{name}:", f"```python\n{kernel['source'].strip()}\n```"]
    if kernel.get("code"):
        parts.append(f"```cpp\n{kernel['code'].strip()}\n```")
    return "\n".join(parts)
