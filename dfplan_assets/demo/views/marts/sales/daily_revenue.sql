/* ---
description: Orders and revenue of each of the last thirty days, day by day; a day that changes is made anew by itself.
owners: [team:sales-analytics]
tags: {layer: marts, domain: sales}
partitions: {by: order_date, every: day, from: 1998-07-04, to: 1998-08-03}
backfill: single_run
--- */
select
    order_date,
    priority,
    count(*) as order_count,
    sum(net_amount) as net_amount,
    sum(returned_amount) as returned_amount
from order_totals
where order_date >= $partition_start and order_date < $partition_end
group by order_date, priority
