/* ---
description: Revenue by year, customer segment and price band in every combination, for pivot tables.
owners: [team:finance]
tags: {layer: marts, domain: sales}
--- */
with sales as (
    select
        customer_key,
        product_key,
        extract(year from order_date) as order_year,
        net_amount,
        margin_amount
    from core.sales
)

select
    sales.order_year,
    customers.segment,
    products.price_band,
    grouping(sales.order_year, customers.segment, products.price_band) as grouping_mask,
    count(*) as line_count,
    sum(sales.net_amount) as net_amount,
    sum(sales.margin_amount) as margin_amount
from sales
join core.customers as customers using (customer_key)
join core.products as products using (product_key)
group by cube (sales.order_year, customers.segment, products.price_band)
