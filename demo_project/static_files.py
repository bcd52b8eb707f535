"""The static files of the demo: whole in memory, so that GZipMiddleware makes them small."""

from contextlib import closing

from django.contrib.staticfiles.views import serve
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase


def static_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """One of the files of the installed apps."""
    served = serve(request, path, insecure=True)
    if not isinstance(served, FileResponse):
        return served  # the browser has it already
    with closing(served):
        return HttpResponse(served.getvalue(), headers=dict(served.headers))
