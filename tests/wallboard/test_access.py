"""A visitor may see and do what the permissions say, or the project's own function."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import RequestFactory

from django_ami.errors import ConfigurationError
from django_ami.wallboard.access import Access, access_of
from django_ami.wallboard.visitors import visitor_of


def request_of(user: object) -> Any:
    request = RequestFactory().get("/")
    request.user = user  # type: ignore[assignment]
    return request


def user_with(*permissions: str, **fields: Any) -> User:
    user = User.objects.create_user("amy", **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.mark.django_db
def test_visitor_without_a_login_sees_nothing() -> None:
    assert access_of(request_of(AnonymousUser())) is None


@pytest.mark.django_db
def test_user_without_the_permission_sees_nothing() -> None:
    assert access_of(request_of(user_with("place_calls", "end_calls"))) is None


@pytest.mark.django_db
def test_user_who_is_not_active_sees_nothing() -> None:
    assert access_of(request_of(user_with("view_wallboard", is_active=False))) is None


@pytest.mark.django_db
def test_user_with_the_permission_sees_all_and_does_nothing() -> None:
    assert access_of(request_of(user_with("view_wallboard"))) == Access()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("permission", "deed"),
    [
        ("place_calls", "call"),
        ("end_calls", "hangup"),
        ("transfer_calls", "transfer"),
        ("pause_agents", "pause"),
        ("listen_in", "listen"),
    ],
)
def test_each_deed_has_its_permission(permission: str, deed: str) -> None:
    access = access_of(request_of(user_with("view_wallboard", permission)))
    assert access == Access(may=frozenset({deed}))


@pytest.mark.django_db
def test_superuser_may_do_everything() -> None:
    access = access_of(request_of(User.objects.create_superuser("root")))
    assert access is not None
    assert access.may == {"call", "hangup", "transfer", "pause", "listen"}


def test_project_without_users_is_told_what_it_lacks() -> None:
    with pytest.raises(ConfigurationError, match="AuthenticationMiddleware"):
        access_of(RequestFactory().get("/"))


def test_function_of_the_project_decides(settings: Any) -> None:
    tenants = {"1": Access(queues=frozenset({"sales"}), masks_numbers=True)}
    settings.AMI_WALLBOARD = {"ACCESS": lambda request: tenants.get(request.GET.get("tenant"))}
    assert access_of(RequestFactory().get("/?tenant=1")) == tenants["1"]
    assert access_of(RequestFactory().get("/?tenant=2")) is None


def test_function_that_returns_something_else_is_refused(settings: Any) -> None:
    settings.AMI_WALLBOARD = {"ACCESS": lambda request: True}
    with pytest.raises(ConfigurationError, match="must return an Access or None, not True"):
        access_of(RequestFactory().get("/"))


def test_names_may_be_any_collection() -> None:
    access = Access(queues={"sales"}, servers=["a", "b"], may=("call",))  # type: ignore[arg-type]
    assert access == Access(frozenset({"a", "b"}), frozenset({"sales"}), frozenset({"call"}))
    assert hash(access) == hash(Access(frozenset("ab"), frozenset({"sales"}), frozenset({"call"})))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"queues": "sales"}, "queues must be a set of names, not 'sales'"),
        ({"servers": [1]}, r"servers must be a set of names, not \[1\]"),
        ({"may": None}, "may must be a set of names, not None"),
        ({"may": {"hang_up"}}, "unknown deed 'hang_up' in may; did you mean 'hangup'"),
        ({"masks_numbers": 1}, "masks_numbers must be True or False, not 1"),
    ],
)
def test_access_that_means_nothing_is_refused(fields: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Access(**fields)


def test_access_to_a_server_that_there_is_not_is_told_once(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AMI_WALLBOARD = {"ACCESS": lambda request: Access(servers={"nodes_1", "node_1"})}
    for _ in range(2):
        visitor = visitor_of(request_of(AnonymousUser()))
        assert visitor is not None
        assert visitor.servers == ("node_1",)
    (record,) = caplog.records
    assert record.getMessage() == (
        "The function ACCESS of AMI_WALLBOARD names a server 'nodes_1' that is not in AMI_SERVERS; "
        "did you mean 'node_1'? Its visitors see nothing of it."
    )
