/* ---
description: The second page of the best sellers, ranks 21 to 40 by revenue.
owners: [team:merchandising]
tags: {layer: reports, domain: products}
--- */
select
    product_key,
    products.product_name,
    products.brand,
    products.metal,
    sum(sales.net_amount) as net_amount,
    sum(sales.margin_amount) as margin_amount
from core.sales as sales
join core.products as products using (product_key)
group by product_key, products.product_name, products.brand, products.metal
order by net_amount desc, product_key
limit 20 offset 20
