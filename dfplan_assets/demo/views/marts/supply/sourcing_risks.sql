/* ---
description: Products whose best offers all come from indebted suppliers, or of which little is in stock.
owners: [team:purchasing]
tags: {layer: marts, domain: supply}
--- */
select
    products.product_key,
    products.product_name,
    products.brand,
    'only indebted suppliers' as risk
from core.products as products
where products.product_key not in (
    select offers.product_key
    from supplier_offers as offers
    join staging.suppliers as suppliers using (supplier_key)
    where not suppliers.owes_money
)

union

select
    products.product_key,
    products.product_name,
    products.brand,
    'low stock' as risk
from core.products as products
join (
    select product_key, sum(stock_quantity) as stock_quantity
    from staging.supplies
    group by product_key
) as stock
    on products.product_key = stock.product_key
    -- Less than a third of the average product's stock.
    and stock.stock_quantity * 3 < (
        select avg(total)
        from (select sum(stock_quantity) as total from staging.supplies group by product_key) as totals
    )
