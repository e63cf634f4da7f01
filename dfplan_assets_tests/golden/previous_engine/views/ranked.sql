with per_nation as (select nation_key, sum(cost) as cost from orders group by nation_key)
select n.name, p.cost, rank() over (order by p.cost desc) as place
from per_nation p left join nation n on n.key = p.nation_key
