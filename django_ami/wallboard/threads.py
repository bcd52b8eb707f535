"""Things that a request holds for as long as its stream lasts: a thread, database connections.

Django has one thread for the synchronous parts of each request under ASGI, from the first of them
to the end of the response: middleware, sessions, a check of permissions. A connection that they
opened stays open in it.
"""

from __future__ import annotations

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections

__all__ = ["close_connections", "release_thread"]


def close_connections() -> None:
    """Close the database connections of this thread, but for those in the middle of something."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


async def release_thread() -> None:
    """End the thread of this request, and close its connections. A later use makes another one."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None or context not in SyncToAsync.context_to_thread_executor:
        return
    await sync_to_async(close_connections)()
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
