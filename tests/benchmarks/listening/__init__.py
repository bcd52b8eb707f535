"""A small project for ``manage.py ami_listen``: receivers as a user would write them, and a meter
beside them.
"""
