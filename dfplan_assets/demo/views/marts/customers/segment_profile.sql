/* ---
description: For each customer segment how many active customers spend more than the average customer does.
owners: [team:crm]
tags: {layer: marts, domain: customers}
--- */
select
    segment,
    count(*) as customer_count,
    count(*) filter (where activity = 'active') as active_count,
    count(*) filter (
        where activity = 'active' and net_amount > (select avg(net_amount) from core.customers)
    ) as active_above_average_count,
    median(net_amount) as median_net_amount,
    array_to_string(array_agg(distinct region_name order by region_name), ', ') as regions
from core.customers
group by segment
