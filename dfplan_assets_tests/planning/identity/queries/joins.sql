--- inner join on
select r.id, s.name from rides r join stations s on r.start_station = s.id
~ join type: join stations => left join stations
~ join type: join stations => right join stations
~ join type: join stations => full join stations
~ condition: r.start_station = => r.end_station =

--- two joins of one table
select r.id, a.name as start_name, b.name as end_name from rides r join stations a on r.start_station = a.id join stations b on r.end_station = b.id
~ output: a.name as start_name => b.name as start_name
~ condition: r.end_station = b.id => r.end_station = a.id

--- left join with a filter in the condition
select r.id, s.name from rides r left join stations s on r.start_station = s.id and s.capacity > 10
~ condition: on r.start_station = s.id and s.capacity > 10 => on r.start_station = s.id where s.capacity > 10
~ literal: > 10 => > 11

--- right and full joins
select b.model, r.id from rides r right join bikes b on r.bike_id = b.id
~ join type: right join => full join
~ join type: right join => join

--- full join with non equality
select a.id, b.id as other from stations a full join stations b on a.capacity < b.capacity
~ operator: a.capacity < b => a.capacity <= b
~ operator: a.capacity < b.capacity => b.capacity < a.capacity

--- cross join
select a.name, b.model from stations a cross join bikes b
~ join type: cross join bikes b => join bikes b on a.id = b.id
~ output: a.name, b.model => a.city, b.model

--- comma join with where
select r.id, b.model from rides r, bikes b where r.bike_id = b.id and b.weight < 20
~ operator: < 20 => > 20
~ condition: r.bike_id = b.id => r.id = b.id

--- join using
select id, b.model, s.name from bikes b join stations s using (id)
~ join type: join stations => left join stations
~ output: b.model, s.name => s.name, b.model

--- left join using
select id, b.model, s.name from bikes b left join stations s using (id)
~ join type: left join => full join
~ join type: left join => right join

--- natural join
select city, s.name, w.temp from stations s natural join weather w
~ join type: natural join => natural left join
~ output: w.temp => w.day

--- semi and anti join keywords
select s.id from stations s left semi join rides r on s.id = r.start_station
~ join type: left semi => left anti
~ condition: r.start_station => r.end_station

--- self join with inequality
select a.id, b.id as next from rides a join rides b on a.bike_id = b.bike_id and a.started < b.started
~ operator: a.started < b => a.started > b
~ condition: a.bike_id = b.bike_id and => a.rider = b.rider and

--- join of aggregates
select x.city, x.n, y.t from (select s.city, count(*) as n from stations s group by s.city) x join (select w.city, max(w.temp) as t from weather w group by w.city) y on x.city = y.city
~ function: max(w.temp) => min(w.temp)
~ join type: ) x join => ) x left join
~ output: x.n, y.t => y.t, x.n

--- join on expressions
select r.id, w.temp from rides r join weather w on cast(r.started as date) = w.day
~ type: as date => as timestamp
~ operator: = w.day => >= w.day

--- join on a null safe comparison
select a.id, b.id as other from rides a join rides b on a.rating is not distinct from b.rating
~ operator: a.rating is not distinct from b.rating => a.rating = b.rating

--- three joins with mixed types
select r.id, s.city, b.model, w.rain from rides r join stations s on r.start_station = s.id left join bikes b on r.bike_id = b.id left join weather w on w.city = s.city and w.day = r.started::date
~ join type: left join weather => join weather
~ join type: left join bikes => join bikes
~ condition:  and w.day = r.started::date =>

--- join against values
select s.name, v.label from stations s join (values (1, 'one'), (2, 'two')) v(id, label) on s.id = v.id
~ literal: 'two' => 'deux'
~ literal: (2, => (3,

--- nested parenthesised joins
select r.id from rides r left join (bikes b join stations s on b.id = s.id) on r.bike_id = b.id
~ join type: bikes b join => bikes b left join
~ join type: r left join => r join

--- lateral with an aggregate
select s.id, x.n from stations s cross join lateral (select count(*) as n from rides r where r.start_station = s.id) x
~ condition: r.start_station => r.end_station
~ function: count(*) => max(r.id)

--- left lateral join
select s.id, x.m from stations s left join lateral (select max(r.fare) as m from rides r where r.start_station = s.id) x on true
~ function: max( => min(
~ condition: r.start_station => r.end_station

--- lateral with a limit
--! not executable
select s.id, x.fare from stations s, lateral (select r.fare from rides r where r.start_station < s.id order by r.started limit 1) x
~ literal: limit 1 => limit 2
~ operator: r.start_station < s.id => r.start_station > s.id
~ ordering: r.started limit => r.ended limit

--- lateral over a list
--! not executable
select s.id, t.tag from stations s cross join unnest(s.tags) as t(tag)
~ output: s.id, => s.name,

--- lateral that unnests
--! not executable
select s.id, x.tag from stations s, lateral (select unnest(s.tags) as tag) x
~ output: s.id, => s.name,

--- left join using with a star
--! an alias shows in the output
select * from (select b.id, b.model from bikes b) b left join (select s.id, s.name from stations s) s using (id)
~ join type: left join => full join
~ column: b.model from => b.bought from

--- semi join by intersect with nulls
select r.rating from rides r intersect select q.rating from rides q where q.fare > 1
~ set operation: intersect => except
~ literal: > 1 => > 2
