/* ---
description: The second page of the best sellers, ranks 21 to 40 by revenue.
owners: [team:merchandising]
tags: {layer: reports, domain: products}
--- */
with sold as (
    select product_key, sum(net_amount) as net_amount, sum(margin_amount) as margin_amount
    from core.sales
    group by product_key
)

select
    product_key,
    products.product_name,
    products.brand,
    products.metal,
    sold.net_amount,
    sold.margin_amount
from sold
join core.products as products using (product_key)
order by sold.net_amount desc, product_key
limit 20 offset 20
