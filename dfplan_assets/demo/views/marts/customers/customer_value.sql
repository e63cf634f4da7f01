/* ---
description: Recency, frequency and value of every customer who has bought, each scored from 1 to 5.
owners: [team:crm]
tags: {layer: marts, domain: customers}
--- */
select
    customer_key,
    customer_name,
    nation_name,
    region_name,
    segment,
    cast($as_of as date) - last_order_date as days_since_last_order,
    order_count,
    net_amount,
    ntile(5) over (order by last_order_date, customer_key) as recency_score,
    ntile(5) over (order by order_count, customer_key) as frequency_score,
    ntile(5) over (order by net_amount, customer_key) as value_score,
    case
        when net_amount > 2 * (select avg(net_amount) from core.customers where order_count > 0)
            then 'key account'
        when net_amount > (select avg(net_amount) from core.customers where order_count > 0)
            then 'above average'
        else 'regular'
    end as value_class
from core.customers
where order_count > 0
