--- comparison and boolean operators
select r.id, r.fare from rides r where r.fare > 3 and r.rating = 4 or r.rider = 'ada'
~ operator: r.fare > 3 => r.fare >= 3
~ operator: = 4 or => = 4 and
~ literal: 'ada' => 'bea'
~ output: r.id, r.fare => r.fare, r.id
~ output name: r.fare from => r.fare as price from

--- arithmetic with precedence
select r.id, (r.fare + 2) * 3 as padded, r.rating % 2 as odd from rides r
~ operator: + 2 => - 2
~ expression: (r.fare + 2) * 3 => r.fare + 2 * 3
~ output name: as odd => as even

--- null tests
select r.id from rides r where r.rating is null and r.rider is not null
~ operator: rating is null => rating is not null
~ column: r.rider is => r.notes is

--- distinct from
select r.id from rides r where r.rating is distinct from 3
~ operator: is distinct from => is not distinct from
~ operator: is distinct from => <>

--- between
select r.id from rides r where r.fare between 2 and 5
~ operator: between => not between
~ literal: and 5 => and 6

--- in list
select r.id from rides r where r.rider in ('ada', 'cyd', 'dee')
~ operator: in ( => not in (
~ literal: 'dee' => 'eve'

--- long in list
select r.id from rides r where r.id in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
~ literal: 20) => 21)
~ literal: 7, => 77,

--- like and ilike
select r.id from rides r where r.notes like '%bell%' and r.rider ilike 'a%'
~ operator: notes like => notes ilike
~ operator: rider ilike => rider not ilike
~ literal: '%bell%' => '%bel%'

--- regular expression match
select r.id from rides r where r.notes ~ '^[a-m]'
~ operator: notes ~ => notes ~*
~ operator: notes ~ => notes !~
~ literal: a-m => a-n

--- searched case
select r.id, case when r.fare > 4 then 'dear' when r.fare > 2 then 'fair' else 'cheap' end as class from rides r
~ literal: 'fair' => 'ok'
~ literal: > 2 => > 3
~ literal: else 'cheap' => else 'low'
~ expression:  else 'cheap' =>

--- simple case
select s.id, case s.city when 'Oslo' then 1 when 'Bergen' then 2 end as rank from stations s
~ literal: 'Bergen' => 'Tromso'
~ literal: then 2 => then 3

--- casts
select cast(r.fare as double) as f, cast(r.id as varchar) as t, r.started::date as d from rides r
~ type: as double => as bigint
~ type: as varchar => as smallint
~ type: ::date => ::timestamp

--- tolerant cast
select try_cast(r.notes as int) as n from rides r
~ operator: try_cast => cast
~ type: as int => as bigint

--- arrow cast
select arrow_cast(s.name, 'Dictionary(Int32, Utf8)') as n from stations s
~ type: Int32 => Int16

--- timestamp cast precision
select arrow_cast(r.started, 'Timestamp(Millisecond, None)') as m from rides r
~ type: Millisecond => Second
~ type: None => Some("UTC")

--- coalesce and nullif
select r.id, coalesce(r.rating, 0) as rating, nullif(r.rider, 'ada') as rider from rides r
~ function: coalesce(r.rating, 0) => greatest(r.rating, 0)
~ literal: rating, 0 => rating, 1
~ literal: 'ada' => ''

--- string functions
select upper(trim(s.name)) as n, substr(s.city, 1, 3) as c, s.name || '/' || s.city as path from stations s
~ function: upper => lower
~ literal: 1, 3 => 1, 4
~ literal: '/' => ':'
~ expression: s.name || '/' || s.city => s.city || '/' || s.name

--- dates and intervals
select r.id, r.started + interval '3 days' as later, date_trunc('month', r.started) as month from rides r where r.started >= date '2024-01-05'
~ literal: 3 days => 4 days
~ literal: 'month' => 'week'
~ literal: 2024-01-05 => 2024-01-06
~ operator: >= => >

--- interval units
select r.id, r.started - interval '1 month 2 days 3 hours' as earlier from rides r
~ literal: 1 month => 2 months
~ literal: 3 hours => 3 minutes

