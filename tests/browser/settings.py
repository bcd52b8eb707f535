"""A project with the wallboard, SQLite in the file AMI_TEST_FILE, and a strict policy for content.

AMI_TEST_LANGUAGE is its language, AMI_TEST_SERVER the name of its server. AMI_TEST_AHEAD is the
file of a clock: see ``ahead.py``.
"""

from __future__ import annotations

import os

from tests.browser import ahead

if "AMI_TEST_AHEAD" in os.environ:
    ahead.follow(os.environ["AMI_TEST_AHEAD"])

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_ami",
    "django_ami.live.feed",
    "django_ami.operations",
    "django_ami.wallboard",
    "tests.browser",
]
MIDDLEWARE = [
    "tests.browser.policy.strict",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["AMI_TEST_FILE"],
        "OPTIONS": {"timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "tests.browser.urls"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "ami_wallboard:wallboard"
STATIC_URL = "static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = os.environ.get("AMI_TEST_LANGUAGE", "en")
if "AMI_TEST_REDIS" in os.environ:
    AMI_FEED = {"BACKEND": "redis", "URL": os.environ["AMI_TEST_REDIS"]}
AMI_SERVERS = {
    os.environ.get("AMI_TEST_SERVER", "node_1"): {
        "URL": os.environ.get("AMI_NODE1_URL", "ami://me:amp111@127.0.0.1:1")
    }
}
if "AMI_TEST_HEARTBEAT_SECONDS" in os.environ:
    AMI_OPTIONS = {"heartbeat_interval": float(os.environ["AMI_TEST_HEARTBEAT_SECONDS"])}
AMI_OPERATIONS = {"lease_timeout": 3, "standby_interval": 0.2, "heartbeat_interval": 0.5}
AMI_WALLBOARD = {
    "STREAM_MINUTES": float(os.environ.get("AMI_TEST_STREAM_MINUTES", "10")),
    "QUEUES": {"rush": {"WAIT_WARNING_SECONDS": 2, "WAIT_CRITICAL_SECONDS": 4}},
    "CLICK_TO_CALL": {
        "CHANNEL": "tests.browser.people.telephone",
        # A word in the place of a number tells the simulated Asterisk how such a call ends.
        "NUMBER": r"[a-z0-9+]{2,20}",
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
