/* ---
description: Where each customer stands, active, lapsed or prospect, by the orders of the last 180 days.
owners: [team:crm]
tags: {layer: intermediate, domain: customers}
params: {active_days: 180}
--- */
select customer_key, 'active' as activity
from staging.customers as customers
where exists (
    select 1
    from staging.orders as orders
    where orders.customer_key = customers.customer_key
        and orders.order_date > cast($as_of as date) - $active_days
)

union all

select customer_key, 'lapsed' as activity
from staging.customers as customers
where customer_key in (select customer_key from staging.orders)
    and not exists (
        select 1
        from staging.orders as orders
        where orders.customer_key = customers.customer_key
            and orders.order_date > cast($as_of as date) - $active_days
    )

union all

select customer_key, 'prospect' as activity
from staging.customers
where customer_key not in (select customer_key from staging.orders)
