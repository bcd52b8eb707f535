"""The programs that are measured.

``python -m tests.benchmarks.clients.NAME TASK JSON`` prints its result as JSON.

Every program knows the same tasks, as far as its library can do them, and does them as the
library's documentation shows it. Their results have the same keys, too, so that a scenario can
compare them.
"""
