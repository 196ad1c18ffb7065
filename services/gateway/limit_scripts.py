"""What Valkey does with the limits of one person, each in a single step (Lua).

Owns how they lie in the store, under the hash tag of their owner: `open` (a sorted set: requests
that run, by the millisecond at which their lease ends), `requests` and `tokens` (hashes: second ->
amount, the moving minute of `moving_window`), `day` (a hash: the day and its tokens). Time is the
store's own, so that the gateways' clocks need not agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name under which Valkey keeps it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


def owner_keys(owner: str) -> tuple[str, str, str, str]:
    """KEYS of `RESERVE` and `SETTLE`."""
    stem = f"lectern:limits:{{{owner}}}"
    return f"{stem}:open", f"{stem}:requests", f"{stem}:tokens", f"{stem}:day"


SEEDED_KEY = "lectern:limits:seeded"

_CLOCK = """
local time = redis.call('TIME')
local second = tonumber(time[1])
local now_ms = second * 1000 + math.floor(tonumber(time[2]) / 1000)
local today = math.floor(second / 86400)
"""

# ARGV: id, lease in ms, tokens, then the limits or '': requests at once, requests and tokens per
# minute, tokens per day. Returns {'taken', second, day, requests, ms until more is free, tokens,
# ms until more is free}, or {which limit, what is taken, ms to wait} and has changed nothing.
RESERVE = Script(
    _CLOCK
    + """
local id, lease_ms, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local at_once, rpm, tpm = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local daily = tonumber(ARGV[7])

local function minute(key)
  local window, total = {}, 0
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local bucket = {tonumber(fields[i]), tonumber(fields[i + 1])}
    if bucket[1] < second - 60 then
      redis.call('HDEL', key, fields[i])
    else
      window[#window + 1] = bucket
      total = total + bucket[2]
    end
  end
  table.sort(window, function(a, b) return a[1] < b[1] end)
  return window, total
end

local function free_in_ms(window, amount)
  for _, bucket in ipairs(window) do
    amount = amount - bucket[2]
    if amount <= 0 then return (bucket[1] + 61) * 1000 - now_ms end
  end
  return 60000
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
if at_once and redis.call('ZCARD', KEYS[1]) >= at_once then return {'at_once', 0, 1000} end
local kept = redis.call('HMGET', KEYS[4], 'day', 'tokens')
local spent = tonumber(kept[1]) == today and tonumber(kept[2]) or 0
if daily and spent + tokens > daily then
  return {'day', spent, (today + 1) * 86400000 - now_ms}
end
local token_window, token_total, request_window, request_total = {}, 0, {}, 0
if tpm then
  token_window, token_total = minute(KEYS[3])
  local missing = token_total + tokens - tpm
  if missing > 0 then return {'tokens', token_total, free_in_ms(token_window, missing)} end
end
if rpm then
  request_window, request_total = minute(KEYS[2])
  if request_total >= rpm then
    return {'requests', request_total, free_in_ms(request_window, request_total + 1 - rpm)}
  end
end

redis.call('ZADD', KEYS[1], now_ms + lease_ms, id)
redis.call('PEXPIRE', KEYS[1], lease_ms)
if daily then
  redis.call('HSET', KEYS[4], 'day', today, 'tokens', spent + tokens)
  redis.call('EXPIRE', KEYS[4], 172800)
end
if tpm then
  redis.call('HINCRBY', KEYS[3], second, tokens)
  redis.call('EXPIRE', KEYS[3], 62)
  token_window[#token_window + 1] = {second, tokens}
end
if rpm then
  redis.call('HINCRBY', KEYS[2], second, 1)
  redis.call('EXPIRE', KEYS[2], 62)
  request_window[#request_window + 1] = {second, 1}
end
return {'taken', second, today, request_total + 1, free_in_ms(request_window, 1),
  token_total + tokens, free_in_ms(token_window, 1)}
"""
)

# ARGV: id, lease in ms, second and day of the reservation ('' when its answer never came), tokens
# reserved, tokens used, then '1' for each limit that was taken: requests, tokens, tokens per day.
# Counts once: whoever takes the lease away books. Returns 1 then.
SETTLE = Script(
    _CLOCK
    + """
local id, lease_ms, at, day = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local reserved, used = tonumber(ARGV[5]), tonumber(ARGV[6])
local ends_ms = redis.call('ZSCORE', KEYS[1], id)
if not ends_ms then return 0 end
redis.call('ZREM', KEYS[1], id)
if not at then
  at = math.floor((tonumber(ends_ms) - lease_ms) / 1000)
  day = math.floor(at / 86400)
end

local function take_back(key, amount)
  if redis.call('HEXISTS', key, at) == 1 and redis.call('HINCRBY', key, at, -amount) <= 0 then
    redis.call('HDEL', key, at)
  end
end

if ARGV[7] == '1' and used == 0 then take_back(KEYS[2], 1) end
if ARGV[8] == '1' and used < reserved then take_back(KEYS[3], reserved - used) end
if ARGV[8] == '1' and used > reserved then
  redis.call('HINCRBY', KEYS[3], second, used - reserved)
  redis.call('EXPIRE', KEYS[3], 62)
end
if ARGV[9] == '1' and tonumber(redis.call('HGET', KEYS[4], 'day')) == day then
  redis.call('HINCRBY', KEYS[4], 'tokens', used - reserved)
end
return 1
"""
)

# KEYS: one owner's `open`. ARGV: lease in ms, then the ids of requests that still run.
RENEW = Script(
    _CLOCK
    + """
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[1]), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
)

# KEYS: `SEEDED_KEY`. Returns 1 when this day's usage was counted from the ledger.
IS_SEEDED = Script(
    _CLOCK
    + """
return tonumber(redis.call('GET', KEYS[1])) == today and 1 or 0
"""
)

# KEYS: `SEEDED_KEY`. Says that this day's usage has been counted.
NOTE_SEEDED = Script(
    _CLOCK
    + """
redis.call('SET', KEYS[1], today, 'EX', 172800)
return 1
"""
)

# KEYS: one owner's `day`. ARGV: the day's tokens as the ledger has them. Never counts less.
SEED = Script(
    _CLOCK
    + """
local kept = redis.call('HMGET', KEYS[1], 'day', 'tokens')
local spent = tonumber(kept[1]) == today and tonumber(kept[2]) or 0
redis.call('HSET', KEYS[1], 'day', today, 'tokens', math.max(spent, tonumber(ARGV[1])))
redis.call('EXPIRE', KEYS[1], 172800)
return 1
"""
)

SCRIPTS = (RESERVE, SETTLE, RENEW, IS_SEEDED, NOTE_SEEDED, SEED)
