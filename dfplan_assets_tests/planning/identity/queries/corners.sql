--- not in over nulls
select r.id from rides r where r.rating not in (select q.rating from rides q where q.fare > 1)
~ operator: not in => in
~ literal: > 1 => > 2

--- not in over what is never null
select r.id from rides r where r.rating not in (select q.rating from rides q where q.fare > 1 and q.rating is not null)
~ filter:  and q.rating is not null =>

--- negated in
select r.id from rides r where not (r.rating in (select q.rating from rides q where q.fare > 1))
~ operator: not (r.rating in => (r.rating in

--- not in or a plain condition
select r.id from rides r where r.rating not in (select b.id from bikes b) or r.id = 3
~ literal: = 3 => = 4

--- less than all
select r.id from rides r where r.rating < all (select q.rating from rides q where q.fare > 4)
~ operator: < all => < any

--- except all with nulls
select r.rating from rides r except all select q.rating from rides q where q.rating > 3 or q.rating is null
~ operator: is null => is not null

--- intersect of two columns
select r.rating, r.rider from rides r intersect select q.rating, q.rider from rides q
~ output: select r.rating, r.rider => select r.id, r.rider

--- correlated count with having
select s.city, (select count(*) from rides r where r.start_station = s.id having count(*) > 2) as n from stations s
~ literal: > 2 => > 1

--- correlated count that is zero
select s.id from stations s where (select count(*) from rides r where r.start_station = s.id + 3) = 0
~ literal: + 3 => + 4

--- distinct sums
select sum(distinct r.rating) as a, avg(distinct r.rating) as b, array_agg(r.rating order by r.rating desc nulls first) as c from rides r
~ ordering: nulls first => nulls last
~ function: sum(distinct r.rating) => sum(r.rating)

--- distinct with a filter
select array_agg(distinct r.rating order by r.rating) filter (where r.rating is not null) as a from rides r
~ filter: is not null => is null

--- approximations
select approx_distinct(r.rider) as a, approx_median(r.rating) as b from rides r
~ function: approx_median => median

--- frame that ends before the row
select r.id, sum(r.fare) over (order by r.id rows between unbounded preceding and 1 preceding) as s from rides r
~ frame: 1 preceding) => current row)

--- frame that begins behind the row
select r.id, sum(r.fare) over (order by r.id rows between 1 following and 2 following) as s from rides r
~ literal: 2 following => 3 following

--- frame of groups
select r.id, sum(r.fare) over (order by r.rating groups between 1 preceding and 1 following) as s from rides r
~ literal: 1 following => 2 following

--- similar to
select r.id from rides r where r.notes similar to 'b.*'
~ literal: 'b.*' => 'b.+'
~ operator: similar to => not similar to

--- text by position
select position('a' in r.rider) as p, overlay(r.rider placing 'xx' from 1 for 1) as o, trim(leading 'a' from r.rider) as t from rides r
~ literal: 'xx' => 'yy'
~ function: leading => trailing

--- difference of dates and timestamps
select date '2024-01-10' - date '2024-01-01' as days, r.ended - r.started as lasted from rides r
~ literal: 2024-01-10 => 2024-01-11
~ expression: r.ended - r.started => r.started - r.ended

--- times and zoned timestamps
select cast('12:30:00' as time) as t, timestamptz '2024-01-01 10:00:00+02' as z
~ literal: 12:30:00 => 12:31:00
~ literal: +02 => +03

--- small numeric types
select 1.5::decimal(10, 3) as a, 1::tinyint as b, 2::smallint unsigned as c, 3::bigint unsigned as d, 4::real as e
~ type: tinyint => smallint
~ type: decimal(10, 3) => decimal(10, 2)
~ type: unsigned as c => as c

--- special floats
select 'nan'::double as a, 'inf'::double as b, -0.0 as c, b.weight = 'nan'::double as d from bikes b
~ literal: 'inf' => '-inf'
~ operator: b.weight = => b.weight <>

--- case on null
select case r.rating when null then 1 else 2 end as c from rides r
~ literal: else 2 => else 3

--- limits inside a union
select * from (select r.id, r.rider from rides r order by r.id limit 3) a union all select * from (select b.id, b.model from bikes b order by b.id desc limit 1) c
~ literal: limit 3 => limit 4
~ ordering: b.id desc => b.id

--- right semi and right anti joins
select s.id from rides r right semi join stations s on r.start_station = s.id
~ join type: right semi => right anti

