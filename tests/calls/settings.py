"""The settings of the history's tests: its admin, and the database of ``AMI_TEST_DATABASE`` (JSON).

By default that is SQLite, in a file: Django never closes a connection to a database in memory, of
which Python 3.13 complains.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import gettempdir

FILE = Path(gettempdir(), f"django_ami-history-{os.getpid()}.sqlite3")
DATABASES = {
    "default": json.loads(os.environ.get("AMI_TEST_DATABASE", "{}"))
    or {"ENGINE": "django.db.backends.sqlite3", "NAME": FILE, "TEST": {"NAME": FILE}}
}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.install_as_MySQLdb()

SECRET_KEY = "only-for-tests"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_ami",
    "django_ami.calls",
    "django_ami.live.feed",
]
#: A test that wants a feed says so.
AMI_FEED = None
AMI_SERVERS = {"node_1": {"URL": os.environ.get("AMI_NODE1_URL", "ami://me:amp111@127.0.0.1:1")}}
AMI_CALLS = json.loads(os.environ.get("AMI_TEST_CALLS", "{}"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "tests.calls.urls"
STATIC_URL = "/static/"
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
