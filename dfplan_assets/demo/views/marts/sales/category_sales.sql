/* ---
description: Revenue by category, finish and metal, each beside its share of everything sold.
owners: [team:merchandising]
tags: {layer: marts, domain: products}
--- */
select
    coalesce(products.category_name, products.finish, products.metal) as category_name,
    case
        when grouping(products.category_name) = 0 then 3
        when grouping(products.finish) = 0 then 2
        else 1
    end as depth,
    sum(sales.quantity) as quantity,
    sum(sales.net_amount) as net_amount,
    round(
        cast(sum(sales.net_amount) as double) / (select sum(net_amount) from core.sales), 6
    ) as share_of_sales
from core.sales as sales
join core.products as products using (product_key)
group by grouping sets ((products.metal), (products.finish), (products.category_name))
