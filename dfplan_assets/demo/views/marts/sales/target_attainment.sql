/* ---
description: Revenue against target by region and quarter, also where one of the two is missing.
owners: [team:finance]
tags: {layer: marts, domain: finance}
--- */
with regions as (
    select distinct region_key, region_name
    from staging.markets
),

actual as (
    select
        regions.region_key,
        calendar.quarter_start,
        sum(orders.billed_total) as billed_total
    from staging.orders as orders
    join staging.customers as customers using (customer_key)
    join staging.markets as regions using (nation_key)
    join calendar on orders.order_date = calendar.day
    group by regions.region_key, calendar.quarter_start
),

compared as (
    select
        coalesce(actual.region_key, targets.region_key) as region_key,
        coalesce(actual.quarter_start, targets.quarter_start) as quarter_start,
        actual.billed_total,
        targets.target_revenue,
        targets.target_status
    from actual
    full join staging.targets as targets
        on actual.region_key = targets.region_key and actual.quarter_start = targets.quarter_start
)

select
    regions.region_name,
    compared.quarter_start,
    compared.billed_total,
    compared.target_revenue,
    coalesce(compared.target_status, 'none') as target_status,
    round(cast(compared.billed_total as double) / compared.target_revenue, 4) as attainment
from compared
join regions using (region_key)
where extract(year from compared.quarter_start) >= $min_year
