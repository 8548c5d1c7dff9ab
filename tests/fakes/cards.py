"""A GPU that is not there: guests that answer the orders of `domains.trimul.gpu` in numpy, by clocks that are set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from domains.contract import Device, Guest, GuestFailed, Reply
from domains.trimul import gpu_cases
from domains.trimul.cases import Case, inputs

CARD = Device("cuda", "a card", 50e3, 3000.0, 2, 80.0, "535.1", {"fp32": 50e3, "tf32": 400e3, "bf16": 800e3})
EMPTY_S = 0.050
"""What an order takes without a kernel."""
LIBRARY = b"\x7fELF of a kernel"
Arrays = list[np.ndarray]


def trimul(x: np.ndarray, mask: np.ndarray, weights: Arrays) -> np.ndarray:
    """The update as it is written down."""
    scale, shift, left, right, left_gate, right_gate, out_gate, out_scale, out_shift, out = weights

    def normed(value: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        centred = value - value.mean(-1, keepdims=True)
        return np.asarray(centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * scale + shift)

    def gate(weight: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(y @ weight.T))))

    y = normed(x, scale, shift)
    a = y @ left.T * mask[..., None] * gate(left_gate)
    b = y @ right.T * mask[..., None] * gate(right_gate)
    made = np.einsum("bikh,bjkh->bijh", a, b)
    return np.asarray(normed(made, out_scale, out_shift) * gate(out_gate) @ out.T)


class Card:
    """A guest on that GPU. `kernel_s` is what a call takes, `claim` what it says of that."""

    def __init__(
        self,
        memory_bytes: int,
        kernel: Callable[[np.ndarray, np.ndarray, Arrays], np.ndarray] = trimul,
        kernel_s: float = 0.002,
        claim: Callable[[list[float]], Any] = lambda times: times,
        jitter: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.memory = memoryview(bytearray(memory_bytes))
        self.kernel, self.kernel_s, self.claim, self.jitter = kernel, kernel_s, claim, jitter
        self.orders: list[str] = []
        self.weights_at_put: bytes = b""
        self.late: list[Callable[[], None]] = []

    def ask(self, order: Any, wall_s: float) -> Reply:
        self.orders.append(order[0])
        value, seconds = getattr(self, order[0])(*order[1:])
        return Reply(value, min(seconds, wall_s))

    def draw(self, shape: list[int], count: int, masked: bool, distribution: Any, seed: int) -> tuple[Any, float]:
        batch, n, dim, hidden = shape
        self.case, self.count = Case(n, batch, dim, masked, distribution, hidden), count
        source = np.random.default_rng(seed)
        at = gpu_cases.layout(self.case, count)
        x, mask, *_ = inputs(self.case, source)
        packs = [np.concatenate([*inputs(self.case, source)[2:], source.standard_normal(dim)]) for _ in range(count)]
        for start, part in ((0, x), (at.mask, mask), (at.weights, np.concatenate(packs))):
            content = part.astype(np.float32).tobytes()
            self.memory[start : start + len(content)] = content
        return "", 0.1

    def put(self, shape: list[int], count: int) -> tuple[Any, float]:
        batch, n, dim, hidden = shape
        self.case, self.count = Case(n, batch, dim, False, "normal", hidden), count
        at = gpu_cases.layout(self.case, count)
        self.weights_at_put = bytes(self.memory[at.weights : at.outputs])
        return "", 0.1

    def call(self, empty: bool) -> tuple[Any, float]:
        if empty:
            return [1e-6] * self.count, EMPTY_S + self.jitter()
        self.write()
        return self.claim([self.kernel_s] * self.count), EMPTY_S + self.jitter() + self.count * self.kernel_s

    def expect(self) -> tuple[Any, float]:
        for work in self.late:
            work()
        self.write()
        return "", 0.1

    def write(self) -> None:
        """Every call's output."""
        at = gpu_cases.layout(self.case, self.count)
        view = np.frombuffer(self.memory, dtype=np.float32)
        batch, n, dim, hidden = self.case.shape()
        x = view[: self.case.sizes()[0]].reshape(batch, n, n, dim)
        mask = view[at.mask // 4 :][: batch * n * n].reshape(batch, n, n)
        sizes = [*self.case.sizes()[2:-1], dim]
        shapes = [(dim,), (dim,), *[(hidden, dim)] * 5, (hidden,), (hidden,), (dim, hidden), (dim,)]
        start = at.weights // 4
        for number in range(self.count):
            parts = []
            for size, shape in zip(sizes, shapes, strict=True):
                parts.append(view[start : start + size].reshape(shape))
                start += size
            made = self.kernel(x + parts[-1], mask, parts[:-1]).astype(np.float32).ravel()
            view[at.outputs // 4 + number * made.size :][: made.size] = made


class Builder(Card):
    """A compiler whose library is LIBRARY."""

    def ask(self, order: Any, wall_s: float) -> Reply:
        self.memory[: len(LIBRARY)] = LIBRARY
        return Reply(len(LIBRARY), wall_s)


class Machine:
    """A kernel runner on that GPU: the house is honest, the guest is what `guest` makes, and `others` what others do,
    before and after it."""

    def __init__(self, guest: Callable[[int], Card], device: Device = CARD, others: tuple[str, str] = ("", "")) -> None:
        self._guest, self._device, self._others = guest, device, others
        self.opened: list[Guest] = []
        self.running = 0
        self.house: Card
        self.card: Card

    def device(self) -> Device:
        return self._device

    @contextlib.contextmanager
    def open(self, guest: Guest) -> Iterator[Card]:
        self.opened.append(guest)
        if guest.room == "build":
            yield Builder(guest.memory_bytes)
            return
        self.running += 1
        try:
            if guest.room == "house":
                self.house = self.house_of(guest.memory_bytes)
                yield self.house
            else:
                self.card = self._guest(guest.memory_bytes)
                yield self.card
        finally:
            self.running -= 1

    def house_of(self, memory_bytes: int) -> Card:
        return Card(memory_bytes)

    def others_on_gpu(self, *, wait: bool) -> str:
        assert not self.running, "the sample would hold what guests of ours do"
        return self._others[not wait]

    def compare(self, *_: Any) -> Any:
        raise AssertionError("a GPU is not timed in turns")


class Dies(Card):
    """A guest that ends in its first call."""

    kind = "resource"

    def call(self, empty: bool) -> tuple[Any, float]:
        raise GuestFailed(self.kind, "took more than 24576 MB")
