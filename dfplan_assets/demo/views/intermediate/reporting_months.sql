/* ---
description: Every month from the first order to the last, without gaps, counted from 1.
owners: [team:data-platform]
tags: {layer: intermediate, domain: reference}
--- */
with recursive bounds as (
    select min(order_month) as first_month, max(order_month) as last_month
    from staging.orders
),

months (month_start, month_number) as (
    select first_month, 1
    from bounds

    union all

    select cast(month_start + interval '1 month' as date), month_number + 1
    from months
    where month_start < (select last_month from bounds)
)

select month_start, month_number
from months
