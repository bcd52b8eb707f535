"""Settings of the demo: one server, from the environment, or from ``.env`` beside manage.py."""

import re
from pathlib import Path

import django
import environ

from demo_project.policy import POLICY

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DJANGO_DEBUG", default=True)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", default="only-for-the-demo")
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_ami",
    "django_ami.live.feed",
    "django_ami.operations",
    "django_ami.wallboard",
    "demo_project.calls",
]
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    (
        "django.middleware.csp.ContentSecurityPolicyMiddleware"
        if django.VERSION >= (6,)
        else "demo_project.policy.content_security_policy"
    ),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
SECURE_CSP = POLICY
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "index"
STATIC_URL = "static/"
ROOT_URLCONF = "demo_project.urls"
WSGI_APPLICATION = "demo_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "demo_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'demo.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Receivers and pages write at the same time.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")

AMI_SERVERS = {
    "node_1": {
        "HOST": env.str("AMI_NODE1_HOST", default="127.0.0.1"),
        "PORT": env.int("AMI_NODE1_PORT", default=5038),
        "USERNAME": env.str("AMI_NODE1_USERNAME", default="admin"),
        "SECRET": env.str("AMI_NODE1_SECRET", default="amp111"),
    },
}
#: From which channels and into which context the demo dials.
DEMO_CHANNEL = env.str("DEMO_CHANNEL", default="Local/{exten}@default")
DEMO_CONTEXT = env.str("DEMO_CONTEXT", default="default")
#: The numbers that the demo dials, as a regular expression: extensions, which cost nothing.
DEMO_NUMBERS = env.str("DEMO_NUMBERS", default="[0-9]{2,6}")
#: The telephone of whoever clicks on the wallboard, and the trunk that leads outside.
DEMO_PHONE = env.str("DEMO_PHONE", default="PJSIP/100")
DEMO_TRUNK = env.str("DEMO_TRUNK", default="PJSIP/provider")

#: The rights of each user who is logged in: click to call, and the buttons of the wallboard.
AMI_PERMISSIONS = {
    "everybody": {
        "actions": {
            "Originate": {
                # To listen in, on the wallboard.
                "Application": "ChanSpy",
                "Data": r"[\w.:-]+,quE[wB]?",
                "Variable": r"AMI_WALLBOARD_LISTENS=\w+",
            },
            "Hangup": {},
            "QueuePause": {},
            "Redirect": {},
        },
        "contexts": sorted({DEMO_CONTEXT, DEMO_CHANNEL.partition("@")[2] or DEMO_CONTEXT}),
        "numbers": DEMO_NUMBERS,
        "devices": rf"{re.escape(DEMO_PHONE)}|{re.escape(DEMO_CHANNEL)}".replace(
            re.escape("{exten}"), "[0-9A-Za-z_.-]+"
        ),
        "calls_per_minute": env.int("DEMO_CALLS_PER_MINUTE", default=10),
    }
}

AMI_LIVE = {"trunks": [DEMO_TRUNK], "shared_lastcall": True}
AMI_WALLBOARD = {
    "CLICK_TO_CALL": {"CHANNEL": "demo_project.calls.phones.phone_of", "CONTEXT": DEMO_CONTEXT},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "brief": {
            "format": "{asctime} {levelname:<7} {message}",
            "style": "{",
            "datefmt": "%H:%M:%S",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "brief"}},
    "loggers": {
        "django_ami": {
            "handlers": ["console"],
            "level": env.str("AMI_LOG_LEVEL", default="WARNING"),
        },
        "demo_project": {"handlers": ["console"], "level": "INFO"},
    },
}
