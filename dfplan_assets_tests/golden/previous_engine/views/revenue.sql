select n.name, sum(o.price) as total, count(*) as orders
from recent o join nation n on o.nation_key = n.key
group by n.name
