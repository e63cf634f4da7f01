/* ---
description: Figures that must agree and do not; an empty result is the good one.
owners: [team:data-platform]
tags: {layer: reports, domain: quality}
checks:
  - row_count: {max: 0}
    name: all_figures_agree
--- */
with totals (figure, expected, found) as (
    select
        'revenue by month',
        (select sum(net_amount) from core.sales),
        (select sum(net_amount) from monthly_sales)

    union all

    select
        'revenue by market',
        (select sum(net_amount) from core.sales),
        (select net_amount from sales_by_market where subtotal_level = 2)

    union all

    select
        'revenue by customer',
        (select sum(net_amount) from core.sales),
        (select sum("Revenue") from "CustomerScorecard")

    union all

    select
        'margin in the cube',
        (select sum(margin_amount) from core.sales),
        (select margin_amount from sales_cube where grouping_mask = 7)

    union all

    select
        'revenue by metal',
        (select sum(net_amount) from core.sales),
        (select sum(net_amount) from category_sales where depth = 1)
)

select figure, expected, found, found - expected as difference
from totals
where found is distinct from expected
