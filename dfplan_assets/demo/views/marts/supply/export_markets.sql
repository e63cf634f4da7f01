/* ---
description: Markets that buy more than the average one, though they supply few preferred products.
owners: [team:purchasing]
tags: {layer: marts, domain: supply}
--- */
select
    markets.region_name,
    markets.nation_name,
    sum(customers.net_amount) as net_amount
from staging.markets as markets
join core.customers as customers using (nation_key)
-- The ten nations whose suppliers are preferred for most products are no export markets.
where markets.nation_name <> all (
    select nation_name
    from core.suppliers
    group by nation_name
    order by sum(preferred_product_count) desc, nation_name
    limit 10
)
group by markets.region_name, markets.nation_name
having sum(customers.net_amount) > (
    select avg(net_amount)
    from sales_by_market
    where subtotal_level = 0
)
