/* ---
description: Revenue by year, customer segment and price band in every combination, for the pivot tables of finance.
owners: [team:finance]
tags: {layer: marts, domain: sales}
--- */
select
    sales.order_year,
    customers.segment,
    products.price_band,
    grouping(sales.order_year, customers.segment, products.price_band) as grouping_mask,
    count(*) as line_count,
    sum(sales.net_amount) as net_amount,
    sum(sales.margin_amount) as margin_amount
from core.sales as sales
join core.customers as customers using (customer_key)
join core.products as products using (product_key)
group by cube (sales.order_year, customers.segment, products.price_band)
