/* ---
description: The three customers of each country who bought most.
tags: {domain: sales}
--- */
select country, name, revenue
from (
    select
        customers.country,
        customers.name,
        sum(price) as revenue,
        row_number() over (partition by customers.country order by sum(price) desc, customers.name) as place
    from valid_orders
    join customers on customers.id = valid_orders.customer
    group by customers.country, customers.name
)
where place <= 3
