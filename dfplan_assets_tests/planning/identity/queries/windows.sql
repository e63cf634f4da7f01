--- row number
select r.id, row_number() over (partition by r.bike_id order by r.started) as n from rides r
~ grouping: partition by r.bike_id => partition by r.rider
~ ordering: order by r.started => order by r.started desc
~ function: row_number => rank

--- rank and dense rank
select r.id, rank() over (order by r.fare desc) as a, dense_rank() over (order by r.fare desc) as b from rides r
~ function: dense_rank => percent_rank
~ ordering: r.fare desc) as a => r.fare asc) as a

--- running sum with rows frame
select r.id, sum(r.fare) over (order by r.started rows between 2 preceding and current row) as s from rides r
~ literal: 2 preceding => 3 preceding
~ frame: current row => 1 following
~ frame: rows between => groups between

--- range frame
select r.id, sum(r.fare) over (order by r.id range between 2 preceding and 1 following) as s from rides r
~ frame: range => rows
~ literal: 1 following => 2 following
~ frame: 2 preceding => unbounded preceding

--- range frame over time
select r.id, count(*) over (order by r.started range between interval '1 hour' preceding and current row) as n from rides r
~ literal: 1 hour => 2 hours

--- whole partition
select r.id, avg(r.fare) over (partition by r.bike_id) as a from rides r
~ grouping: partition by r.bike_id => 
~ function: avg( => sum(

--- lag and lead
select r.id, lag(r.fare, 1) over (order by r.started) as prev, lead(r.fare, 2, 0) over (order by r.started) as next from rides r
~ literal: r.fare, 1 => r.fare, 2
~ literal: 2, 0 => 2, 1
~ function: lead( => lag(

--- first value with ignored nulls in a window
select r.id, first_value(r.rating) ignore nulls over (order by r.started rows between 1 preceding and 1 following) as f from rides r
~ function: ignore nulls => respect nulls
~ function:  ignore nulls =>
~ function: first_value => last_value

--- lag with ignored nulls
select r.id, lag(r.rating) ignore nulls over (order by r.started) as f from rides r
~ function:  ignore nulls =>

--- nth value and ntile
select r.id, nth_value(r.rider, 2) over (order by r.id) as a, ntile(3) over (order by r.id) as b from rides r
~ literal: rider, 2 => rider, 3
~ literal: ntile(3) => ntile(4)

--- window over an aggregate
select r.bike_id, sum(r.fare) as total, rank() over (order by sum(r.fare) desc) as place from rides r group by r.bike_id
~ ordering: desc) as place => asc) as place
~ function: order by sum( => order by max(

--- qualify
select r.id, r.bike_id from rides r qualify row_number() over (partition by r.bike_id order by r.started) = 1
~ literal: = 1 => = 2
~ operator: ) = 1 => ) <> 1
~ ordering: r.started) => r.started desc)

--- named window
select r.id, sum(r.fare) over w as s, max(r.fare) over w as m from rides r window w as (partition by r.rider order by r.id)
~ grouping: partition by r.rider => partition by r.bike_id
~ function: max( => min(

--- filter in a window aggregate
select r.id, count(*) filter (where r.rating > 3) over (partition by r.bike_id) as n from rides r
~ literal: > 3 => > 4
~ filter:  filter (where r.rating > 3) =>

--- distinct in a window aggregate
select r.id, count(distinct r.rider) over (partition by r.bike_id) as n from rides r
~ function: distinct  =>

--- nulls first in a window
select r.id, row_number() over (order by r.rating nulls first, r.id) as n from rides r
~ ordering: nulls first => nulls last
~ ordering: r.rating nulls => r.rating desc nulls

--- two different windows
select r.id, sum(r.fare) over (partition by r.rider) as a, sum(r.fare) over (partition by r.bike_id) as b from rides r
~ grouping: partition by r.rider => partition by r.rating
~ column: sum(r.fare) over (partition by r.bike_id) => sum(r.rating) over (partition by r.bike_id)

--- share of total
select s.city, s.capacity * 100.0 / sum(s.capacity) over (partition by s.city) as share from stations s
~ literal: 100.0 => 10.0
~ grouping: partition by s.city => partition by s.name

--- subquery in partition by
--! not executable
select r.id, sum(r.fare) over (partition by case when r.bike_id in (select b.id from bikes b) then 1 else 0 end) as s from rides r
~ literal: then 1 => then 2
~ operator: in (select => not in (select
~ column: select b.id => select b.id + 1
