/* ---
description: One row for each order, with what its lines add up to and whether all of them came in time.
owners: [team:sales-analytics]
tags: {layer: intermediate, domain: sales}
--- */
select
    order_key,
    orders.customer_key,
    orders.order_date,
    orders.order_year,
    orders.priority,
    count(*) as line_count,
    sum(lines.quantity) as quantity,
    sum(lines.net_amount) as net_amount,
    sum(lines.net_amount) filter (where lines.is_returned) as returned_amount,
    count(*) filter (where lines.is_late) as late_line_count,
    first_value(lines.product_key order by lines.net_amount desc, lines.line_number) as main_product_key
from staging.orders as orders
join staging.order_lines as lines using (order_key)
group by order_key, orders.customer_key, orders.order_date, orders.order_year, orders.priority
