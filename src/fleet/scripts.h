/* SPDX-License-Identifier: ISC */
/*
 * What the Redis server runs for us, in Lua. A script runs alone, so reading
 * and writing in it is one step.
 */
#ifndef FLEET_SCRIPTS_H
#define FLEET_SCRIPTS_H

/* Changes that the stream keeps: a replica that was away for more loads the
 * whole set. */
#define FLEET_STREAM_LEN "100000"

/*
 * KEYS: epoch, stream, set. ARGV: an epoch, used if the Redis server has none;
 * the last change that the replica knows. Returns the Redis server's epoch,
 * whether its stream still holds that change, the last one of the stream, and
 * the number of entries of the set.
 */
#define FLEET_SCRIPT_JOIN \
	"local epoch = redis.call('GET', KEYS[1]) " \
	"if not epoch then " \
	"  epoch = ARGV[1] redis.call('SET', KEYS[1], epoch) end " \
	"local id = ARGV[2] " \
	"local known = #redis.call('XRANGE', KEYS[2], id, id) " \
	"local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1) " \
	"return {epoch, known, last[1] and last[1][1] or '0-0', " \
	"  redis.call('HLEN', KEYS[3])}"

/*
 * KEYS: set, stream. ARGV: the channel to wake others on; then, for each
 * change, how ("now": it is decided now, and comes after all that the Redis
 * server has; "late": it only counts if it is the newest), field, stamp, and
 * value without its stamp. Returns the number of changes that counted.
 */
#define FLEET_SCRIPT_PUT \
	"local function after(stamp) " \
	"  local high = tonumber(string.sub(stamp, 1, 8), 16) " \
	"  local low = tonumber(string.sub(stamp, 9, 16), 16) + 1 " \
	"  if low > 4294967295 then high = high + 1 low = 0 end " \
	"  return string.format('%08x%08x', high, low) end " \
	"local count = 0 " \
	"for i = 2, #ARGV, 4 do " \
	"  local stamp = ARGV[i + 2] " \
	"  local have = redis.call('HGET', KEYS[1], ARGV[i + 1]) or '' " \
	"  have = string.match(have, '^(%x+) ') or '' " \
	"  if #have ~= 16 then have = '' end " \
	"  if ARGV[i] == 'now' and have >= stamp then stamp = after(have) " \
	"end " \
	"  if stamp > have then " \
	"    local value = stamp .. ' ' .. ARGV[i + 3] " \
	"    redis.call('HSET', KEYS[1], ARGV[i + 1], value) " \
	"    redis.call('XADD', KEYS[2], 'MAXLEN', '~', " FLEET_STREAM_LEN \
	", '*', 'k', ARGV[i + 1], 'v', value) " \
	"    count = count + 1 end end " \
	"if count > 0 then redis.call('PUBLISH', ARGV[1], '') end " \
	"return count"

/*
 * KEYS: epoch, set, replicas. ARGV: this replica; for how long it counts as
 * alive, in ms. Returns the epoch, the number of entries of the set, and the
 * replicas that are alive, each with the age of its heartbeat in ms. A quiet
 * one with the name of this replica is what
 * ran before it crashed.
 */
#define FLEET_SCRIPT_HEARTBEAT \
	"local time = redis.call('TIME') " \
	"local now = time[1] * 1000 + math.floor(time[2] / 1000) " \
	"redis.call('ZADD', KEYS[3], now, ARGV[1]) " \
	"redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[2]) " \
	"local name = string.match(ARGV[1], '^%S+ ') " \
	"for _, other in ipairs(redis.call('ZRANGE', KEYS[3], '-inf', " \
	"  now - 3000, 'BYSCORE')) do " \
	"  if string.sub(other, 1, #name) == name then " \
	"    redis.call('ZREM', KEYS[3], other) end end " \
	"local seen = redis.call('ZRANGE', KEYS[3], 0, 254, 'WITHSCORES') " \
	"for i = 2, #seen, 2 do seen[i] = now - seen[i] end " \
	"return {redis.call('GET', KEYS[1]) or '', " \
	"  redis.call('HLEN', KEYS[2]), seen}"

/*
 * KEYS: question, replicas. ARGV: the question; for how long it is valid, in
 * ms; the channel to announce it on; its identifier. Returns the replicas that
 * are alive.
 */
#define FLEET_SCRIPT_ASK \
	"redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) " \
	"redis.call('PUBLISH', ARGV[3], ARGV[4]) " \
	"return redis.call('ZRANGE', KEYS[2], 0, 254)"

