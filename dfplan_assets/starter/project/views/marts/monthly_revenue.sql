/* ---
description: Revenue per month, and by how much it differs from the month before.
tags: {domain: sales}
--- */
select
    month,
    revenue,
    revenue - lag(revenue) over (order by month) as change
from (
    select date_trunc('month', day) as month, sum(price) as revenue
    from valid_orders
    group by date_trunc('month', day)
)
