/* ---
description: Revenue by region and month, with the year to date, a moving average and the change on last year.
owners: [team:sales-analytics]
tags: {layer: marts, domain: sales}
checks:
  - unique: [region_name, month_start]
--- */
with sold as (
    select
        markets.region_name,
        cast(date_trunc('month', sales.order_date) as date) as month_start,
        sum(sales.net_amount) as net_amount
    from core.sales as sales
    join staging.customers as customers using (customer_key)
    join staging.markets as markets using (nation_key)
    group by markets.region_name, month_start
),

-- A month in which a region sold nothing counts as zero, not as missing.
filled as (
    select regions.region_name, months.month_start, coalesce(sold.net_amount, 0) as net_amount
    from (select distinct region_name from staging.markets) as regions
    cross join reporting_months as months
    left join sold
        on regions.region_name = sold.region_name and months.month_start = sold.month_start
)

select
    region_name,
    month_start,
    net_amount,
    sum(net_amount) over (
        partition by region_name, date_trunc('year', month_start)
        order by month_start
    ) as net_amount_year_to_date,
    round(avg(net_amount) over (
        partition by region_name
        order by month_start
        rows between 2 preceding and current row
    ), 2) as average_of_three_months,
    max(net_amount) over (
        partition by region_name
        order by month_start
        range between interval '1 year' preceding and interval '1 month' preceding
    ) as best_of_past_year,
    net_amount - lag(net_amount, 12) over (
        partition by region_name
        order by month_start
    ) as change_on_year_before
from filled
