"""Two sites with a stream of the same changes: the wallboard, and a group of Django Channels.

A change is an object whose name is the time at which it was published.
"""
