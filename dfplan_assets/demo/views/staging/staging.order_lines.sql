/* ---
description: One row for each line of an order, with its price before tax and whether it came late.
owners: [team:data-platform]
tags: {layer: staging, domain: sales}
--- */
select
    l_orderkey as order_key,
    l_linenumber as line_number,
    l_partkey as product_key,
    l_suppkey as supplier_key,
    cast(l_quantity as int) as quantity,
    cast(l_extendedprice * (1 - l_discount) as decimal(18, 4)) as net_amount,
    l_returnflag = 'R' as is_returned,
    l_receiptdate > l_commitdate as is_late
from lineitem
