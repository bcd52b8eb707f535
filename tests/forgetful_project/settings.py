"""The settings lead to the exchange: the test that runs this project says where it is."""

import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["shop", "django_ami"]  # the app stands first: it is ready before django_ami is
STATIC_URL = "static/"
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AMI_SERVERS = {"node_1": {"URL": os.environ["EXCHANGE"]}}
