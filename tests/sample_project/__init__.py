"""An example of a user's project, for the type checker: no Any comes out of the public API
(``test_types.py``).
"""
