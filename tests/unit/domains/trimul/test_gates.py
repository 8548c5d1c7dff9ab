"""What ptxas says of kernels, read."""

from __future__ import annotations

from domains.trimul.gates import Kernel, read

SAID = """
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'void update<4>(float const*, float*)' for 'sm_90a'
ptxas info    : Function properties for void update<4>(float const*, float*)
    64 bytes stack frame, 40 bytes spill stores, 44 bytes spill loads
ptxas info    : Function properties for helper(float)
    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 64 bytes cumulative stack size, 16384 bytes smem
ptxas info    : Compile time = 41.000 ms
ptxas info    : Compiling entry function 'gate' for 'sm_90a'
ptxas info    : Function properties for gate
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 18 registers, used 0 barriers
"""


def test_each_kernel_has_its_registers_spills_and_shared_memory() -> None:
    assert read(SAID) == [Kernel("update<4>", 255, 92, 16384), Kernel("gate", 18, 0, 0)]


def test_a_host_function_is_no_kernel() -> None:
    assert read("ptxas info    : 0 bytes gmem\n") == []
