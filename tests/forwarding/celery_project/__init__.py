"""A project whose receivers run in workers of Celery; the environment says how."""
