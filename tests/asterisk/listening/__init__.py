"""A project with one receiver, which writes down every event, for ``ami_listen`` against a real
Asterisk.
"""
