/* ---
description: Lapsed customers worth a call, with the newest of their orders and the product it was about.
owners: [team:crm]
tags: {layer: marts, domain: customers}
--- */
select
    customers.customer_key,
    customers.customer_name,
    customers.nation_name,
    customers.net_amount,
    latest.order_date as latest_order_date,
    latest.net_amount as latest_order_amount,
    products.product_name as latest_main_product
from core.customers as customers
join (
    select customer_key, order_date, net_amount, main_product_key
    from order_totals
    qualify row_number() over (partition by customer_key order by order_date desc, order_key desc) = 1
) as latest using (customer_key)
join core.products as products on latest.main_product_key = products.product_key
where customers.activity = 'lapsed'
    -- Worth a call: more than what lapsed customers of that market bring on average.
    and customers.net_amount > (
        select avg(peers.net_amount)
        from core.customers as peers
        where peers.nation_key = customers.nation_key and peers.activity = 'lapsed'
    )
