"""Measured claims: each benchmark appends rows to benchmarks/results, and the README quotes nothing else."""
