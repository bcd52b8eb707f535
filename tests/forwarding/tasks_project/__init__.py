"""A project whose receivers run in a worker of django-tasks-db; the environment says how."""