/*
 * KEYS: question, answer. ARGV: the answer; the channel to announce it on; what
 * to announce; for how long the answer stays, in ms.
 */
#define FLEET_SCRIPT_ANSWER \
	"if not redis.call('GET', KEYS[1]) then return 0 end " \
	"redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4]) " \
	"redis.call('PUBLISH', ARGV[2], ARGV[3]) " \
	"return 1"

/* KEYS: answer. Returns it, and removes it. */
#define FLEET_SCRIPT_TAKE \
	"local text = redis.call('GET', KEYS[1]) " \
	"redis.call('SET', KEYS[1], '', 'PX', 1) " \
	"return text"

/*
 * KEYS: replicas, our own lease. ARGV: this replica. Makes it known, and
 * empties its lease. Returns 1.
 */
#define FLEET_SCRIPT_LEASE \
	"local time = redis.call('TIME') " \
	"redis.call('ZADD', KEYS[1], " \
	"  time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1]) " \
	"redis.call('PEXPIRE', KEYS[2], 0) " \
	"return 1"

/*
 * KEYS: replicas, our own lease. ARGV: what leases and channels begin with; our
 * number; for how long our lease lasts, in ms; then for each request the
 * certificate, how many sessions it has with us, the limit (0: none), "refuse"
 * or "kick", since when it has the oldest one, and all of that as it is kept.
 * The leases of the other replicas are read as well; their names follow from
 * KEYS. Returns for each request: 0, one too many; 1, good; more: so many of
 * our own older sessions, plus one, have to end; and the address of the newest
 * session on another replica. A replica that does not hear keeps what it has.
 */
#define FLEET_SCRIPT_ADMIT \
	"local others = {} " \
	"for _, replica in ipairs(redis.call('ZRANGE', KEYS[1], 0, 254)) do " \
	"  local number = string.match(replica, ' (%x+)$') " \
	"  if number and number ~= ARGV[3] then " \
	"    others[#others + 1] = number end end " \
	"local out = {} " \
	"for i = 5, #ARGV, 6 do " \
	"  local cert, own = ARGV[i], tonumber(ARGV[i + 1]) " \
	"  local max, kick = tonumber(ARGV[i + 2]), ARGV[i + 3] == 'kick' " \
	"  local total, newest, host, found = own, 0, '', {} " \
	"  for _, number in ipairs(others) do " \
	"    local text = redis.call('HGET', ARGV[1] .. number, cert) " \
	"    local n, old, new, peer = " \
	"      string.match(text or '', '^(%d+) (%d+) (%d+) (%S+)$') " \
	"    if n then " \
	"      total = total + tonumber(n) " \
	"      found[#found + 1] = {number = number, count = tonumber(n), " \
	"        old = tonumber(old), rest = ' ' .. old .. ' ' .. new .. ' ' " \
	"        .. peer} " \
	"      if tonumber(new) >= newest then " \
	"        newest = tonumber(new) host = peer end end end " \
	"  local answer = 1 " \
	"  if max > 0 and total > max and not kick then answer = 0 end " \
	"  if max > 0 and kick then " \
	"    found[#found + 1] = {count = own - 1, old = tonumber(ARGV[i + " \
	"4])} " \
	"    for _ = max + 1, math.min(total, max + 1000) do " \
	"      local pick " \
	"      for _, f in ipairs(found) do " \
	"        if f.count > 0 and (not pick or f.old < pick.old) then " \
	"          pick = f end end " \
	"      if not pick then break end " \
	"      pick.count = pick.count - 1 " \
	"      if not pick.number then answer = answer + 1 " \
	"      elseif redis.call('PUBLISH', ARGV[2] .. pick.number, " \
	"        'out ' .. cert) > 0 then " \
	"        if pick.count > 0 then " \
	"          redis.call('HSET', ARGV[1] .. pick.number, cert, " \
	"            pick.count .. pick.rest) " \
	"        else redis.call('HDEL', ARGV[1] .. pick.number, cert) " \
	"        end end end end " \
	"  if answer > 0 then " \
	"    redis.call('HSET', KEYS[2], cert, ARGV[i + 5]) end " \
	"  out[#out + 1] = answer out[#out + 1] = host end " \
	"redis.call('PEXPIRE', KEYS[2], ARGV[4]) " \
	"return out"

#endif
