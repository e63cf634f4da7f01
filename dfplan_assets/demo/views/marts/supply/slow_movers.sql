/* ---
description: Products of which nothing was ordered in the last quarter, in categories that otherwise sell.
owners: [team:merchandising]
tags: {layer: marts, domain: products}
params: {quiet_days: 92}
--- */
with recent_sales as (
    select product_key, sum(net_amount) as net_amount
    from core.sales
    where order_date > cast($as_of as date) - $quiet_days
    group by product_key
),

selling_categories as (
    with by_category as (
        select products.category_name, sum(recent_sales.net_amount) as net_amount
        from recent_sales
        join core.products as products using (product_key)
        group by products.category_name
    )

    select category_name
    from by_category
    where net_amount > (select avg(net_amount) from by_category)
)

select
    products.product_key,
    products.product_name,
    products.category_name,
    products.price_band,
    products.retail_price
from core.products as products
left anti join recent_sales on products.product_key = recent_sales.product_key
where products.category_name = any (select category_name from selling_categories)
