"""Rate limits in Redis: an exact sliding log per window, charged in all windows or in none by one Lua script.

Why a log and not a counter per clock minute: "5 in 60 s" then holds in *every* span of 60 s, not only in those that
begin on the minute. Each window is one sorted set. A member is the running total of all cost charged so far, its
score the time (microseconds, the server's clock) from which it counts. What is used in a window is therefore the
last total minus the total at the window's beginning: two look-ups of O(log n), whatever the number of entries.

A cost above a window's limit is spread over the coming periods: its entries carry scores in the future, so the window
stays full until the long-run rate is kept again.

Redis being away lets everything through (``UNSEEN``). A frozen one costs the first caller one time-out; then the
circuit is open and nobody asks for a second, after which one caller tries again on behalf of all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import redis

from adapters.circuit import Circuit
from domain.rate_limits.model import UNSEEN, Decision, Window, WindowState

TIMEOUT_S = 0.2
CIRCUIT_OPEN_S = 1.0

# KEYS: one sorted set per window. ARGV: cost, then limit and period (µs) of each window.
# Returns {is_allowed, wait (µs), remaining and reset (µs) of each window}. Numbers are formatted by hand because
# Lua's tostring keeps 14 digits only, and a time in microseconds has 16.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local cost = tonumber(ARGV[1])
local function text(number) return string.format('%.0f', number) end
local function total_at(key, time)
    return tonumber(redis.call('ZREVRANGEBYSCORE', key, text(time), '-inf', 'LIMIT', 0, 1)[1] or 0)
end
local function total(key) return tonumber(redis.call('ZREVRANGE', key, 0, 0)[1] or 0) end
-- The time at which the entry that brings the running total to `wanted` leaves the window.
local function leaves_at(key, wanted, period)
    local low, high = 0, redis.call('ZCARD', key) - 1
    while low < high do
        local middle = math.floor((low + high) / 2)
        if tonumber(redis.call('ZRANGE', key, middle, middle)[1]) >= wanted then high = middle
        else low = middle + 1 end
    end
    return tonumber(redis.call('ZRANGE', key, low, low, 'WITHSCORES')[2]) + period
end

local wait = 0
for i, key in ipairs(KEYS) do
    local limit, period = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local excess = total(key) - total_at(key, now - period) + math.min(cost, limit) - limit
    if excess > 0 then
        local wanted = total_at(key, now - period) + excess
        wait = math.max(wait, leaves_at(key, wanted, period) - now, 1)
    end
end

local answer = {wait == 0 and 1 or 0, text(wait)}
for i, key in ipairs(KEYS) do
    local limit, period = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
    local sum, newest = tonumber(last[1] or 0), tonumber(last[2] or 0)
    if wait == 0 then
        local left, time = cost, math.max(now, newest)
        while left > 0 do
            local part = math.min(left, limit)
            sum, newest, left = sum + part, time, left - part
            -- Padded, so that entries of one microsecond sort by their totals.
            redis.call('ZADD', key, text(time), string.format('%016.0f', sum))
            time = time + period
        end
        -- The newest entry outside the window stays: it holds the total from which the rest is counted.
        local base = redis.call('ZREVRANGEBYSCORE', key, text(now - period), '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
        if base then redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. base) end
        redis.call('PEXPIRE', key, text(math.ceil((newest + period - now) / 1000) + 1000))
    end
    local used = sum - total_at(key, now - period)
    answer[#answer + 1] = text(math.max(0, limit - used))
    answer[#answer + 1] = text(used > 0 and newest + period - now or 0)
end
return answer
"""


class RedisRateLimiter:
    """Charges callers in Redis; safe for many threads and processes."""

    def __init__(
        self, client: redis.Redis, prefix: str = "rate_limits", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._script = client.register_script(_SCRIPT)
        self._prefix = prefix
        self._circuit = Circuit(1, CIRCUIT_OPEN_S, clock)

    def charge(self, subject: str, windows: tuple[Window, ...], cost: int) -> Decision:
        """Charge ``cost`` in all windows or in none; see ``domain.rate_limits.model.RateLimiter``."""
        if not windows or not self._circuit.may_try():
            return UNSEEN
        try:
            answer = self._script(keys=self._keys(subject, windows), args=_arguments(windows, cost))
        except redis.RedisError:
            self._circuit.fail()
            return UNSEEN
        self._circuit.succeed()
        return _decision(windows, [int(number) for number in cast("list[bytes]", answer)])

    def is_available(self) -> bool:
        """Tell whether Redis answers, at the cost of one time-out if it does not."""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    def _keys(self, subject: str, windows: tuple[Window, ...]) -> list[str]:
        # The braces make Redis Cluster put all windows of one subject on one node.
        return [f"{self._prefix}:{{{subject}}}:{window.limit}/{window.period_s}" for window in windows]


def _arguments(windows: tuple[Window, ...], cost: int) -> list[int]:
    return [cost, *(number for window in windows for number in (window.limit, window.period_s * 1_000_000))]


def _decision(windows: tuple[Window, ...], answer: list[int]) -> Decision:
    is_allowed, wait_us, *rest = answer
    states = tuple(
        WindowState(window, remaining, reset_us / 1e6)
        for window, remaining, reset_us in zip(windows, rest[::2], rest[1::2], strict=True)
    )
    return Decision(bool(is_allowed), is_enforced=True, states=states, retry_after_s=wait_us / 1e6)
