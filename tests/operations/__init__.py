"""Tests of ``django_ami.operations``, with settings of their own where processes run."""
