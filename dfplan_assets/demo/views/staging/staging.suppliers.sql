/* ---
description: Suppliers, with a flag for those that owe the shop money.
owners: [team:data-platform]
tags: {layer: staging, domain: supply}
--- */
select
    s_suppkey as supplier_key,
    s_name as supplier_name,
    s_nationkey as nation_key,
    s_acctbal as account_balance,
    s_acctbal < 0 as owes_money
from supplier
