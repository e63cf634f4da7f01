/* ---
description: Suppliers ranked by how late they deliver, in their region and overall, beside its average.
owners: [team:purchasing]
tags: {layer: marts, domain: supply}
--- */
select
    suppliers.supplier_key,
    suppliers.supplier_name,
    suppliers.region_name,
    suppliers.line_count,
    suppliers.margin_amount,
    suppliers.stock_value,
    suppliers.late_share,
    norms.average_late_share,
    rank() over (
        partition by suppliers.region_name
        order by suppliers.late_share, suppliers.supplier_key
    ) as rank_in_region,
    percent_rank() over (order by suppliers.late_share) as lateness_percentile
from core.suppliers as suppliers
left join lateral (
    select round(avg(cast(peers.late_share as decimal(10, 4))), 4) as average_late_share
    from core.suppliers as peers
    where peers.region_name = suppliers.region_name
) as norms on true
