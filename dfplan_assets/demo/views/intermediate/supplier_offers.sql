/* ---
description: The two best offers for each product, cheapest first; at equal cost the larger stock wins.
owners: [team:purchasing]
tags: {layer: intermediate, domain: supply}
--- */
select
    product_key,
    supplier_key,
    unit_cost,
    stock_quantity,
    row_number() over offers as offer_rank,
    unit_cost - min(unit_cost) over (partition by product_key) as premium_over_cheapest
from staging.supplies
window offers as (partition by product_key order by unit_cost, stock_quantity desc, supplier_key)
qualify offer_rank <= 2
