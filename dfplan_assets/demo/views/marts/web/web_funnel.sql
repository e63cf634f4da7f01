/* ---
description: How many visits reach each step of the web shop, by channel.
owners: [team:web]
tags: {layer: marts, domain: web}
checks:
  - accepted_values: {column: step, values: [1, 2, 3, 4]}
  - unique: [channel, step]
--- */
select channel, 1 as step, 'visited' as step_name, count(*) as session_count
from staging.web_sessions
group by channel

union all by name

select 2 as step, 'looked at a product' as step_name, channel, count(*) as session_count
from staging.web_sessions as sessions
where exists (
    select 1
    from staging.page_views as views
    where views.session_id = sessions.session_id and views.path = '/product'
)
group by channel

union all by name

select 3 as step, 'filled a cart' as step_name, count(*) as session_count, channel
from staging.web_sessions
where cart_item_count > 0
group by channel

union all by name

select 4 as step, 'ordered' as step_name, channel, count(order_key) as session_count
from staging.web_sessions
group by channel
