/* ---
description: Markets that buy more than the average market but in which no supplier with spotless accounts sits.
owners: [team:purchasing]
tags: {layer: marts, domain: supply}
--- */
select
    markets.region_name,
    markets.nation_name,
    sum(customers.net_amount) as net_amount
from staging.markets as markets
join core.customers as customers using (nation_key)
where markets.nation_key <> all (
    select nation_key
    from staging.suppliers
    where account_balance > 9000
)
group by markets.region_name, markets.nation_name
having sum(customers.net_amount) > (
    select avg(net_amount)
    from sales_by_market
    where subtotal_level = 0
)
