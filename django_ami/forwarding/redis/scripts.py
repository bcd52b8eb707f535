"""The scripts that run in Redis, and how they are run.

Rule: each changes one partition, as a whole or not at all. Those of a consumer do nothing unless it
holds the lease at that moment, so one that was stopped for a while, or whose commands come late,
reads and acknowledges nothing. All but that which appends run when the memory of Redis is full,
too: they are what empties it.
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ANNOUNCE", "APPEND", "BEGIN", "BURY", "CLAIM", "LEASE", "MARK", "RELEASE", "RENEW", "TAKE",
    "TRIM", "UNMARK", "Call", "Script", "run",
]  # fmt: skip


class Script:
    """A text of Lua; ``grows``: it fills the memory, and is refused while there is none left."""

    def __init__(self, text: str, *, grows: bool = False) -> None:
        self.text = text if grows else f"#!lua flags=allow-oom{text}"
        #: Redis knows a script by this.
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], *arguments: Any) -> Call:
        """The call of it with these keys and arguments."""
        return Call(self, ("EVALSHA", self.digest, len(keys), *keys, *arguments))


class Call(NamedTuple):
    """One script, or a plain command without any, to be run."""

    script: Script | None
    words: tuple[Any, ...]

    @property
    def key(self) -> str:
        """The first key of a script."""
        return str(self.words[3])


def run(client: Any, calls: Iterable[Call]) -> list[Any]:
    """Run calls in their order, over one connection; an answer may be an error of Redis.

    Raises redis.RedisError if the connection fails: it is not known then which of them have run.
    """
    todo = list(calls)
    answers = _run(client, todo)
    missing = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if missing:
        for script in {call.script for number in missing if (call := todo[number]).script}:
            client.script_load(script.text)
        again = _run(client, [todo[number] for number in missing])
        for number, answer in zip(missing, again, strict=True):
            answers[number] = answer
    return answers


def _run(client: Any, calls: list[Call]) -> list[Any]:
    if not calls:
        return []
    pipeline = client.pipeline(transaction=False)
    for call in calls:
        pipeline.execute_command(*call.words)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    return answers


#: Appends batches that are not there yet. Keys: stream, tails. Arguments: source, position and
#: bytes of each. Gives how many it has appended, and how far the first source was before.
APPEND: Final = Script(
    """
local last, before = {}, nil
local now = redis.call('TIME')[1]
local added = 0
for i = 1, #ARGV, 3 do
  local source, position = ARGV[i], tonumber(ARGV[i + 1])
  if not last[source] then
    local tail = redis.call('HGET', KEYS[2], source)
    last[source] = tail and tonumber(string.match(tail, '^%d+')) or 0
    before = before or last[source]
  end
  if position > last[source] then
    redis.call('XADD', KEYS[1], '*', 'd', ARGV[i + 2])
    redis.call('HSET', KEYS[2], source, ARGV[i + 1] .. ' ' .. now)
    last[source] = position
    added = added + 1
  end
end
return {added, before}
""",
    grows=True,
)

#: Trims by age. Keys: stream, tails, lost. Arguments: the greatest age in seconds, and that of what
#: all groups have finished. Gives the group that is farthest behind, the age in seconds of what it
#: needs next, and the events that it has lost now.
TRIM: Final = Script("""
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function is_before(one, other)
  local ms, seq = parts(one)
  local other_ms, other_seq = parts(other)
  return ms < other_ms or (ms == other_ms and seq < other_seq)
end
local function next_of(id)
  local ms, seq = parts(id)
  return string.format('%.0f-%.0f', ms, seq + 1)
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'', 0, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = string.format('%.0f-0', math.max(0, now - ARGV[1] * 1000))
local tails = redis.call('HGETALL', KEYS[2])
for i = 1, #tails, 2 do
  if tonumber(string.match(tails[i + 1], '%d+$')) < time[1] - ARGV[1] then
    redis.call('HDEL', KEYS[2], tails[i])
  end
end
local needed, behind = nil, ''
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local found = {}
  for i = 1, #group, 2 do found[group[i]] = group[i + 1] end
  local first = next_of(found['last-delivered-id'])
  if found['pending'] > 0 then
    first = redis.call('XPENDING', KEYS[1], found['name'])[2]
  end
  if not needed or is_before(first, needed) then needed, behind = first, found['name'] end
