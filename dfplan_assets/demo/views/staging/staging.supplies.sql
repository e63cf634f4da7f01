/* ---
description: Which supplier offers which product, at what cost, and how many pieces are in stock.
owners: [team:data-platform]
tags: {layer: staging, domain: supply}
--- */
-- The CTE takes the name of the source: below, partsupp means the renamed columns.
with partsupp as (
    select
        ps_partkey as product_key,
        ps_suppkey as supplier_key,
        ps_availqty as stock_quantity,
        ps_supplycost as unit_cost
    from partsupp
)
select
    product_key,
    supplier_key,
    stock_quantity,
    unit_cost,
    stock_quantity * unit_cost as stock_value
from partsupp
