/* ---
description: Orders that were not cancelled and are worth counting.
checks:
  - not_null: [id, customer, day]
  - unique: id
  - accepted_values: {column: status, values: [open, paid]}
  - relationships: {column: customer, to: customers, field: id}
--- */
select id, customer, day, status, price
from orders
where status <> 'cancelled' and price >= $min_price
