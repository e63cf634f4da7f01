/* ---
description: Customers with tidy segment names; addresses and comments stay behind.
owners: [team:data-platform]
tags: {layer: staging, domain: customers}
checks:
  - unique: customer_key
  - expression: account_balance between -1000 and 10000
    name: balance_is_plausible
    severity: warn
--- */
with renamed as (
    select
        c_custkey as customer_key,
        c_name as customer_name,
        c_nationkey as nation_key,
        c_phone as phone,
        c_acctbal as account_balance,
        c_mktsegment as segment,
        c_address as address,
        c_comment as remark
    from customer
)
select * exclude (address, remark) replace (initcap(segment) as segment)
from renamed
