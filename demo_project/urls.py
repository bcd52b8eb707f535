"""The URLs of the demo."""

from django.urls import include, path

urlpatterns = [
    path("", include("demo_project.calls.urls")),
    path("wallboard/", include("django_ami.wallboard.urls")),
]
