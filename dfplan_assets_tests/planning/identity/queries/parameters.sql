--- comparison with a parameter
--$ low=2
select r.id from rides r where r.fare > $low
~ operator: > $low => < $low
~ parameter: $low => 2

--- text parameter
--$ city='Oslo'
select s.id from stations s where s.city = $city
~ parameter: s.city = $city => s.name = $city

--- two parameters of one kind
--$ low=2, high=9
select r.id from rides r where r.fare between $low and $high
~ parameter: $low and $high => $high and $low

--- two truth values
--$ wet=true, dry=true
select w.city from weather w where w.rain = $wet or w.temp > 3 = $dry
~ parameter: w.rain = $wet => w.rain = $dry

--- limit and offset
--$ n=3, skip=1
select r.id from rides r order by r.id limit $n offset $skip
~ parameter: limit $n offset $skip => limit $skip offset $n

--- date parameter
--$ since=date '2024-01-05'
select r.id from rides r where r.started >= $since
~ operator: >= $since => < $since

--- timestamp parameter
--$ since=timestamp '2024-01-05T10:00:00'
select r.id from rides r where r.started >= $since
~ operator: >= $since => < $since

--- a parameter as a value
--$ label='run'
select $label as label, r.id from rides r
~ output name: as label, => as tag,

--- a number as a value
--$ k=2
select r.id, r.fare * $k as scaled from rides r
~ operator: * $k => + $k

--- a fraction
--$ share=0.25
select r.id, r.fare * $share as part from rides r
~ operator: * $share => / $share

--- parameter in a function
--$ len=3
select substr(s.name, 1, $len) as head from stations s
~ literal: 1, $len => 2, $len

--- parameter in rounding
--$ digits=1
select round(b.weight, $digits) as w from bikes b
~ function: round => trunc

--- parameter in an in list
--$ a='ada', b='bea'
select r.id from rides r where r.rider in ($a, $b, 'cyd')
~ literal: 'cyd' => 'dee'

--- parameter in a window
--$ back=1
select r.id, lag(r.fare, $back) over (order by r.id) as prev from rides r
~ function: lag( => lead(

--- parameter in a recursion
--$ top=4
with recursive t as (select 1 as n union all select t.n + 1 from t where t.n < $top) select t.n from t
~ literal: + 1 => + 2

--- parameter in a list index
--$ i=1
select s.tags[$i] as tag from stations s
~ output name: as tag => as label

--- parameter in an exists
--$ low=2
select s.id from stations s where exists (select 1 from rides r where r.start_station = s.id and r.fare > $low)
~ operator: > $low => >= $low

--- parameter that is null
--$ x=null
select r.id from rides r where r.rating is not distinct from $x
~ operator: is not distinct => is distinct

--- parameter in having and case
--$ low=1
select r.bike_id, case when count(*) > $low then 'many' else 'few' end as k from rides r group by r.bike_id having count(*) >= $low
~ literal: 'many' => 'lots'

--- parameter inside text stays text
--$ low=2
select r.id, '$low' as t from rides r where r.fare > $low
~ literal: '$low' => '$high'
