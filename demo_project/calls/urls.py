"""The URLs of calls."""

from django.urls import path

from demo_project.calls import views

urlpatterns = [
    path("", views.index, name="index"),
    path("ping/", views.ping, name="ping"),
    path("originate/", views.originate, name="originate"),
    path("queues/", views.queue_status, name="queue-status"),
    path("status/", views.status, name="status"),
]
