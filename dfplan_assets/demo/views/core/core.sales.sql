/* ---
description: The fact table, one row for each order line, with its revenue and its margin.
owners: [team:sales-analytics]
tags: {layer: core, domain: sales}
checks:
  - unique: [order_key, line_number]
  - relationships: {column: order_key, to: staging.orders, field: order_key}
  - row_count: {min: 1}
  - expression: quantity > 0 and net_amount >= 0
    name: nothing_is_sold_for_less_than_nothing
    blocking: true
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
    costed.quantity,
    costed.net_amount,
    cast(costed.net_amount - costed.cost_amount as decimal(18, 4)) as margin_amount,
    costed.is_returned,
    costed.is_late
from costed
join staging.orders as orders using (order_key)
