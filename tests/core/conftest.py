"""Hypothesis as this suite wants it: the same examples in every run, and no clock."""

from hypothesis import settings

from tests.core.io_support import authority, no_bugs, sim  # noqa: F401  (fixtures of the tests over real TCP)

settings.register_profile("django_ami", deadline=None, derandomize=True, database=None)
settings.load_profile("django_ami")
