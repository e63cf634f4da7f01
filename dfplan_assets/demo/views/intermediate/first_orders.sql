/* ---
description: The first order of each customer.
owners: [team:sales-analytics]
tags: {layer: intermediate, domain: customers}
--- */
select distinct on (customer_key)
    customer_key,
    order_key as first_order_key,
    order_date as first_order_date
from staging.orders
order by customer_key, order_date, order_key
