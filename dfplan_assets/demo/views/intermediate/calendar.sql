/* ---
description: One row for each day from 1992 to 1998, with its month, quarter and fiscal year (from April).
owners: [team:data-platform]
tags: {layer: intermediate, domain: reference}
--- */
select
    cast(value as date) as day,
    cast(date_trunc('month', value) as date) as month_start,
    cast(date_trunc('quarter', value) as date) as quarter_start,
    extract(year from value) as calendar_year,
    extract(year from value - interval '3 months') as fiscal_year,
    extract(dow from value) in (0, 6) as is_weekend
from generate_series(timestamp '1992-01-01', timestamp '1998-12-31', interval '1 day')
