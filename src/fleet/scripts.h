/* SPDX-License-Identifier: ISC */
/*
 * What the engine runs for us, in Lua. A script runs alone, so reading and
 * writing in it is one step. All of its keys are given, so that the engine's
 * access control sees them.
 */
#ifndef FLEET_SCRIPTS_H
#define FLEET_SCRIPTS_H

/* Changes that the stream keeps: a replica that was away for more loads the
 * whole set. */
#define FLEET_STREAM_LEN "100000"

/*
 * KEYS: epoch, stream, set. ARGV: an epoch, used if the engine has none; the
 * last change that the replica knows. Returns the engine's epoch, whether its
 * stream still holds that change, the last one of the stream, and the number
 * of entries of the set.
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
 * change, how ("now": it is decided now, and comes after all that the engine
 * has; "late": it only counts if it is the newest), field, stamp, and value
 * without its stamp. Returns the number of changes that counted.
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
 * replicas that are alive. A quiet one with the name of this replica is what
 * ran before it crashed.
 */
#define FLEET_SCRIPT_BEAT \
	"local time = redis.call('TIME') " \
	"local now = time[1] * 1000 + math.floor(time[2] / 1000) " \
	"redis.call('ZADD', KEYS[3], now, ARGV[1]) " \
	"redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[2]) " \
	"local name = string.match(ARGV[1], '^%S+ ') " \
	"for _, other in ipairs(redis.call('ZRANGE', KEYS[3], '-inf', " \
	"  now - 3000, 'BYSCORE')) do " \
	"  if string.sub(other, 1, #name) == name then " \
	"    redis.call('ZREM', KEYS[3], other) end end " \
	"return {redis.call('GET', KEYS[1]) or '', " \
	"  redis.call('HLEN', KEYS[2]), " \
	"  redis.call('ZRANGE', KEYS[3], 0, 254)}"

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

#endif
