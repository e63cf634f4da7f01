select id, placed from orders where placed > current_date - interval '7 days'
