-- One exchange of a gateway with all others: says its word, hears theirs.
--
-- Nothing here decides, and nothing is added up: every value has one writer, so a script that runs twice
-- changes nothing the second time. All keys have one hash tag, and are one node's of a cluster.
--
-- KEYS   1 alive   hash: of each process p its word (w:p), when it said it (t:p), and its number (n:p)
--        2 things  stream: who holds what was made to last
--        3 sealed  stream: who can read sealed content
--        4 …       spent, one for each period: hash of what was spent of a budget, by row and book
-- ARGV   1 process  2 number of the word  3 the word  4 milliseconds after which a silent one is gone
--        5 1: what was spent is wanted  6 7 where the streams were read to  8 entries of each that are kept
--        9 entries of each that are wanted  10 when the word was said, by this clock; 0: that is not known
--        11 how many things follow, then sealed; each as its text
--        then for each period: its end in milliseconds since 1970, how many fields follow, and those with
--        their values

local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local process = ARGV[1]
local expires = tonumber(ARGV[4])
local next_arg = 11
local function arg()
  next_arg = next_arg + 1
  return ARGV[next_arg - 1]
end

-- A word that was overtaken by a later one is not news. What is no number nobody of us has written.
local before = tonumber(redis.call('HGET', KEYS[1], 'n:' .. process) or '0') or 0
-- A store that stood still hears questions that nobody waits for any more: what they say is old.
local said = tonumber(ARGV[10])
if said == 0 or said > at then
  said = at
end
if tonumber(ARGV[2]) > before then
  redis.call('HSET', KEYS[1], 'n:' .. process, ARGV[2], 't:' .. process, said, 'w:' .. process, ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], expires * 10)

for stream = 2, 3 do
  for _ = 1, tonumber(arg()) do
    redis.call('XADD', KEYS[stream], 'MAXLEN', '~', ARGV[8], '*', 'h', arg())
  end
end

local spent = {}
for key = 4, #KEYS do
  local ends, fields = tonumber(arg()), tonumber(arg())
  for _ = 1, fields do
    redis.call('HSET', KEYS[key], arg(), arg())
  end
  if fields > 0 then
    redis.call('PEXPIREAT', KEYS[key], ends)
  end
  if ARGV[5] == '1' then
    spent[#spent + 1] = redis.call('HGETALL', KEYS[key])
  else
    spent[#spent + 1] = {}
  end
end

local words = {}
local all = redis.call('HGETALL', KEYS[1])
local of = {}
for field = 1, #all, 2 do
  of[all[field]] = all[field + 1]
end
for field, moment in pairs(of) do
  if string.sub(field, 1, 2) == 't:' then
    local other = string.sub(field, 3)
    local age = at - (tonumber(moment) or 0)
    if age > expires then
      redis.call('HDEL', KEYS[1], 'n:' .. other, 't:' .. other, 'w:' .. other)
    elseif other ~= process and of['w:' .. other] then
      words[#words + 1] = other
      words[#words + 1] = age
      words[#words + 1] = of['w:' .. other]
    end
  end
end

local function after(stream, last)
  return redis.call('XRANGE', KEYS[stream], '(' .. last, '+', 'COUNT', ARGV[9])
end

return { at, before, words, after(2, ARGV[6]), after(3, ARGV[7]), spent }
