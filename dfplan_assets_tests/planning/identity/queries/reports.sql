--- revenue per city and month
with priced as (select r.id, r.fare, date_trunc('month', r.started) as month, s.city from rides r join stations s on r.start_station = s.id where r.fare is not null) select p.city, p.month, sum(p.fare) as revenue, count(*) as rides from priced p group by p.city, p.month having count(*) > 0 order by revenue desc limit 10
~ literal: > 0 => > 1
~ ordering: revenue desc => revenue
~ grouping: p.city, p.month having => p.city, p.month, p.id having

--- bikes never returned to where they started
select b.id, b.model from bikes b where not exists (select 1 from rides r where r.bike_id = b.id and r.start_station = r.end_station) and b.bought < date '2024-01-01'
~ literal: 2024-01-01 => 2023-06-01
~ operator: r.start_station = r.end_station => r.start_station <> r.end_station

--- best rider per city
with scored as (select s.city, r.rider, sum(r.rating) as score from rides r join stations s on s.id = r.end_station group by s.city, r.rider), ranked as (select c.city, c.rider, c.score, rank() over (partition by c.city order by c.score desc) as place from scored c) select k.city, k.rider, k.score from ranked k where k.place <= 2
~ literal: <= 2 => <= 3
~ ordering: c.score desc => c.score asc
~ function: sum(r.rating) => max(r.rating)

--- rides in the rain
select r.id, w.temp from rides r join stations s on s.id = r.start_station join weather w on w.city = s.city and w.day = cast(r.started as date) where w.rain and w.temp < 10
~ literal: < 10 => < 12
~ operator: w.rain and => not w.rain and

--- median gap between rides
select g.bike_id, median(g.gap) as gap from (select r.bike_id, date_part('epoch', r.started) - lag(date_part('epoch', r.ended)) over (partition by r.bike_id order by r.started) as gap from rides r) g group by g.bike_id
~ function: median( => avg(
~ ordering: order by r.started) as gap => order by r.ended) as gap

--- pivot by case
select s.city, sum(case when r.rating >= 4 then 1 else 0 end) as happy, sum(case when r.rating < 4 then 1 else 0 end) as unhappy from rides r join stations s on s.id = r.start_station group by s.city
~ operator: r.rating < 4 => r.rating <= 4
~ output: as happy => as glad

--- cumulative share
select t.model, t.fare, sum(t.fare) over (order by t.fare desc rows between unbounded preceding and current row) / sum(t.fare) over () as share from (select b.model, sum(r.fare) as fare from rides r join bikes b on b.id = r.bike_id group by b.model) t
~ frame: unbounded preceding => 1 preceding
~ function: sum(r.fare) as => max(r.fare) as

--- stations above the average of their city
select s.id, s.name from stations s where s.capacity >= (select avg(t.capacity) from stations t where t.city = s.city) order by s.name
~ operator: >= (select => > (select
~ condition: t.city = s.city => t.name = s.name

--- everything at once
with base as (select r.id, r.rider, r.fare, s.city, b.model from rides r join stations s on s.id = r.start_station left join bikes b on b.id = r.bike_id where r.fare > 1), totals as (select c.city, sum(c.fare) as total from base c group by c.city) select d.city, d.rider, d.fare, t.total, row_number() over (partition by d.city order by d.fare desc, d.id) as place from base d join totals t on t.city = d.city where d.model is not null and exists (select 1 from weather w where w.city = d.city) union all select 'all', null, sum(e.fare), sum(e.fare), 0 from base e order by city, place limit 20
~ literal: limit 20 => limit 19
~ literal: r.fare > 1) => r.fare > 2)
~ literal: 'all' => 'sum'
~ operator: exists (select => not exists (select
~ join type: left join bikes => join bikes

--- distance between stations
select a.id as from_id, b.id as to_id, sqrt(power(a.location['lat'] - b.location['lat'], 2) + power(a.location['lon'] - b.location['lon'], 2)) as apart from stations a join stations b on a.id < b.id
~ operator: a.id < b.id => a.id <= b.id
~ literal: ['lon'], 2) => ['lon'], 3)

--- repeat riders
select r.rider from rides r where r.rider is not null group by r.rider having count(distinct r.bike_id) >= 2 and min(r.started) < max(r.ended)
~ literal: >= 2 => >= 3
~ function: min(r.started) => max(r.started)

--- weather gaps filled
select d.day, w.temp from (select distinct v.day from weather v) d left join weather w on w.day = d.day and w.city = 'Oslo' order by d.day
~ literal: 'Oslo' => 'Bergen'
~ join type: d left join => d join
