/* ---
description: Carts of known customers that never became an order, with what they would have been worth.
owners: [team:web]
tags: {layer: marts, domain: web}
--- */
select
    sessions.session_id,
    sessions.session_date,
    sessions.channel,
    sessions.customer_key,
    customers.customer_name,
    journeys.exit_page,
    cart.item_count,
    cart.cart_value
from staging.web_sessions as sessions
join core.customers as customers using (customer_key)
join session_journeys as journeys using (session_id)
join lateral (
    select count(*) as item_count, sum(items.quantity * products.retail_price) as cart_value
    from staging.cart_items as items
    join core.products as products on items.product_key = products.product_key
    where items.session_id = sessions.session_id
) as cart on true
where sessions.order_key is null and sessions.cart_item_count > 0
