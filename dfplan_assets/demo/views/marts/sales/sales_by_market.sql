/* ---
description: Revenue and margin by region and nation, with subtotals by region and a grand total.
owners: [team:finance]
tags: {layer: marts, domain: sales}
checks:
  - accepted_values: {column: subtotal_level, values: [0, 1, 2]}
--- */
select
    case grouping(markets.region_name) when 1 then 'All regions' else markets.region_name end as region_name,
    case grouping(markets.nation_name) when 1 then 'All nations' else markets.nation_name end as nation_name,
    grouping(markets.region_name) + grouping(markets.nation_name) as subtotal_level,
    count(distinct sales.customer_key) as buying_customers,
    sum(sales.net_amount) as net_amount,
    sum(sales.margin_amount) as margin_amount
from core.sales as sales
join staging.customers as customers using (customer_key)
join staging.markets as markets using (nation_key)
group by rollup (markets.region_name, markets.nation_name)
