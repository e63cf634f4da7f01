--- union all
select s.id, s.name from stations s union all select b.id, b.model from bikes b
~ set operation: union all => union
~ set operation: union all => intersect
~ column: b.model => b.id::varchar

--- union
select s.city from stations s union select w.city from weather w
~ set operation: union => except
~ set operation: union => union all

--- intersect
select s.city from stations s intersect select w.city from weather w
~ set operation: intersect => except
~ set operation: intersect => intersect all

--- except
select s.city from stations s except select w.city from weather w
~ set operation: except => except all
~ column: w.city => w.city || 'x'

--- union of three with an order
select r.id as k from rides r union all select b.id from bikes b union all select s.id from stations s order by k limit 5
~ literal: limit 5 => limit 6
~ ordering: by k => by k desc
~ set operation: r union all => r union

--- union by name
select s.id, s.name from stations s union all by name select b.model as name, b.id from bikes b
~ set operation:  by name =>
~ set operation: all by name => by name

--- values
select v.a, v.b from (values (1, 'x'), (2, 'y'), (3, 'z')) v(a, b)
~ literal: 'z' => 'w'
~ literal: (2, => (4,

--- long values
select v.a from (values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12)) v(a)
~ literal: (12) => (13)
~ literal: (7) => (70)
~ literal: , (12) =>

--- top level values
values (1, 'one'), (2, 'two')
~ literal: 'two' => 'zwei'

--- one cte
with dear as (select r.id, r.rider from rides r where r.fare > 3) select d.rider, count(*) as n from dear d group by d.rider
~ literal: > 3 => > 4
~ function: count(*) => max(d.id)

--- cte used twice
with x as (select r.bike_id, sum(r.fare) as t from rides r group by r.bike_id) select a.bike_id, a.t, b.t as other from x a join x b on a.bike_id = b.bike_id + 1
~ literal: + 1 => + 2
~ function: sum( => avg(

--- ctes that build on each other
with a as (select s.id, s.city from stations s where s.capacity > 5), b as (select a.city, count(*) as n from a group by a.city), c as (select b.city from b where b.n > 1) select c.city from c
~ literal: > 5) => > 6)
~ literal: > 1) => > 2)
~ grouping: group by a.city => group by a.city, a.id

--- nested ctes
with outer_part as (with inner_part as (select r.id, r.fare from rides r) select i.id, i.fare * 2 as f from inner_part i) select o.f from outer_part o where o.id > 2
~ literal: * 2 => * 3
~ literal: > 2 => > 3

--- cte that shadows a source
with stations as (select b.id, b.model as name from bikes b) select stations.name from stations where stations.id > 1
~ literal: > 1 => > 2
~ column: b.model => b.model || ''

--- unused cte
with spare as (select w.day from weather w), used as (select r.id from rides r) select u.id from used u
~ filter: rides r) => rides r where r.rating > 1)

--- recursive counter
with recursive steps as (select 1 as n union all select steps.n + 1 from steps where steps.n < 6) select steps.n from steps
~ literal: < 6 => < 7
~ literal: + 1 => + 2
~ literal: select 1 as => select 0 as

--- recursive distinct
with recursive hops as (select r.start_station as at from rides r where r.id = 1 union select q.end_station from rides q join hops h on q.start_station = h.at) select h.at, s.name from hops h join stations s on s.id = h.at
~ literal: r.id = 1 => r.id = 2
~ condition: q.start_station = h.at => q.bike_id = h.at
~ set operation: union select => union all select
~ output: h.at, s.name => s.name, h.at

--- recursive with two columns
with recursive days(d, k) as (select date '2024-01-01', 1 union all select p.d + interval '1 day', p.k + 1 from days p where p.k < 5) select t.d, t.k, w.temp from days t left join weather w on w.day = t.d
~ literal: 2024-01-01 => 2024-01-02
~ literal: < 5 => < 4
~ join type: left join weather => join weather

--- recursion beside a subquery
with recursive n as (select 1 as i union all select m.i + 1 from n m where m.i < 4) select b.id from bikes b where b.id in (select k.i from n k)
~ literal: < 4 => < 3
~ operator: in (select => not in (select

--- order, limit and offset
select r.id, r.fare from rides r order by r.fare desc, r.id limit 3 offset 1
~ literal: limit 3 => limit 4
~ literal: offset 1 => offset 2
~ ordering: r.fare desc => r.fare asc
~ ordering: , r.id limit => , r.rider limit

--- nulls first with limit
select r.id from rides r order by r.rating nulls first, r.id limit 4
~ ordering: nulls first => nulls last

--- limit without order
select r.id from rides r limit 2
~ literal: limit 2 => limit 3

--- limit of a derived table
select x.id from (select r.id from rides r order by r.started desc limit 4) x where x.id > 1
~ literal: limit 4 => limit 5
~ ordering: started desc => started asc
~ literal: > 1 => > 2

--- union inside a derived table
select u.k, count(*) as n from (select r.bike_id as k from rides r union all select b.id from bikes b) u group by u.k
~ set operation: union all => union
~ column: r.bike_id as k => r.id as k

--- intersect inside in
select r.id from rides r where r.bike_id in (select b.id from bikes b intersect select s.id from stations s)
~ set operation: intersect => except
~ column: s.id from => s.capacity from
