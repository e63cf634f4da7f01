select id, price from orders union all select id, price from old_orders
