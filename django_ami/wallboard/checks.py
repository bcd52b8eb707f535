"""System checks of the wallboard. ``docs/wallboard.md`` has a row for each id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (its name in Django)
from django.urls import NoReverseMatch, reverse

from django_ami import conf
from django_ami.checks.once import forgetful
from django_ami.conf.feed import read_feed
from django_ami.core.arguments import did_you_mean
from django_ami.core.errors import ConfigurationError
from django_ami.wallboard.options import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.wallboard.options import WallboardOptions

__all__ = [
    "ALWAYS",
    "DEPLOYMENT",
    "check_cache",
    "check_feed",
    "check_memory",
    "check_server",
    "check_settings",
    "check_static_files",
    "check_urls",
    "check_visitors",
]

_AUTH: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"
_STATIC: Final = "django.contrib.staticfiles"


def _read(read: Callable[[], Any]) -> Any:
    """The value of a setting; None if it is wrong, which another check says."""
    try:
        return read()
    except ConfigurationError:
        return None


def check_settings(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.E001: AMI_WALLBOARD cannot be used."""
    try:
        options()
    except ConfigurationError as error:
        return [Error(error.message, obj="AMI_WALLBOARD", id="ami_wallboard.E001")]
    return []


def check_feed(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W001: nothing is published, so the wallboard shows nothing."""
    try:
        feed = read_feed()
    except ConfigurationError:
        return []  # django_ami.E001 says it
    if feed is not None:
        return []
    return [
        Warning(
            "The wallboard has nothing to show: no listener publishes its live picture.",
            hint="Add 'django_ami.live.feed' to INSTALLED_APPS, or set AMI_FEED.",
            id="ami_wallboard.W001",
        )
    ]


def check_visitors(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W002: it does not know its visitors."""
    chosen: WallboardOptions | None = _read(options)
    if chosen is None or chosen.access is not None or _AUTH in settings.MIDDLEWARE:
        return []
    return [
        Warning(
            "The wallboard does not know its visitors, and shows them nothing.",
            hint=f"Add {_AUTH!r} to MIDDLEWARE, or set ACCESS in AMI_WALLBOARD to a function.",
            id="ami_wallboard.W002",
        )
    ]


def check_urls(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W003: its addresses are not included."""
    try:
        reverse("ami_wallboard:wallboard")
    except NoReverseMatch:
        return [
            Warning(
                "django_ami.wallboard is installed, and has no address.",
                hint="Add path('wallboard/', include('django_ami.wallboard.urls')) to the URLs.",
                id="ami_wallboard.W003",
            )
        ]
    except Exception:  # noqa: BLE001  (whatever the URLs of a project raise: Django's check tells)
        return []
    return []


def check_static_files(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W004: nothing serves its scripts."""
    if apps.is_installed(_STATIC):
        return []
    return [
        Warning(
            "The wallboard needs its scripts and its style, and no app serves static files.",
            hint=f"Add {_STATIC!r} to INSTALLED_APPS; silence this if something else does it.",
            id="ami_wallboard.W004",
        )
    ]


def check_server(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W005: click to call names a server that there is not."""
    chosen: WallboardOptions | None = _read(options)
    name = None if chosen is None else chosen.click_to_call.server
    if name is None or _read(conf.servers_function) is not None:
        return []  # a function may ask the database
    servers = _read(conf.read_servers)
    if servers is None or name in servers:
        return []
    return [
        Warning(
            f"CLICK_TO_CALL SERVER of AMI_WALLBOARD names {name!r}, which is not in AMI_SERVERS; "
            f"{did_you_mean(name, [str(server) for server in servers])}",
            obj="AMI_WALLBOARD",
            id="ami_wallboard.W005",
        )
    ]


def check_memory(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W006: the feed is that of one process."""
    feed = _read(read_feed)
    if feed is None or not feed.one_process:
        return []
    return [
        Warning(
            "AMI_FEED is 'memory': the wallboard sees a listener of its own process alone.",
            hint="Set AMI_FEED to 'database' or 'redis', so that every web process sees it.",
            obj="AMI_FEED",
            id="ami_wallboard.W006",
        )
    ]


def check_cache(**_: Any) -> list[CheckMessage]:
    """ami_wallboard.W007: each process counts the calls of a user for itself."""
    chosen: WallboardOptions | None = _read(options)
    if chosen is None or chosen.click_to_call.channel is None or not (backend := forgetful()):
        return []
    return [
        Warning(
            "CALLS_PER_HOUR of AMI_WALLBOARD is counted in Django's cache, and no other process "
            f"sees a {backend}: a user may place so many calls in each web process.",
            hint="Use a cache that all web processes share.",
            obj="AMI_WALLBOARD",
            id="ami_wallboard.W007",
        )
    ]


ALWAYS = (
    check_settings,
    check_feed,
    check_visitors,
    check_urls,
    check_static_files,
    check_server,
)
DEPLOYMENT = (check_memory, check_cache)
