/* ---
description: Orders from the first reported year on, under the names that the business uses.
owners: [team:data-platform]
tags: {layer: staging, domain: sales}
checks:
  - not_null: [order_key, customer_key, order_date]
  - unique: order_key
  - accepted_values: {column: order_status, values: [fulfilled, open, partly fulfilled]}
--- */
select
    o_orderkey as order_key,
    o_custkey as customer_key,
    o_orderdate as order_date,
    cast(date_trunc('month', o_orderdate) as date) as order_month,
    extract(year from o_orderdate) as order_year,
    case o_orderstatus
        when 'F' then 'fulfilled'
        when 'O' then 'open'
        else 'partly fulfilled'
    end as order_status,
    split_part(o_orderpriority, '-', 2) as priority,
    o_clerk as clerk,
    o_totalprice as billed_total
from orders
where extract(year from o_orderdate) >= $min_year
