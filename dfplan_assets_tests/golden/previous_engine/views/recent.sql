select id, nation_key, price, status from orders where year >= $min_year and price > 10