--- extract
select extract(year from r.started) as y, date_part('dow', r.started) as w from rides r
~ function: year from => month from
~ literal: 'dow' => 'doy'

--- numbers of several kinds
select 1 as a, 2.5 as b, 1e3 as c, true as d, 'x' as e, x'00ff' as f, null as g
~ literal: 1 as a => 2 as a
~ literal: 2.5 => 2.75
~ literal: 1e3 => 1e4
~ literal: true => false
~ literal: 'x' as => 'y' as
~ literal: x'00ff' => x'00fe'

--- long strings and binaries
select 'a rather long text that goes on for quite a while so that no display can be bothered to show all of it, ending in 1' as t, x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' as b
~ literal: ending in 1 => ending in 2
~ literal: 1e1f => 1e20

--- struct and list literals
select [1, 2, 3] as l, named_struct('a', 1, 'b', 'z') as s, make_array('p', 'q') as m
~ literal: 2, 3] => 2, 4]
~ literal: 'b', 'z' => 'b', 'y'
~ literal: 'a', 1 => 'c', 1
~ literal: 'q' => 'r'

--- struct fields and list elements
select s.id, s.location['lat'] as lat, s.tags[1] as first_tag from stations s
~ literal: 'lat' => 'lon'
~ literal: [1] => [2]

--- list slices and functions
select s.id, s.tags[1:2] as head, array_length(s.tags) as n, array_has(s.tags, 'old') as old from stations s
~ literal: 1:2 => 1:3
~ function: array_length => cardinality
~ literal: 'old') => 'new')

--- nested lists of structs
select b.id, b.parts[1]['cost'] as cost from bikes b where b.parts[1]['name'] = 'saddle'
~ literal: 'cost' => 'name'
~ literal: 'saddle' => 'bell'

--- maps
select map(['a', 'b'], [1, 2])['a'] as v
~ literal: ['a'] as => ['b'] as
~ literal: [1, 2] => [1, 3]

--- a filter that folds to false
select r.id from rides r where 1 = 0 and r.fare > 2
~ operator: 1 = 0 => 1 <> 0
~ literal: r.fare > 2 => r.fare > 3

--- select star
--! reads all columns
select * from weather w
~ output: * => w.city, w.day, w.temp
~ filter: weather w => weather w where w.rain

--- select star with exclude
--! reads all columns
select w.* exclude (rain) from weather w
~ output: (rain) => (temp)

--- an implicit output name of a column
select rider, fare from rides
~ output: rider, fare => rider, rating
~ output name: fare from => fare as f from

--- quoted and mixed case names
select "Odd Names"."Mixed Case" as a, "Odd Names"."select" as b from "Odd Names"
~ output: "Mixed Case" as a => "plain" as a
~ output name: as b => as "B"

--- schema qualified names
select e.kind, e.at from raw.events e where e.kind = 'lock'
~ literal: 'lock' => 'unlock'
~ output name: e.at from => e.at as happened from

--- negation and not
select r.id, -r.fare as neg from rides r where not (r.rating > 3)
~ expression: -r.fare => r.fare
~ operator: not (r.rating > 3) => (r.rating > 3)

--- is true and is unknown
select w.city from weather w where w.rain is true or (w.temp > 3) is unknown
~ operator: is true => is not true
~ operator: is unknown => is not unknown
~ operator: is true => is false

--- bit operators
select r.id & 3 as a, r.id | 4 as b, r.id ^ 5 as c, r.id << 2 as d from rides r
~ operator: & 3 => | 3
~ operator: << 2 => >> 2
~ literal: ^ 5 => ^ 6

--- literal that looks like an alias
select r.id, 'r.id = o.id' as t from rides r where r.notes <> 'from rides r'
~ literal: 'r.id = o.id' => 'x.id = o.id'
~ literal: 'from rides r' => 'from rides q'

--- literal with quotes in it
select 'it''s "quoted"' as t, 'a")' as u from stations s
~ literal: it''s => its
~ literal: 'a")' => 'b")'

--- dollar quoted literal
select $$plain -- text$$ as t from stations s
~ literal: plain -- => plain --- 
