"""Every kind of web server and task queue against a simulated Asterisk.

``scripts/servers`` runs them all, once.
"""
