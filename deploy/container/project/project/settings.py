"""All that differs from place to place comes from the environment."""

import environ

env = environ.Env()

SECRET_KEY = env.str("DJANGO_SECRET_KEY")
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
DEBUG = False
USE_TZ = True
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_ami",
    "django_ami.operations",
    "project.telephony",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
DATABASES = {"default": env.db("DATABASE_URL")}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A database that does not answer holds up no receiver for ever.
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5, "tcp_user_timeout": 20_000}

AMI_SERVERS = {"node_1": {"URL": env.str("AMI_NODE1_URL")}}
AMI_OPERATIONS = {"heartbeat_file": env.str("AMI_HEARTBEAT_FILE", "/run/ami/heartbeat.json")}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"timed": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "timed"}},
    "loggers": {
        "django_ami": {"handlers": ["console"], "level": "WARNING"},
        "django_ami.listen": {"level": "INFO"},
    },
}
