--- unnest a list in select
select s.id, unnest(s.tags) as tag from stations s
~ output: s.id, => s.name,
~ filter: stations s => stations s where s.id > 1

--- unnest in a derived table
select t.tag, count(*) as n from (select s.id, unnest(s.tags) as tag from stations s) t group by t.tag
~ function: count(*) => max(t.id)
~ grouping: group by t.tag => group by t.tag, t.id

--- unnest in a cte with a join
with tagged as (select s.id, unnest(s.tags) as tag from stations s where s.capacity > 5) select r.id, t.tag from rides r join tagged t on r.start_station = t.id
~ literal: > 5 => > 6
~ join type: join tagged => left join tagged
~ condition: r.start_station = => r.end_station =

--- unnest twice in two ctes
with tags as (select s.id, unnest(s.tags) as tag from stations s), pieces as (select b.id, unnest(b.parts) as part from bikes b) select t.tag, p.part['name'] as part from tags t join pieces p on t.id = p.id
~ literal: 'name' => 'cost'
~ join type: join pieces => full join pieces

--- unnest a struct
--! an alias shows in the output
select unnest(s.location) from stations s
~ filter: stations s => stations s where s.id > 2

--- unnest of a literal list in from
select u.x from unnest([1, 2, 3]) u(x)
~ literal: 3] => 4]
~ output name: u.x from => u.x as y from

--- unnest of lists of structs
select b.id, p['name'] as part from (select b.id, unnest(b.parts) as p from bikes b) b where p['cost'] > 5
~ literal: 'name' => 'cost'
~ literal: > 5 => > 6

--- generate series
select g.value as n from generate_series(1, 5) g
~ literal: 5) => 6)
~ literal: (1, => (2,
~ function: generate_series => range

--- generate series with a step
select g.value as n from generate_series(10, 0, -5) g
~ literal: -5) => -2)

--- two table functions
select a.value as x, b.value as y from generate_series(1, 3) a join range(2, 6) b on a.value = b.value
~ literal: (1, 3) => (1, 2)
~ literal: (2, 6) => (2, 5)
~ join type: a join range => a left join range

--- table function joined with a table
select s.name, g.value as k from stations s join generate_series(1, 2) g on s.id = g.value
~ literal: 2) g => 3) g
~ join type: join generate_series => left join generate_series

--- now in a filter
select r.id from rides r where r.started < now()
~ operator: < now() => > now()
~ function: now() => now() - interval '1 day'

--- current date in select
select current_date as today, w.city from weather w
~ output name: as today => as day
~ output: w.city => w.temp

--- age in days
select r.id, date_part('year', now()) - date_part('year', r.started) as years from rides r
~ operator: now()) - => now()) +

--- random and uuid
select random() as x, uuid() as u, r.id from rides r
~ output name: as x => as y
~ output: , r.id => , r.fare

--- function of a user
select shorten(s.name, 3) as short from stations s
~ literal: , 3) => , 4)
~ column: s.name => s.city

--- aggregate of a user
select s.city, spread(s.capacity) as c from stations s group by s.city
~ column: spread(s.capacity) => spread(s.id)

--- hashes and encodings
select md5(s.name) as a, encode(sha256(s.name), 'hex') as b from stations s
~ function: sha256 => sha512
~ literal: 'hex' => 'base64'

--- date functions
select date_bin(interval '15 minutes', r.started) as slot, to_char(r.started, '%Y-%m') as month from rides r
~ literal: 15 minutes => 20 minutes
~ literal: '%Y-%m' => '%Y'

--- regular expression functions
select regexp_replace(s.name, '[aeiou]', '_', 'g') as n, regexp_like(s.city, '^O') as o from stations s
~ literal: '_' => '-'
~ literal: ^O => ^B
~ literal: 'g' => 'i'

--- math functions
select round(b.weight, 1) as r, sqrt(b.weight) as s, power(b.weight, 2) as p, abs(b.id - 3) as a from bikes b
~ literal: weight, 1) => weight, 2)
~ function: sqrt => cbrt

--- array functions
select array_sort(s.tags) as t, array_to_string(s.tags, '+') as j, array_distinct(s.tags) as d from stations s
~ literal: '+' => '-'
~ function: array_distinct => array_sort

--- json like struct building
select named_struct('id', s.id, 'where', s.location) as row from stations s
~ literal: 'where' => 'place'
~ column: 'id', s.id => 'id', s.capacity

--- greatest, least and abs
select greatest(r.id, r.bike_id) as g, least(r.id, r.bike_id) as l from rides r
~ function: greatest => least
~ column: least(r.id, r.bike_id) => least(r.id, r.rating)

--- time zones
select r.started at time zone 'Europe/Oslo' as local from rides r
~ literal: Europe/Oslo => Europe/Paris

--- typeof and version free functions
select arrow_typeof(r.fare) as t, octet_length(r.notes) as o from rides r
~ column: r.fare => r.rating
~ function: octet_length => bit_length
