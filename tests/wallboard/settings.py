"""The settings of ``tests.wallboard.site``.

It has logins in the database SITE_DATABASE (JSON); without one it lets everybody in. Its feed is
SITE_FEED (JSON), or the memory of the process.
"""

from __future__ import annotations

import json
import os

DATABASE = json.loads(os.environ.get("SITE_DATABASE", "null"))
SECRET_KEY = "only-for-tests"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.wallboard.urls"
MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware"]
DATABASES = {}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_ami",
    "django_ami.live.feed",
    "django_ami.wallboard",
]
AMI_SERVERS = {"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}}
AMI_FEED = json.loads(os.environ.get("SITE_FEED", '"memory"'))
AMI_WALLBOARD: dict[str, object] = {
    "MAX_STREAMS": int(os.environ.get("SITE_STREAMS", "2000")),
    "MAX_STREAMS_PER_USER": 2000,
}

if DATABASE:
    DATABASES["default"] = DATABASE
    MIDDLEWARE += [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
else:
    AMI_WALLBOARD["ACCESS"] = "tests.wallboard.urls.everybody"
