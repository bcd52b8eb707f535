"""Operation by people who did not write it: one listener per server, with takeover.

An app of its own, with tables. ``docs/operations.md`` tells of it.
"""
