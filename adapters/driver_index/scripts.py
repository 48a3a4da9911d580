"""What Redis does in one step, in Lua.

KEYS are always the four of ``KEYS_OF_A_CITY``; the GEO sets have the product in their names and are told apart by the
prefix in ARGV[1]. ARGV[2] is the time (ms) at and before which a fix is stale. No script looks at more than the few
hundred drivers that it is given (``unpack`` would not, and everybody else waits for it), but for the two readers,
whose pages are bounded likewise.
"""

from __future__ import annotations

# on: driver -> product. seen: the drivers in the GEO sets by the time of their last fix. last: driver -> position.
# changed: drivers by the number of the change that made them available or not; its member ":count" is the number of
# changes so far, ":forgotten" the number below which changes are no longer remembered, and ":since" the time (ms)
# from which on nothing was lost. No driver can be called so, because ids are prefixed there.
KEYS_OF_A_CITY = ("on", "seen", "last", "changed")

_BEGIN = """
local on, seen, last, changed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, oldest = ARGV[1], tonumber(ARGV[2])
-- Redis has no place for what is nearer to the poles, nor for what is no place, and would end the script there.
local function is_findable(at, latitude, longitude)
    return at > oldest and math.abs(latitude) <= 85.05 and math.abs(longitude) <= 180
end
"""

# ARGV from 3 on, five for each fix: driver, time (ms), longitude, latitude, and the text of the position. Returns "1"
# or "0" for each: whether it was newer than the driver's last. A driver may occur several times.
PUSH = (
    _BEGIN
    + """
local ids, count = {}, (#ARGV - 2) / 5
for i = 1, count do ids[i] = ARGV[5 * i - 2] end
local products, known = redis.call('HMGET', on, unpack(ids)), redis.call('HMGET', last, unpack(ids))
local times = {}
local answer, positions, members, points = {}, {}, {}, {}
for i = 1, count do
    local id, time = ids[i], tonumber(ARGV[5 * i - 1])
    local before = times[id] or tonumber(string.match(known[i] or ',,0,', '^[^,]*,[^,]*,(%d+),'))
    if time > before then
        before = time
        positions[#positions + 1] = id
        positions[#positions + 1] = ARGV[5 * i + 2]
        local product = products[i]
        if product and is_findable(time, tonumber(ARGV[5 * i + 1]), tonumber(ARGV[5 * i])) then
            local list = points[product]
            if not list then list = {}; points[product] = list end
            list[#list + 1] = ARGV[5 * i]
            list[#list + 1] = ARGV[5 * i + 1]
            list[#list + 1] = id
            members[#members + 1] = time
            members[#members + 1] = id
        end
        answer[i] = '1'
    else
        answer[i] = '0'
    end
    times[id] = before
end
if #positions > 0 then redis.call('HSET', last, unpack(positions)) end
if #members > 0 then redis.call('ZADD', seen, unpack(members)) end
for product, list in pairs(points) do redis.call('GEOADD', prefix .. product, unpack(list)) end
return table.concat(answer)
"""
)

# Stale drivers leave the GEO sets before anybody reads them, a few hundred in one go; a reader that returns nothing
# wants to be called again.
_EVICT = """
local function has_stale()
    local stale = redis.call('ZRANGEBYSCORE', seen, '-inf', oldest, 'LIMIT', 0, 500)
    if #stale == 0 then return false end
    local members = {}
    for i, product in ipairs(redis.call('HMGET', on, unpack(stale))) do
        if product then
            members[product] = members[product] or {}
            table.insert(members[product], stale[i])
        end
    end
    for product, list in pairs(members) do redis.call('ZREM', prefix .. product, unpack(list)) end
    redis.call('ZREM', seen, unpack(stale))
    return #stale == 500
end
"""

# ARGV from 3 on: first and last radius (m), factor; then four for each query: product, longitude, latitude, count.
# Returns JSON: for each query [[driver, metres as text], ...]. One large circle would cost what lies inside it,
# whatever the count.
NEAREST = (
    _BEGIN
    + _EVICT
    + """
if has_stale() then return false end
local limit, factor = tonumber(ARGV[4]), tonumber(ARGV[5])
local answers = {}
for i = 6, #ARGV, 4 do
    local key, count, radius = prefix .. ARGV[i], tonumber(ARGV[i + 3]), tonumber(ARGV[3])
    local found
    while true do
        found = redis.call('GEOSEARCH', key, 'FROMLONLAT', ARGV[i + 1], ARGV[i + 2], 'BYRADIUS', radius, 'm',
            'ASC', 'COUNT', count, 'WITHDIST')
        if #found == count or radius >= limit then break end
        radius = math.min(radius * factor, limit)
    end
    answers[#answers + 1] = found
end
return cjson.encode(answers)
"""
)