--- maximum of a cte against itself
with counted as (select r.rider, count(*) as c from rides r group by r.rider) select a.rider from counted a where a.c = (select max(b.c) from counted b)
~ function: max( => min(

--- left lateral with having
select s.id, x.m from stations s left join lateral (select max(r.fare) as m from rides r where r.start_station = s.id having max(r.fare) > 2) x on true
~ literal: > 2 => > 3

--- grouping in having
select s.city, sum(s.capacity) as c from stations s group by rollup (s.city) having grouping(s.city) = 1
~ literal: = 1 => = 0

--- negative index and steps in a list
select s.tags[-1] as a, s.tags[1:3:2] as b, list_concat(s.tags, ['x']) as c from stations s
~ literal: [-1] => [-2]
~ literal: 1:3:2 => 1:3:1

--- lag with a default
select r.id, lag(r.rider, 1, 'none') over (order by r.id) as p from rides r
~ literal: 'none' => 'no one'

--- shares of a rank
select r.id, percent_rank() over (order by r.fare) as a, cume_dist() over (order by r.fare) as b from rides r
~ function: cume_dist => percent_rank

--- in a list with a null
select r.id, r.rating in (1, null, 3) as x from rides r
~ literal: , 3) => , 4)

--- nothing at all
select 1 as x where false
~ literal: false => true

--- having without groups
select sum(r.id) as s from rides r having count(*) > 100
~ literal: 100 => 10

--- any of one value
select r.id from rides r where r.fare > any (select 1.5)
~ literal: 1.5 => 2.5

--- values of mixed types
select v.column1 as x from (values (1), (2.5), (null)) v
~ literal: 2.5 => 3.5

--- division and remainder
select trunc(3.7) as a, 7 / 2 as b, 7 % -3 as c, 7.0 / 2 as d, -7 / 2 as e
~ literal: 7 % -3 => 7 % 3

--- unsigned and large types
select arrow_cast(1, 'UInt8') + 1 as a, arrow_cast('a', 'LargeUtf8') || 'b' as b, arrow_cast('2020-01-01', 'Date64') as c
~ type: UInt8 => Int8

--- conversions of dates
select to_timestamp('2024-01-01T00:00:00+01:00') as a, to_date('2024-01-01') as b, make_date(2024, 1, 2) as c
~ literal: 1, 2) => 1, 3)

--- two time zones
select date_trunc('day', r.started at time zone 'UTC' at time zone 'Europe/Oslo') as d from rides r
~ literal: Europe/Oslo => Asia/Kolkata

--- offset alone
select r.id from rides r order by r.id offset 3
~ literal: offset 3 => offset 4

--- limit zero
select r.id from rides r limit 0
~ literal: limit 0 => limit 1

--- using twice
select a.name from stations a join stations b using (id) join stations c using (id)
~ join type: stations b using (id) join => stations b using (id) left join

--- condition with or
select a.city from stations a join weather b on a.city = b.city and b.temp > 2 or a.id = 1
~ operator: or a.id => and a.id

--- maps of literals
select map {'a': 1, 'b': 2} as m, map_keys(map {'a': 1}) as k
~ literal: 'b': 2 => 'b': 3

--- array containment
select array[1, 2, 3] @> array[1] as c
~ operator: @> => <@

--- regression
select regr_slope(r.rating, r.id) as a, covar_samp(r.rating, r.id) as b from rides r
~ function: covar_samp => covar_pop

--- nth value in order
select nth_value(r.rider, 2 order by r.id) as n from rides r
~ literal: rider, 2 => rider, 3

--- first value with a filter
select first_value(r.rider order by r.id) filter (where r.rating > 4) as f from rides r
~ literal: > 4 => > 3

--- lists without nulls
select array_agg(r.rating order by r.id) ignore nulls as a from rides r
~ function:  ignore nulls =>

--- count over everything with a filter
select count(*) filter (where r.rider like 'a%') over () as n from rides r
~ literal: 'a%' => 'b%'

--- staged star that is grouped
with staged as (select * from rides) select t.rider, max(t.fare) as m from staged t group by t.rider
~ function: max( => min(

--- three views deep
with a as (select s.id, s.city, s.capacity as beds from stations s), b as (select a.city, sum(a.beds) as total from a group by a.city), c as (select b.city, rank() over (order by b.total desc) as r from b) select c.city from c where c.r = 1
~ literal: c.r = 1 => c.r = 2
~ ordering: b.total desc => b.total asc

--- subquery beside an unnest
select s.id, unnest(s.tags) as tag, (select max(r.fare) from rides r) as top from stations s where s.capacity > (select avg(t.capacity) from stations t where t.id < (select count(*) from bikes b))
~ function: max( => min(
~ operator: t.id < => t.id >

--- subquery beside ignored nulls
select r.id, lag(r.rating) ignore nulls over (order by r.id) as p from rides r where r.fare > (select avg(q.fare) from rides q)
~ function: avg( => min(
