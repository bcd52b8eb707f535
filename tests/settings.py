"""The settings of the test-suite: the app alone, as little else as possible."""

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AMI_SERVERS = {"node_1": {"HOST": "127.0.0.1", "PORT": 1, "USERNAME": "admin", "SECRET": "amp111"}}
