"""The settings of the test-suite.

The app alone, and the demo's, whose views and receivers are tested, too.
"""

from __future__ import annotations

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_ami",
    "demo_project.calls",
    "django_ami.forwarding",
    "django_ami.live.feed",
    "django_ami.operations",
    "django_ami.wallboard",
]
#: A test that wants a feed says so.
AMI_FEED = None
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AMI_SERVERS = {"node_1": {"HOST": "127.0.0.1", "PORT": 1, "USERNAME": "admin", "SECRET": "amp111"}}

# Of the demo.
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "index"
ROOT_URLCONF = "demo_project.urls"
STATIC_URL = "/static/"  # of the admin
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
DEMO_CHANNEL = "Local/{exten}@default"
DEMO_CONTEXT = "default"
DEMO_NUMBERS = "[0-9]{2,6}"
