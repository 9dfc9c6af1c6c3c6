-- What the shared store does in one step. All keys of a call are of one tenant, in one slot.
--
-- KEYS  meta: a hash; log: a stream of entries; snapshot: the state at the position `base`.
-- A position is the id of an entry with the tag of the batch that wrote it: after a failover,
-- another history may have an entry with the same id, but not with the same tag.

local meta, log, snapshot = KEYS[1], KEYS[2], KEYS[3]
local FIRST = '0-0'
local CHUNK = 512 -- how many missing entries are returned at once

local function field(entry, name)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end

local function is_before(one, other)
  local a, b = string.match(one, '(%d+)-(%d+)')
  local c, d = string.match(other, '(%d+)-(%d+)')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a < c or (a == c and b < d)
end

local function keep_alive(ttl)
  if tonumber(ttl) > 0 then
    for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end
  end
end

-- Returns what is known about the tenant, or nil and why it cannot be used.
local function read_meta(generation)
  local found = redis.call('HMGET', meta, 'generation', 'last', 'tag', 'written', 'base', 'base_tag', 'count', 'bytes', 'size')
  if not found[1] then
    if redis.call('EXISTS', meta) == 1 then return nil, 'foreign' end
    return nil, 'gone'
  end
  if generation and found[1] ~= generation then return nil, 'gone' end
  return {generation = found[1], last = found[2], tag = found[3], written = found[4],
          base = found[5], base_tag = found[6], count = tonumber(found[7]), bytes = tonumber(found[8]),
          size = tonumber(found[9])}
end

local function is_in_history(known, position, tag)
  if position == known.last then return tag == known.tag end
  if position == known.base then return tag == known.base_tag end
  local found = redis.call('XRANGE', log, position, position)
  return #found == 1 and field(found[1], 'tag') == tag
end

local commands = {}

-- generation, position, its tag, version that the reads saw, tag of this batch, reads, records,
-- writes, ttl, deadline by the server's clock
function commands.append(generation, position, tag, version, batch, reads, records, writes, ttl, deadline)
  local known, problem = read_meta(generation)
  if not known then return {problem} end
  if tonumber(deadline) > 0 then
    local now = redis.call('TIME')
    local milliseconds = now[1] * 1000 + now[2] / 1000
    if milliseconds > tonumber(deadline) then return {'late', math.floor(milliseconds) .. '-0'} end
  end
  if not is_in_history(known, position, tag) then return {'reload'} end
  local missing = {}
  if position ~= known.last then
    missing = redis.call('XRANGE', log, '(' .. position, '+', 'COUNT', CHUNK)
    if #missing < CHUNK and (#missing == 0 or missing[#missing][1] ~= known.last) then
      return {'foreign'} -- the log was removed, or a part of it
    end
    for _, entry in ipairs(missing) do
      if field(entry, 'tag') == batch then
        -- A write, so that WAIT on this connection waits for the batch, too.
        redis.call('HSET', meta, 'count', known.count)
        return {'done', known.last, 0, known.count, known.bytes, known.size, missing}
      end
    end
    if #missing == CHUNK then
      return {'behind', known.last, 0, known.count, known.bytes, known.size, missing}
    end
  end
  local accepted = version == known.written
  local fields = {}
  if accepted and reads ~= '' then fields[#fields + 1] = 'reads'; fields[#fields + 1] = reads end
  if records ~= '' then fields[#fields + 1] = 'records'; fields[#fields + 1] = records end
  if writes ~= '' then fields[#fields + 1] = 'writes'; fields[#fields + 1] = writes end
  if #fields > 0 then
    local size = 0
    for i = 2, #fields, 2 do size = size + #fields[i] end
    known.last = redis.call('XADD', log, '*', 'tag', batch, unpack(fields))
    known.count, known.bytes = known.count + 1, known.bytes + size
    redis.call('HSET', meta, 'last', known.last, 'tag', batch, 'count', known.count, 'bytes', known.bytes)
    if writes ~= '' then redis.call('HSET', meta, 'written', known.last) end
    keep_alive(ttl)
  end
  return {'appended', known.last, accepted and 1 or 0, known.count, known.bytes, known.size, missing}
end

-- generation, state, ttl
function commands.create(generation, state, ttl)
  local known, problem = read_meta()
  if known then return {known.generation == generation and 'created' or 'exists'} end
  if problem == 'foreign' then return {problem} end
  redis.call('SET', snapshot, state)
  redis.call('DEL', log)
  redis.call('HSET', meta, 'generation', generation, 'last', FIRST, 'tag', generation, 'written', FIRST,
             'base', FIRST, 'base_tag', generation, 'count', 0, 'bytes', 0, 'size', #state)
  keep_alive(ttl)
  return {'created'}
end

function commands.open()
  local known, problem = read_meta()
  if not known then return {problem} end
  local state = redis.call('GET', snapshot)
  if not state then return {'foreign'} end
  -- The version of the state: of the last entry with writes up to `base`, if there is none after it.
  local version = is_before(known.base, known.written) and known.base or known.written
  return {'opened', known.generation, known.base, known.base_tag, version, state}
end

-- generation, position and tag of the state, state, ttl
function commands.compact(generation, position, tag, state, ttl)
  local known, problem = read_meta(generation)
  if not known then return {problem} end
  if not is_before(known.base, position) or not is_in_history(known, position, tag) then
    return {'old'}
  end
  redis.call('SET', snapshot, state)
  local left = redis.call('XRANGE', log, '(' .. position, '+')
  local bytes = 0
  for _, entry in ipairs(left) do
    for i = 2, #entry[2], 2 do bytes = bytes + #entry[2][i] end
  end
  redis.call('HSET', meta, 'base', position, 'base_tag', tag, 'count', #left, 'bytes', bytes, 'size', #state)
  -- What came before the last snapshot goes. The rest stays for the mocks that are a little behind.
  redis.call('XTRIM', log, 'MINID', known.base)
  keep_alive(ttl)
  return {'compacted'}
end

-- generation, or '' for any: then a tenant can be deleted whose log or snapshot is of something else
function commands.delete(generation)
  local known, problem = read_meta(generation ~= '' and generation)
  if not known then return {problem} end
  redis.call('DEL', meta, log, snapshot)
  return {'deleted'}
end

return commands[ARGV[1]](unpack(ARGV, 2))
