"""Calls that are stored before they are made.

Rule: the row is committed before anything of the call leaves, and a row is dialled once at most.
A process may end at any moment: the row is there and says ``unknown``, which means: ask.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Unpack

from asgiref.sync import sync_to_async
from django.db import DatabaseError, IntegrityError, connections, models, router, transaction

from django_ami.accessor import ami
from django_ami.calls import conf
from django_ami.calls.columns import storable
from django_ami.calls.masking import Masker
from django_ami.calls.reconciling import reconcile
from django_ami.core.arguments import shown
from django_ami.core.client.originating import longest_wait, originate_action, plain_call_id
from django_ami.core.errors import AmiError, InvalidAction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.calls.models import Origination
    from django_ami.calls.reconciling import Reconciled
    from django_ami.core.client.originating import CallOptions

__all__ = ["OriginationQuerySet"]

_LONGEST_KEY_CHARACTERS: Final = 200
_OPEN_TRANSACTION: Final = (
    "originate: a transaction is open, and the call has to be stored for good before it is made. "
    "It was not sent. Call it in transaction.on_commit, or outside of transaction.atomic and "
    "ATOMIC_REQUESTS."
)


class OriginationQuerySet(models.QuerySet["Origination"]):
    """Calls that this project has asked for."""

    def originate(
        self,
        *,
        key: str | None = None,
        asked_by: object = "",
        server: str | None = None,
        **call: Unpack[CallOptions],
    ) -> Origination:
        """Store the intention, commit it, and then make the call: once, whatever fails.

        ``key`` makes a repetition harmless: with the key of an earlier call, that one is returned,
        and nothing is dialled. ``asked_by`` names the person, or the program, that wants the
        call. The other arguments are those of ``ami.originate``. The call goes to one server, and
        to no other one if that cannot be reached. The row's ``call`` follows it.

        Raises the errors of ``ami.originate`` and of the database, and InvalidAction inside of a
        transaction. Nothing was sent then, and the same key may be used again.
        """
        database = router.db_for_write(self.model)
        if key is not None:
            _check_key(key)
            known = self._with_key(database, key)
            if known is not None:
                return known
        longest = longest_wait(call.get("over_limit", "wait"))
        if longest is not None:
            call["over_limit"] = min(longest, _time_to_leave(call))
        given = call.pop("call_id", None)
        row = self.model(
            id=ami.new_call_id() if given is None else plain_call_id(given),
            key=key,
            server=ami.server(server).name if server is not None else ami.choose_server(),
            asked_by=storable(str(asked_by))[:150],
            **_target(call),
        )
        try:
            _insert(row, database)
        except IntegrityError:
            known = None if key is None else self._with_key(database, key)
            if known is None:
                raise
            return known
        try:
            made = ami.originate(server=row.server, **call, call_id=row.id)  # type: ignore[misc]
        except (AmiError, TypeError):  # nothing was sent
            with suppress(DatabaseError):
                row.delete(using=database)
            raise
        row.follow(made)
        return row

    async def aoriginate(self, **call: Any) -> Origination:
        """``originate`` in a coroutine; its arguments are the same."""
        return await sync_to_async(self.originate)(**call)

    def reconcile(self, *, timeout: float = 10.0) -> Reconciled:
        """Find the ends of those of these calls whose end is not known.

        It looks into the history, and asks the servers by the calls' ids, for up to ``timeout``
        seconds. Says how many rows are in which state now. It dials nothing, ever.
        """
        return reconcile(self, timeout=timeout)

    def _with_key(self, database: str, key: str) -> Origination | None:
        """The call of a key. Raises InvalidAction if the database takes another key for it."""
        known = self.model.objects.using(database).filter(key=key).first()
        if known is not None and known.key != key:
            raise InvalidAction(
                f"originate: the key {shown(key)} is too like {shown(known.key)} for the database, "
                "which compares without case or blanks. It was not sent. Use another key."
            )
        return known


def _time_to_leave(call: CallOptions) -> float:
    """For how many seconds a call may wait for its turn, to have left by ``settle_seconds``.

    Raises InvalidAction. A listener says then that it was never made. Behind its turn it may wait
    for its server, for as long as the Originate may take.
    """
    words = {name: word for name, word in call.items() if name != "over_limit"}
    originate = originate_action(**words)  # type: ignore[arg-type]  # it looks itself
    return max(0.0, conf.load().settle_seconds - (originate.timeout or 0.0))


def _check_key(key: object) -> None:
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY_CHARACTERS:
        raise InvalidAction(
            f"originate: key must be a text of 1 to {_LONGEST_KEY_CHARACTERS} characters, not "
            f"{shown(key)}. It was not sent."
        )


def _insert(row: Origination, database: str) -> None:
    """Store a row and commit it: nothing of its call has left when this is over.

    Raises InvalidAction if a transaction is open. A test case of Django has one around each test,
    which does not count.
    """
    connection = connections[database]
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise InvalidAction(_OPEN_TRANSACTION)
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(database, durable=True))
        except RuntimeError:  # so Django refuses
            raise InvalidAction(_OPEN_TRANSACTION) from None
        row.save(using=database, force_insert=True)


def _target(call: Mapping[str, Any]) -> dict[str, str]:
    """Where a call goes, as it is stored: its numbers are masked, and no text is too long."""
    words = {
        "destination": call.get("to"),
        "context": call.get("context"),
        "exten": call.get("exten"),
        "application": call.get("application"),
    }
    texts = {name: "" if word is None else str(word) for name, word in words.items()}
    mask = conf.load().mask
    if mask is not None:
        masker = Masker(mask, [texts["exten"]])
        texts |= {"exten": masker.number(texts["exten"])}
        texts |= {"destination": masker.text(texts["destination"])}
    return {name: storable(text)[:80] for name, text in texts.items()}
