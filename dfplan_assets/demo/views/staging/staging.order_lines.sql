/* ---
description: One row for each line of an order, with what the customer pays before tax and how late it arrived.
owners: [team:data-platform]
tags: {layer: staging, domain: sales}
--- */
select
    l_orderkey as order_key,
    l_linenumber as line_number,
    l_partkey as product_key,
    l_suppkey as supplier_key,
    cast(l_quantity as int) as quantity,
    l_extendedprice as list_amount,
    cast(l_extendedprice * (1 - l_discount) as decimal(18, 4)) as net_amount,
    cast(l_extendedprice * (1 - l_discount) * (1 + l_tax) as decimal(18, 4)) as billed_amount,
    l_returnflag = 'R' as is_returned,
    l_linestatus = 'F' as is_delivered,
    l_shipdate as ship_date,
    l_receiptdate as receipt_date,
    l_receiptdate - l_commitdate as days_late,
    l_shipmode as ship_mode
from lineitem
