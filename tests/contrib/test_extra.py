"""An integration whose library is not installed names the extra that installs it."""

from __future__ import annotations

import pytest

from tests.running import run_python


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("django_ami.contrib.health_check", "health_check", "health"),
        ("django_ami.contrib.opentelemetry", "opentelemetry", "otel"),
        ("django_ami.contrib.prometheus", "prometheus_client", "prometheus"),
    ],
)
def test_integration_without_its_library_names_the_extra(
    module: str, library: str, extra: str
) -> None:
    said = run_python(
        """
import importlib, sys
sys.modules[sys.argv[2]] = None  # as if it were not installed
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django_ami", "django_ami.operations"])
django.setup()
try:
    importlib.import_module(sys.argv[1])
except ModuleNotFoundError as error:
    print(error)
""",
        module,
        library,
    )
    assert said == f"{library} is not installed: pip install 'django-ami[{extra}]'."
