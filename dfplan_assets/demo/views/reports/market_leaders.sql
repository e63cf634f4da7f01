/* ---
description: The three customers who buy most in each market, and how far they are ahead of the next.
owners: [team:sales-analytics]
tags: {layer: reports, domain: sales}
--- */
select
    "Region" as region_name,
    "Market" as nation_name,
    "Customer" as customer_name,
    "Revenue" as net_amount,
    rank() over leaders as market_rank,
    "Revenue" - lead("Revenue") over leaders as ahead_of_next
from "CustomerScorecard"
window leaders as (partition by "Market" order by "Revenue" desc, "Customer No.")
qualify market_rank <= 3
