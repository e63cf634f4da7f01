--- exists
select s.id from stations s where exists (select 1 from rides r where r.start_station = s.id)
~ operator: exists ( => not exists (
~ condition: r.start_station => r.end_station
~ filter: = s.id) => = s.id and r.rating > 3)

--- not exists with two conditions
select s.id from stations s where not exists (select 1 from rides r where r.start_station = s.id and r.fare > 4)
~ literal: > 4 => > 5
~ operator: not exists => exists

--- in subquery
select r.id from rides r where r.start_station in (select s.id from stations s where s.city = 'Oslo')
~ operator: in (select => not in (select
~ literal: 'Oslo' => 'Bergen'
~ column: r.start_station in => r.end_station in

--- not in with nulls
select r.id from rides r where r.rating not in (select q.rating from rides q where q.fare > 100)
~ operator: not in => in
~ literal: > 100 => > 1

--- any and all
select r.id from rides r where r.fare > any (select q.fare from rides q where q.rating = 5)
~ operator: > any => < any
~ operator: > any => > all
~ literal: = 5 => = 4

--- equals any
select r.id from rides r where r.bike_id = any (select b.id from bikes b)
~ operator: = any => <> any
~ operator: = any => <> all

--- uncorrelated scalar subquery in select
select r.id, r.fare - (select avg(q.fare) from rides q) as above from rides r
~ function: avg( => max(
~ operator: r.fare - => r.fare +

--- correlated scalar subquery in select
select b.id, (select max(r.fare) from rides r where r.bike_id = b.id) as best from bikes b
~ function: max( => min(
~ condition: r.bike_id = => r.id =

--- correlated scalar subquery in where
select r.id from rides r where r.fare > (select avg(q.fare) from rides q where q.bike_id = r.bike_id)
~ operator: > (select => < (select
~ condition: q.bike_id = r.bike_id => q.rider = r.rider

--- correlated count
select b.id, (select count(*) from rides r where r.bike_id = b.id) as n from bikes b
~ function: count(*) => sum(r.rating)

--- correlated by inequality
--! not executable
select r.id from rides r where r.fare > (select avg(q.fare) from rides q where q.started < r.started)
~ operator: q.started < => q.started <=
~ function: avg( => max(

--- exists inside a case
--! not executable
select b.id, case when exists (select 1 from rides r where r.bike_id = b.id) then 'used' else 'new' end as state from bikes b
~ literal: 'used' => 'old'
~ condition: r.bike_id => r.id
~ operator: when exists => when not exists

--- exists as a value
--! not executable
select b.id, exists (select 1 from rides r where r.fare > 3) as any_dear from bikes b
~ literal: > 3 => > 4

--- in subquery in an aggregate filter
--! not executable
select count(*) filter (where r.bike_id in (select b.id from bikes b)) as n from rides r
~ operator: in (select => not in (select
~ column: b.id from => b.id + 1 from

--- subquery in having
select r.bike_id, count(*) as n from rides r group by r.bike_id having count(*) > (select count(*) from bikes b)
~ operator: > (select => < (select
~ function: select count(*) => select max(b.id)

--- subquery in join condition
select r.id, b.model from rides r join bikes b on r.bike_id = b.id and r.start_station in (select s.id from stations s)
~ operator: in (select => not in (select
~ column: select s.id => select s.capacity

--- subquery in order by with limit
select r.id from rides r order by r.fare - (select avg(q.fare) from rides q), r.id limit 3
~ literal: limit 3 => limit 4
~ function: avg( => max(

--- three levels deep
select r.id from rides r where r.start_station in (select s.id from stations s where s.city in (select w.city from weather w where w.temp > (select avg(v.temp) from weather v)))
~ operator: w.temp > => w.temp <
~ operator: s.city in => s.city not in
~ function: avg( => min(

--- correlated twice
select s.id from stations s where exists (select 1 from rides r where r.start_station = s.id and exists (select 1 from bikes b where b.id = r.bike_id and b.weight > 10))
~ literal: > 10 => > 12
~ condition: b.id = r.bike_id => b.id = r.id

--- exists or a plain condition
select s.id from stations s where exists (select 1 from rides r where r.start_station = s.id) or s.capacity > 20
~ literal: > 20 => > 25
~ operator: ) or s => ) and s

--- same alias in two scopes
select t.id from stations t where t.id in (select t.start_station from rides t where t.fare > 2)
~ literal: > 2 => > 3
~ column: t.start_station from => t.end_station from

--- subquery in from
select x.rider, x.total from (select r.rider, sum(r.fare) as total from rides r group by r.rider) x where x.total > 4
~ literal: > 4 => > 5
~ output: x.rider, x.total => x.total, x.rider
~ function: sum( => max(

--- derived tables nested
select z.c from (select y.b as c from (select r.fare as b from rides r where r.rating > 2) y where y.b > 1) z
~ literal: > 2) => > 3)
~ column: r.fare as b => r.rating as b
~ output name: z.c from => z.c as d from

--- left join with exists in its condition
--! not executable
select r.id, b.model from rides r left join bikes b on r.bike_id = b.id and exists (select 1 from stations s where s.id = b.id)
~ condition: s.id = b.id => s.capacity = b.id
~ join type: left join => join

--- same alias inside a scalar subquery
select o.id from rides o where o.fare > (select avg(o.fare) from rides o where o.rating > 2)
~ literal: > 2 => > 3
~ function: avg( => min(

--- exists over a star
select s.id from stations s where exists (select * from rides r where r.start_station = s.id)
~ condition: r.start_station => r.end_station

--- exists over a staged star
with staged as (select * from rides) select s.id from stations s where exists (select 1 from staged t where t.start_station = s.id)
~ condition: t.start_station => t.end_station

--- three exists as values
--! not executable
select s.id, s.id in (select r.start_station from rides r) as a, s.id in (select q.end_station from rides q) as b from stations s
~ column: r.start_station from => r.bike_id from
