/* ---
description: The fact table, one row for each order line, with revenue, cost of goods and margin.
owners: [team:sales-analytics]
tags: {layer: core, domain: sales}
--- */
with costed as (
    select lines.*, cast(lines.quantity * supplies.unit_cost as decimal(18, 4)) as cost_amount
    from staging.order_lines as lines
    join staging.supplies as supplies
        on lines.product_key = supplies.product_key and lines.supplier_key = supplies.supplier_key
)

select
    order_key,
    costed.line_number,
    orders.customer_key,
    costed.product_key,
    costed.supplier_key,
    orders.order_date,
    orders.order_month,
    orders.order_year,
    costed.quantity,
    costed.net_amount,
    costed.cost_amount,
    costed.net_amount - costed.cost_amount as margin_amount,
    costed.is_returned,
    costed.ship_date,
    costed.ship_mode,
    greatest(costed.days_late, 0) as days_late
from costed
join staging.orders as orders using (order_key)
