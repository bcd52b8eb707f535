"""The settings of ``tests.wallboard.site``.

With SITE_LOGINS it asks for a login, else it lets everybody in. Its database is SITE_DATABASE
(JSON). Its feed is SITE_FEED, or the memory of the process.
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
DATABASES = {"default": DATABASE} if DATABASE else {}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_ami",
    "django_ami.live.feed",
    "django_ami.wallboard",
]
AMI_SERVERS = {"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}}
AMI_FEED = os.environ.get("SITE_FEED", "memory")
AMI_WALLBOARD: dict[str, object] = {
    "MAX_STREAMS": int(os.environ.get("SITE_STREAMS", "2000")),
    "MAX_STREAMS_PER_USER": 2000,
}

if "SITE_LOGINS" in os.environ:
    MIDDLEWARE += [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
else:
    AMI_WALLBOARD["ACCESS"] = "tests.wallboard.urls.everybody"
