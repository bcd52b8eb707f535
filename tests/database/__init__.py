"""``ami_listen`` while a real database restarts.

A project whose receivers save, the drill, and its tests.
"""
