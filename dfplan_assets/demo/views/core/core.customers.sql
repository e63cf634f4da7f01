/* ---
description: Every customer with market, activity, first order and what they bought so far.
owners: [team:crm]
tags: {layer: core, domain: customers}
checks:
  - not_null: [customer_key, segment, activity]
  - unique: customer_key
  - relationships: {column: nation_key, to: staging.markets, field: nation_key}
  - expression: first_order_date <= last_order_date
--- */
with bought as (
    select
        customer_key,
        count(*) as order_count,
        sum(net_amount) as net_amount,
        coalesce(sum(returned_amount), 0) as returned_amount,
        max(order_date) as last_order_date
    from order_totals
    group by customer_key
)

select
    customers.customer_key,
    customers.customer_name,
    customers.segment,
    customers.account_balance,
    markets.nation_key,
    markets.nation_name,
    markets.region_name,
    customer_activity.activity,
    first_orders.first_order_date,
    bought.last_order_date,
    coalesce(bought.order_count, 0) as order_count,
    coalesce(bought.net_amount, 0) as net_amount,
    coalesce(bought.returned_amount, 0) as returned_amount
from staging.customers as customers
join staging.markets as markets on customers.nation_key = markets.nation_key
join customer_activity on customers.customer_key = customer_activity.customer_key
left join first_orders on customers.customer_key = first_orders.customer_key
left join bought on customers.customer_key = bought.customer_key
