/* ---
description: What each country bought, and how much of it is paid.
tags: {domain: sales}
checks:
  - expression: paid <= revenue
    name: no_more_is_paid_than_was_bought
    blocking: true
--- */
select
    customers.country,
    count(*) as orders,
    sum(price) as revenue,
    sum(price) filter (where status = 'paid') as paid
from valid_orders
join customers on customers.id = valid_orders.customer
group by customers.country
