/* ---
description: Every supplier with market, range, stock and how reliably they delivered.
owners: [team:purchasing]
tags: {layer: core, domain: supply}
--- */
with delivered as (
    select
        supplier_key,
        count(*) as line_count,
        count(*) filter (where is_late) as late_line_count,
        sum(net_amount) as net_amount,
        sum(margin_amount) as margin_amount
    from core.sales
    group by supplier_key
)

select
    suppliers.supplier_key,
    suppliers.supplier_name,
    suppliers.owes_money,
    markets.nation_name,
    markets.region_name,
    -- A product that this supplier offers most cheaply of all.
    (
        select count(*)
        from core.products as products
        where products.preferred_supplier_key = suppliers.supplier_key
    ) as preferred_product_count,
    (
        select sum(supplies.stock_value)
        from staging.supplies as supplies
        where supplies.supplier_key = suppliers.supplier_key
    ) as stock_value,
    delivered.line_count,
    delivered.net_amount,
    delivered.margin_amount,
    round(cast(delivered.late_line_count as double) / delivered.line_count, 4) as late_share
from staging.suppliers as suppliers
join staging.markets as markets using (nation_key)
join delivered using (supplier_key)
