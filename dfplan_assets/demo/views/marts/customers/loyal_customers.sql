/* ---
description: Customers who ordered in each of three years from 1995 on, and sent nothing back in them.
owners: [team:crm]
tags: {layer: marts, domain: customers}
params: {min_year: 1995}
--- */
with loyal as (
    select customer_key from order_totals where order_year = $min_year
    intersect
    select customer_key from order_totals where order_year = $min_year + 1
    intersect
    select customer_key from order_totals where order_year = $min_year + 2
    except
    select customer_key
    from order_totals
    where order_year between $min_year and $min_year + 2 and returned_amount > 0
)

select customers.customer_key, customers.customer_name, customers.nation_name, customers.net_amount
from core.customers as customers
left semi join loyal on customers.customer_key = loyal.customer_key
