"""What a user's project may look like, for the type checker: no Any comes out of what is public (``test_types.py``)."""