# ARGV: product, first and last rank. Returns JSON: [driver, score as text, driver, score as text, ...].
SUPPLY = (
    _BEGIN
    + _EVICT
    + """
if has_stale() then return false end
return cjson.encode(redis.call('ZRANGE', prefix .. ARGV[3], ARGV[4], ARGV[5], 'WITHSCORES'))
"""
)

# A server that has lost everything counts from nothing again. A mark that it has not come to yet is of the time
# before, and every change that is remembered has come since.
_MARK = """
local mark, count = tonumber(ARGV[3]), tonumber(redis.call('ZSCORE', changed, ':count') or 0)
local is_lost = mark and mark > count
if is_lost then mark = 0 end
"""

# Whoever writes what was read some time ago says when, by ``mark``, and leaves alone whoever was changed since. A
# change takes the next number; a rebuild, which only repeats what was said before, takes none ("rebuild" in ARGV[4]).
_CHANGE = (
    _MARK
    + """
local is_change = ARGV[4] ~= 'rebuild'
local function may_change(id)
    -- Whose change is not remembered may have changed up to there.
    local last = redis.call('ZSCORE', changed, '=' .. id) or redis.call('ZSCORE', changed, ':forgotten')
    if mark and tonumber(last or 0) > mark then return false end
    if is_change then redis.call('ZADD', changed, redis.call('ZINCRBY', changed, 1, ':count'), '=' .. id) end
    return true
end
local done = 0
"""
)

# ARGV: mark or nothing, "change" or "rebuild", then driver and product of each. Returns how many were written.
PUT = (
    _BEGIN
    + _CHANGE
    + """
for i = 5, #ARGV, 2 do
    local id, product = ARGV[i], ARGV[i + 1]
    if may_change(id) then
        done = done + 1
        local before = redis.call('HGET', on, id)
        if before and before ~= product then
            redis.call('ZREM', prefix .. before, id)
            redis.call('ZREM', seen, id)
        end
        redis.call('HSET', on, id, product)
        local text = redis.call('HGET', last, id) or ''
        local latitude, longitude, time = string.match(text, '^([^,]*),([^,]*),(%d+),')
        if time and is_findable(tonumber(time), tonumber(latitude), tonumber(longitude)) then
            redis.call('GEOADD', prefix .. product, longitude, latitude, id)
            redis.call('ZADD', seen, time, id)
        end
    end
end
return done
"""
)

# ARGV: mark or nothing, "change" or "rebuild", then drivers. Returns how many were taken out.
REMOVE = (
    _BEGIN
    + _CHANGE
    + """
for i = 5, #ARGV do
    local id = ARGV[i]
    if may_change(id) then
        done = done + 1
        local product = redis.call('HGET', on, id)
        if product then redis.call('ZREM', prefix .. product, id) end
        redis.call('HDEL', on, id)
        redis.call('ZREM', seen, id)
    end
end
return done
"""
)

# ARGV[3]: a mark, up to which changes need no longer be remembered. Were it one of before a loss, all that came after
# the loss would look as if it had been changed since it was read, and be refused.
FORGET_CHANGES = (
    _BEGIN
    + _MARK
    + """
if is_lost then return 0 end
redis.call('ZADD', changed, 'GT', mark, ':forgotten')
return redis.call('ZREMRANGEBYSCORE', changed, '-inf', '(' .. ARGV[3])
"""
)

# ARGV[3]: a cursor, "0" at first; ARGV[4]: the time (ms) at and before which a position is forgotten. Returns the
# next cursor, "0" at the end.
FORGET = (
    _BEGIN
    + """
local answer, old = redis.call('HSCAN', last, ARGV[3], 'COUNT', 1000), {}
for i = 1, #answer[2], 2 do
    local time = tonumber(string.match(answer[2][i + 1], '^[^,]*,[^,]*,(%d+),'))
    if time <= tonumber(ARGV[4]) then old[#old + 1] = answer[2][i] end
end
if #old > 0 then redis.call('HDEL', last, unpack(old)) end
return answer[1]
"""
)

# ARGV[3]: a cursor, "0" at first. Returns the next one ("0" at the end) and the JSON list of some of the candidates.
LIST = (
    _BEGIN
    + """
local answer, ids = redis.call('HSCAN', on, ARGV[3], 'COUNT', 1000), {}
for i = 1, #answer[2], 2 do ids[#ids + 1] = answer[2][i] end
return {answer[1], cjson.encode(ids)}
"""
)
