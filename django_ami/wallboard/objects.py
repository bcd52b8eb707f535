"""The objects of the live picture, as small as a page needs them.

Rule: an object is made small once, for all visitors; see ``shaping`` for what each of them sees.
It runs for each object that has changed, so it takes what it needs of plain data.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any, Final

from django_ami.live.feed.codec import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django_ami.live.queue_views import Queue, Totals

    Plain = Mapping[str, Any]

__all__ = ["SHOWN", "SlimQueue", "slim", "slim_totals"]


class SlimQueue(dict[str, Any]):
    """A queue for a page, with the counts that the totals of several queues are made of."""

    __slots__ = ("queue",)

    def __init__(self, queue: Queue) -> None:
        super().__init__(name=queue.name, **_figures(queue))
        self["service_level_seconds"] = queue.service_level_seconds
        self.queue = queue


def slim(key: str, data: Plain) -> dict[str, Any]:
    """The object of a key of the feed, as pages get it. ``data`` is its body.

    Fields that say nothing are left out. Raises KeyError for a kind that is not in ``SHOWN``.
    """
    return SHOWN[key.partition(":")[0]](data)


def slim_totals(totals: Totals) -> dict[str, Any]:
    """All queues together, as pages get them."""
    return {**_figures(totals), "agents": {str(state): n for state, n in totals.agents.items()}}


def _told(**fields: Any) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value}


def _known(**fields: float | None) -> dict[str, float]:
    """The figures that are known: 0 is one."""
    return {name: value for name, value in fields.items() if value is not None}


def _time(moment: float | None) -> float | None:
    """A moment in Unix time, or a span in seconds: hundredths are enough for eyes."""
    return None if moment is None else round(moment, 2)


# --- queues ---


def _figures(queue: Queue | Totals) -> dict[str, Any]:
    """The figures of today; ``live.figures`` has their formulas."""
    counts, figures = queue.today, queue.figures()
    return {
        "waiting": queue.waiting,
        "offered": figures["offered"],
        "answered": counts.answered,
        "abandoned": counts.abandoned,
        **_told(
            oldest=_time(queue.oldest),
            short_abandoned=counts.short_abandons,
            left=sum(counts.left.values()),
        ),
        **_known(
            service_level=_share(figures["service_level"]),
            abandon_rate=_share(figures["abandon_rate"]),
            average_wait=_time(figures["average_wait"]),
            longest_wait=_time(figures["longest_wait"]),
            mean_talk=_time(figures["mean_talk"]),
        ),
    }


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _percents(share: float | None) -> float | None:
    """A share in whole percents, rounded down as the page rounds it.

    The occupancy of each agent changes all the time, and a page shows no more of it.
    """
    return None if share is None else floor(share * 100 + 1e-9) / 100


def _queue(data: Plain) -> dict[str, Any]:
    return SlimQueue(decode("queue", data))


def _curve(data: Plain) -> dict[str, Any]:
    rows = {name: data.get(name, []) for name in ("offered", "answered", "abandoned")}
    return {"begin": data["begin"], "seconds": data["seconds"], **rows}


def _caller(data: Plain) -> dict[str, Any]:
    call = data.get("call")
    # The call of a caller says who that is.
    who = {"call": call} if call else _told(number=data.get("number"), name=data.get("name"))
    return {
        "queue": data["queue"],
        "position": data["position"],
        "joined": _time(data["joined"]),
        **who,
    }


def _agent(data: Plain) -> dict[str, Any]:
    talk = data.get("talk")
    return {
        **{field: data[field] for field in ("interface", "name", "state")},
        **_told(
            since=_time(data.get("since")),
            pause_reason=data.get("pause_reason"),
            queues=data.get("queues"),
            talk=talk and _talk(talk),
            wrapup_until=data["state"] == "wrap_up" and _time(data.get("wrapup_until")),
            calls_taken=data.get("calls_taken"),
        ),
        **_known(occupancy_today=_percents(data.get("occupancy_today"))),
    }


def _talk(data: Plain) -> dict[str, Any]:
    told = _told(number=data.get("number"), name=data.get("name"))
    return {"queue": data["queue"], "begin": _time(data["begin"]), **told}


# --- calls ---


def _call(data: Plain) -> dict[str, Any]:
    parties: Sequence[Plain] = data.get("parties", ())
    caller = _calling(data.get("source", ""), parties)
    visit = data["queues"][-1] if "queues" in data else {}
    return {
        "state": data["state"],
        "started": _time(data["started"]),
        **_told(
            direction=data.get("direction"),
            answered=_time(data.get("answered")),
            ended=_time(data.get("ended")),
            outcome=data.get("outcome"),
            caller=_party(caller),
            callee=_party(_called(caller, parties, in_queue=bool(visit))),
            requested=_wanted(data),
            queue=visit.get("queue"),
            agent=visit.get("agent"),
            held_since=_time(_open(data.get("holds", ())).get("begin")),
            parked=_parking(_open(data.get("parks", ()))),
            conference=_open(data.get("conferences", ()), "left").get("conference"),
            merged_into=data.get("merged_into"),
            inferred=data.get("inferred"),
        ),
    }


def _wanted(data: Plain) -> str | None:
    """The number that was dialled, or to which the call was sent on."""
    sent = [one["to"] for one in data.get("transfers", ()) if one["kind"] != "attended"]
    return sent[-1] if sent else data.get("requested")


def _calling(source: str, parties: Sequence[Plain]) -> Plain | None:
    """The party that counts as the caller now, or the one that called first."""
    by_device = (party for party in parties if source and party["device"] == source)
    by_role = (party for party in parties if party["role"] == "caller")
    return next(by_device, None) or next(by_role, None)


def _called(caller: Plain | None, parties: Sequence[Plain], *, in_queue: bool) -> Plain | None:
    """The other party: one on the line before one that has left, a talk before a phone that rings.

    A queue rings several agents at once: none of them is it before it answers.
    """
    others = [
        party for party in parties if party is not caller and ("answered" in party or not in_queue)
    ]
    return max(others, key=_nearness, default=None)


def _nearness(party: Plain) -> tuple[bool, bool, float]:
    answered = party.get("answered")
    return "left" not in party, answered is not None, answered or party["joined"]


def _party(party: Plain | None) -> dict[str, Any] | None:
    names = ("number", "name", "device")
    return None if party is None else _told(**{name: party.get(name) for name in names})


def _open(spans: Sequence[Plain], end: str = "end") -> Plain:
    """The last of these that has not ended; an empty one if all have."""
    return next((span for span in reversed(spans) if end not in span), {})


def _parking(park: Plain) -> dict[str, Any] | None:
    if not park:
        return None
    return _told(lot=park["lot"], space=park["space"], since=_time(park["begin"]))


# --- other objects ---


def _server(data: Plain) -> dict[str, Any]:
    return {
        "name": data["name"],
        "ready": data.get("ready", False),
        "complete": data.get("complete", False),
        "listening": data.get("listening", True),
        "received": data.get("received", 0),
        **_told(since=_time(data.get("since"))),
    }


def _parked(data: Plain) -> dict[str, Any]:
    plain = {name: data.get(name) for name in ("number", "name", "lot", "space")}
    since, until = _time(data["since"]), _time(data.get("until"))
    return {"uniqueid": data["uniqueid"], **_told(since=since, until=until, **plain)}


def _conference(data: Plain) -> dict[str, Any]:
    plain = {name: data.get(name) for name in ("locked", "recording")}
    return {
        "name": data["name"],
        "count": len(data.get("participants", ())),
        **_told(since=_time(data["since"]), **plain),
    }


#: The kinds of objects that pages see, and how each is made small.
SHOWN: Final[Mapping[str, Callable[[Plain], dict[str, Any]]]] = {
    "server": _server,
    "call": _call,
    "queue": _queue,
    "curve": _curve,
    "caller": _caller,
    "agent": _agent,
    "parked": _parked,
    "conference": _conference,
}
