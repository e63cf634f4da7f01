/* ---
description: Customers by segment, how many of them are active, and how many active ones spend a lot.
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
    string_agg(distinct region_name, ', ' order by region_name) as regions
from core.customers
group by segment
