"""The live picture in a browser: a page for supervisors, a stream behind it, and click to call.

It is an app of its own: add ``django_ami.wallboard`` to INSTALLED_APPS, and include
``django_ami.wallboard.urls``.
"""
