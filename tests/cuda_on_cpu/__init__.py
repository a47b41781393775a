"""CUDA kernels executed on the CPU, unchanged: `build` compiles a source with g++, `Program.launch` runs a kernel."""

from cuda_on_cpu.loader import SCHEDULES, Program, Stuck, build, mutated

__all__ = ["SCHEDULES", "Program", "Stuck", "build", "mutated"]
