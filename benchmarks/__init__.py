"""Measured claims: each benchmark appends rows to benchmarks/results, and the README quotes nothing else.

`python -m benchmarks.run` passes the parity gate, then times ours and its peers; benchmarks/README.md tells how.
"""
