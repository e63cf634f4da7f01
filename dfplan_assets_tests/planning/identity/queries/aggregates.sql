--- count and sum by group
select s.city, count(*) as n, sum(s.capacity) as c from stations s group by s.city
~ function: sum( => avg(
~ grouping: group by s.city => group by s.city, s.name
~ function: count(*) => count(s.opened)

--- count of a column and count distinct
select count(r.rating) as a, count(distinct r.rating) as b, count(1) as c from rides r
~ function: count(r.rating) => count(*)
~ function: distinct r.rating => r.rating
~ column: count(distinct r.rating) => count(distinct r.rider)

--- having
select r.bike_id, sum(r.fare) as total from rides r group by r.bike_id having sum(r.fare) > 5
~ literal: > 5 => > 6
~ filter:  having sum(r.fare) > 5 =>

--- filter of an aggregate
select count(*) filter (where r.rating > 3) as good, count(*) as n from rides r
~ literal: > 3 => > 2
~ filter:  filter (where r.rating > 3) =>

--- ordered aggregate
select array_agg(r.rider order by r.started) as riders from rides r
~ ordering: r.started) => r.started desc)
~ ordering:  order by r.started =>

--- distinct ordered aggregate
select string_agg(distinct r.rider, ',' order by r.rider) as riders from rides r where r.rider is not null
~ literal: ',' => ';'
~ ordering: order by r.rider => order by r.rider desc
~ function: distinct  =>

--- first and last value
select first_value(r.rider order by r.started) as a, last_value(r.rider order by r.started) as b from rides r
~ function: first_value => last_value
~ ordering: r.started) as b => r.ended) as b

--- first value with ignored nulls
select first_value(r.rating order by r.started) ignore nulls as a from rides r
~ function: ignore nulls => respect nulls
~ function:  ignore nulls =>

--- statistics
select avg(r.fare) as a, stddev(r.fare) as b, var_pop(r.fare) as c, median(r.fare) as d, corr(r.fare, r.rating) as e from rides r
~ function: stddev( => stddev_pop(
~ function: var_pop( => var_samp(
~ column: median(r.fare) => median(r.rating)

--- percentiles
select approx_percentile_cont(0.9) within group (order by r.fare) as p from rides r
~ literal: 0.9 => 0.8
~ ordering: order by r.fare => order by r.fare desc

--- exact percentile
select percentile_cont(0.5) within group (order by r.fare) as p from rides r
~ literal: 0.5 => 0.25
~ ordering: order by r.fare => order by r.rating

--- boolean and bit aggregates
select bool_and(w.rain) as a, bool_or(w.rain) as b, bit_and(r.id) as c from weather w, rides r
~ function: bool_and => bool_or
~ function: bit_and => bit_or

--- grouping sets
select s.city, r.rating, count(*) as n from rides r join stations s on r.start_station = s.id group by grouping sets ((s.city), (r.rating), ())
~ grouping: , ()) => )
~ grouping: ((s.city), (r.rating) => ((s.city, r.rating)

--- rollup
select s.city, s.name, sum(s.capacity) as c from stations s group by rollup (s.city, s.name)
~ grouping: rollup => cube
~ grouping: (s.city, s.name) => (s.name, s.city)

--- cube with grouping function
select s.city, s.name, grouping(s.city) as g, count(*) as n from stations s group by cube (s.city, s.name)
~ grouping: cube => rollup
~ function: grouping(s.city) => grouping(s.name)

--- group by an expression
select date_trunc('day', r.started) as day, count(*) as n from rides r group by date_trunc('day', r.started)
~ output name: as day, => as date,
~ function: count(*) => sum(r.rating)

--- group by position and all
select r.rider, r.rating, max(r.fare) as m from rides r group by 1, 2
~ grouping: select r.rider, r.rating, => select r.rider, r.bike_id,
~ function: max( => min(

--- distinct
select distinct r.rider from rides r
~ grouping: distinct  =>
~ column: r.rider from => r.rating from

--- distinct on
select distinct on (r.bike_id) r.bike_id, r.rider from rides r order by r.bike_id, r.started desc
~ grouping: on (r.bike_id) r.bike_id, r.rider from rides r order by r.bike_id, => on (r.rider) r.bike_id, r.rider from rides r order by r.rider,
~ ordering: r.started desc => r.started asc
~ column: r.bike_id, r.rider from => r.bike_id, r.notes from

--- distinct over expressions
select distinct r.fare > 3 as dear, r.rating from rides r
~ operator: > 3 => < 3
~ grouping: distinct  =>

--- aggregate without group over nothing
select count(*) as n from rides r where 1 = 0
~ function: count(*) => max(r.id)
~ operator: 1 = 0 => 1 = 1

--- count star over a star
select count(*) as n from (select * from rides r) t
~ function: count(*) => count(t.rating)

--- nested aggregates
select max(x.n) as m from (select r.bike_id, count(*) as n from rides r group by r.bike_id) x
~ function: max( => min(
~ grouping: group by r.bike_id => group by r.bike_id, r.rider
~ function: count(*) => count(r.rating)

--- aggregate of a case
select sum(case when r.rating >= 4 then r.fare else 0 end) as good from rides r
~ literal: >= 4 => >= 5
~ operator: >= 4 => > 4
~ literal: else 0 => else 1

--- two counts distinct and a filter
select count(distinct r.rider) filter (where r.fare > 2) as a, count(distinct r.bike_id) as b from rides r
~ literal: > 2 => > 1
~ column: distinct r.bike_id => distinct r.rating
