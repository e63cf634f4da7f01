/* ---
description: One row for each product in a visit's cart.
owners: [team:data-platform]
tags: {layer: staging, domain: web}
--- */
with items as (
    select session_id, unnest(cart) as item
    from raw.events
),

-- Unnesting a structure gives one column for each of its fields, named after where it came from.
fields as (
    select session_id, unnest(item)
    from items
)

select
    session_id,
    "items.item.product_key" as product_key,
    "items.item.quantity" as quantity
from fields
