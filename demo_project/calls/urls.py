"""The URLs of calls."""

from django.contrib.auth.views import LoginView
from django.urls import path

from demo_project.calls import views

urlpatterns = [
    path("", views.index, name="index"),
    path("login/", LoginView.as_view(template_name="calls/login.html"), name="login"),
    path("ping/", views.ping, name="ping"),
    path("originate/", views.originate, name="originate"),
    path("queues/", views.queue_status, name="queue-status"),
    path("status/", views.status, name="status"),
]
