/* ---
description: The customer list for the sales force's spreadsheet, with its own column titles.
owners: [team:crm]
tags: {layer: reports, domain: customers}
--- */
select
    value.customer_key as "Customer No.",
    value.customer_name as "Customer",
    value.region_name as "Region",
    value.nation_name as "Market",
    value.segment as "Segment",
    value.order_count as "Orders",
    value.net_amount as "Revenue",
    value.value_class as "Class",
    cast(value.recency_score * 100 + value.frequency_score * 10 + value.value_score as int) as "RFM",
    coalesce(carts.abandoned_cart_count, 0) as "Abandoned Carts"
from customer_value as value
left join (
    select customer_key, count(*) as abandoned_cart_count
    from abandoned_carts
    group by customer_key
) as carts using (customer_key)