end
local keep = string.format('%.0f-0', math.max(0, now - ARGV[2] * 1000))
if is_before(keep, limit) then keep = limit end
needed = needed or '0-1'
-- The clock has been set back: such ids tell no age, and all that is finished goes.
if parts(needed) > now then keep = needed end
local oldest = redis.call('XRANGE', KEYS[1], needed, '+', 'COUNT', 1)
local age = oldest[1] and math.floor((now - parts(oldest[1][1])) / 1000) or 0
if not is_before(needed, limit) then
  redis.call('XTRIM', KEYS[1], 'MINID', '~', is_before(keep, needed) and keep or needed)
  return {behind, age, 0}
end
redis.call('XTRIM', KEYS[1], 'MINID', needed)
local events = 0
local gone = redis.call('XRANGE', KEYS[1], '-', '(' .. limit, 'COUNT', 1000)
for _, entry in ipairs(gone) do
  local ok, head = pcall(cjson.decode, string.match(entry[2][2], '^[^\\n]*'))
  events = events + (ok and type(head['events']) == 'table' and #head['events'] or 1)
end
if #gone > 0 then
  redis.call('XTRIM', KEYS[1], 'MINID', next_of(gone[#gone][1]))
  redis.call('INCRBY', KEYS[3], events)
end
return {behind, age, events}
""")

#: Acknowledges, and reads new batches. Keys: stream, lease. Arguments: holder, group, how many to
#: read, and the ids that are done. Gives the entries; 0 without the lease.
TAKE: Final = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if #ARGV > 3 then redis.call('XACK', KEYS[1], ARGV[2], unpack(ARGV, 4)) end
if ARGV[3] == '0' then return {} end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], 'holder', 'COUNT', ARGV[3],
                         'STREAMS', KEYS[1], '>')
return reply and reply[1][2] or {}
""")

#: Acknowledges, and claims batches that were read and not acknowledged. Keys: stream, lease.
#: Arguments: holder, group, how many, where to go on, and the ids that are done. Gives where to go
#: on, the entries, and how often each was read; 0 without the lease.
CLAIM: Final = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if #ARGV > 4 then redis.call('XACK', KEYS[1], ARGV[2], unpack(ARGV, 5)) end
local reply = redis.call('XAUTOCLAIM', KEYS[1], ARGV[2], 'holder', 0, ARGV[4], 'COUNT', ARGV[3])
local entries, times = reply[2], {}
if #entries > 0 then
  for _, one in ipairs(redis.call('XPENDING', KEYS[1], ARGV[2], entries[1][1],
                                  entries[#entries][1], #entries)) do
    table.insert(times, one[4])
  end
end
return {reply[1], entries, times}
""")

#: Makes the stream and the group if they are not there. Keys: stream, tails. Argument: group. Gives
#: 1 if somebody has removed the stream.
BEGIN: Final = Script("""
local gone = redis.call('EXISTS', KEYS[1]) == 0 and redis.call('EXISTS', KEYS[2]) == 1
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP') then return made end
return gone and 1 or 0
""")

#: Marks the event that is tried now. Keys: mark, lease. Arguments: holder, mark. Gives 1; 0 without
#: the lease.
MARK: Final = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
""")

#: Removes the mark. Keys: mark, lease. Argument: holder. Gives 1; 0 without the lease.
UNMARK: Final = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
""")

#: Keeps a dead letter. Keys: dead, lease. Arguments: holder, how many are kept, and its fields.
#: Gives 1, and how many went for it; 0 without the lease.
BURY: Final = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {0, 0} end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
return {1, redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[2])}
""")

#: Takes a lease that nobody has. Key: lease. Arguments: holder, milliseconds. Gives 1; 0 if another
#: one has it.
LEASE: Final = Script("""
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
""")

#: Renews a lease. Key: lease. Arguments: holder, milliseconds. Gives 1; 0 if another one has it.
RENEW: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

#: Gives a lease back. Key: lease. Argument: holder.
RELEASE: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")

#: Says that a consumer is there. Key: pool. Arguments: its name, for how many milliseconds. Gives
#: the names of all that are.
ANNOUNCE: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 10)
return redis.call('ZRANGE', KEYS[1], 0, -1)
""")
