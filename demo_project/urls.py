"""The URLs of the demo."""

from django.urls import include, path

from demo_project.static_files import static_file

urlpatterns = [
    path("", include("demo_project.calls.urls")),
    path("wallboard/", include("django_ami.wallboard.urls")),
    path("static/<path:path>", static_file),
]
