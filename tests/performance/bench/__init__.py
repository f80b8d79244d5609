"""The benchmark: the engine beside its peers, on music that the benchmark composes and renders itself.

`python -m tests.performance.bench` (or `make bench`) runs it; docs/benchmarks.md says what is measured and how.
"""
