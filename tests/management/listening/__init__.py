"""A project with nothing but receivers, for the tests of ``ami_listen``."""
