/* ---
description: Nations with the region they belong to; a market is a nation.
owners: [team:data-platform]
tags: {layer: staging, domain: reference}
--- */
with nations as (
    select n_nationkey as nation_key, initcap(n_name) as nation_name, n_regionkey as region_key
    from nation
),

regions as (
    select r_regionkey as region_key, initcap(r_name) as region_name
    from region
)

select region_key, region_name, nation_key, nation_name
from nations
join regions using (region_key)
