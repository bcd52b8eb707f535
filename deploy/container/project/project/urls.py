"""The probes; add your own pages."""

from django.urls import include, path

urlpatterns = [path("ami/", include("django_ami.operations.urls"))]
