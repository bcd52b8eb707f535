"""``ami_listen`` while a real database restarts: a project whose receivers save, the drill, and its
tests.
"""
