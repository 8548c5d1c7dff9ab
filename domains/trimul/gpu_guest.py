"""What runs inside the sandbox on a GPU: the reference, or a candidate, called as often as the grader orders.

Nothing here is a protection, as in `guest.py`: see `gpu_clock` for what binds a guest that lies. Where `device` is cpu
the same orders are served by a processor, for tests.
"""

import os
import time

import guest

FLUSH_BYTES = 256 << 20


def prepare(ctx):
    """Imports torch and touches no GPU, which a fork would lose."""
    return guest.prepare(ctx)


def solve(instance, ctx):
    """Serves orders [name, ...]: a method of `Served` each; a kernel's fault is a text."""
    import torch

    threads, given = ctx.prepared, instance.data
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)
    if given["language"] == "build":
        if given["cuda"]:
            os.environ["TORCH_CUDA_ARCH_LIST"] = architecture(*torch.cuda.get_device_capability())
        guest.build(given, ctx)
        return
    if given["visible"]:
        os.environ["CUDA_VISIBLE_DEVICES"] = given["visible"]  # before the first use of a GPU
    served = Served(ctx.line.memory, given["device"], guest.load(given))
    while (order := ctx.line.order()) is not None:
        ctx.line.reply(getattr(served, order[0])(*order[1:]))


def architecture(major, minor):
    """What CUDA C++ is compiled for: from Hopper on with what only that architecture has, such as sm_90a's wgmma."""
    return f"{major}.{minor}" + ("a" if major >= 9 else "")


class Served:
    """A kernel, and the case that it is put to."""

    def __init__(self, memory, device, kernel):
        import torch

        self.torch, self.memory, self.device, self.kernel = torch, memory, device, kernel
        self.on_gpu, self.lines = device == "cuda", None
        if self.on_gpu:
            self.lines = torch.empty(FLUSH_BYTES // 4, dtype=torch.int32, device=device)
            start = torch.frombuffer(memory, dtype=torch.uint8).data_ptr()
            torch.cuda.cudart().cudaHostRegister(start, len(memory), 0)  # copies are faster; without it they still work

    def put(self, shape, count):
        """Takes the input and the mask to the device, before any clock runs. Weights are not known yet."""
        self._lay_out(shape, count)
        self.x, self.mask = self._there(self.host_x), self._there(self.host_mask)
        self._finish()
        return ""

    def draw(self, shape, count, masked, distribution, seed):
        """Only in the house: draws everything on the device and leaves it in the shared memory."""
        torch = self.torch
        self._lay_out(shape, count)
        source = torch.Generator(self.device).manual_seed(seed)

        def normal(*size):
            return torch.randn(*size, generator=source, device=self.device)

        batch, n, dim, hidden = shape
        if distribution == "normal":
            self.x = normal(batch, n, n, dim)
        else:
            u = torch.rand(batch, n, n, dim, generator=source, device=self.device)
            self.x = u.sub_(0.5).mul_(torch.pi).tan_().mul_(2.0)
        self.mask = torch.ones(batch, n, n, device=self.device)
        if masked:
            self.mask = torch.randint(0, 2, (batch, n, n), generator=source, device=self.device).float()
        scales = [1.0, 1.0, *[hidden**-0.5] * 5, 1.0, 1.0, dim**-0.5, 0.5]
        for pack in self.packs:
            parts = [normal(size) * scale for size, scale in zip(self._sizes(), scales, strict=True)]
            pack.copy_(torch.cat(parts))
        self.host_x.copy_(self.x)
        self.host_mask.copy_(self.mask)
        self.blank = torch.zeros_like(self.x)
        self._finish()
        return ""

    def call(self, empty):
        """The timed order; the reply is seconds of each call by the device's clock. Outputs go to the shared memory.

        Each call has weights of its own, which have only now been written, and an input moved by a vector of its own:
        nothing could be computed ahead. With `empty` everything is done but the kernel.
        """
        outputs, marks = [], []
        for number in range(self.count):
            data = self._data(number)
            if self.lines is not None:
                self.lines.zero_()  # nothing of the input is left in the GPU's cache
            start = self._mark()
            made = self.blank if empty else self.kernel(data)
            marks.append((start, self._mark()))
            if fault := self._fault(made):
                return fault
            outputs.append(made)
        self._finish()
        for there, made in zip(self.outputs, outputs, strict=True):
            there.copy_(made)
        return [self._between(*pair) for pair in marks]

    def expect(self):
        """Only in the house: what the calls should have returned."""
        for number, there in enumerate(self.outputs):
            there.copy_(self.kernel(self._data(number)))
        return ""

    def _lay_out(self, shape, count):
        """Views of the shared memory, as `gpu_cases.layout` has it."""
        self.x = self.mask = self.blank = None
        if self.on_gpu:
            self.torch.cuda.empty_cache()
        self.shape, self.count = shape, count
        batch, n, dim, _ = shape
        cells, at = batch * n * n, 0
        views = []
        for numbers in (cells * dim, cells, count * sum(self._sizes()), count * cells * dim):
            views.append(self.torch.frombuffer(self.memory, dtype=self.torch.float32, count=numbers, offset=at))
            at += -(-4 * numbers // 64) * 64
        self.host_x, self.host_mask = views[0].view(batch, n, n, dim), views[1].view(batch, n, n)
        self.packs, self.outputs = views[2].view(count, -1), views[3].view(count, batch, n, n, dim)

    def _sizes(self):
        _, _, dim, hidden = self.shape
        return [dim, dim, *[hidden * dim] * 5, hidden, hidden, dim * hidden, dim]

    def _data(self, number):
        """The arguments of call `number`, on the device."""
        _, _, dim, hidden = self.shape
        *parts, shift = self._there(self.packs[number]).split(self._sizes())
        shapes = [(dim,), (dim,), *[(hidden, dim)] * 5, (hidden,), (hidden,), (dim, hidden)]
        weights = {name: part.view(at) for name, part, at in zip(guest.WEIGHTS, parts, shapes, strict=True)}
        return self.x + shift, self.mask, weights, {"hidden_dim": hidden, "dim": dim}

    def _fault(self, made):
        torch = self.torch
        right = type(made) is torch.Tensor and made.dtype == torch.float32 and made.shape == self.x.shape
        if right and made.device == self.x.device and made.is_contiguous():
            return ""
        wanted = "a contiguous float32 tensor of the shape and on the device of its input"
        return f"it returned {guest.describe(made)}, not {wanted}"

    def _there(self, tensor):
        return tensor.to(self.device) if self.on_gpu else tensor.clone()

    def _mark(self):
        if not self.on_gpu:
            return time.perf_counter()
        event = self.torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _between(self, start, end):
        return start.elapsed_time(end) / 1e3 if self.on_gpu else end - start

    def _finish(self):
        if self.on_gpu:
            self.torch.cuda.synchronize()
