"""The commands of the wallboard: place a call, end, transfer and hear one, pause an agent.

Rule: a command is a POST with Django's CSRF token, of a visitor whose access has the deed in
``may``. It does not wait without an end, and never in an event loop.
"""
