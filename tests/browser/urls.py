"""The wallboard, and the login."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("wallboard/", include("django_ami.wallboard.urls")),
    path("login/", LoginView.as_view(template_name="browser/login.html"), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
]
