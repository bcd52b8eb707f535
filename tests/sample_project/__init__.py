"""An example of a user's project, for the type checker.

No Any comes out of the public API (``test_types.py``).
"""
