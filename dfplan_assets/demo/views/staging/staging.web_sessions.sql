/* ---
description: One row for each visit to the web shop, with the device's fields laid flat.
owners: [team:data-platform]
tags: {layer: staging, domain: web}
--- */
select
    session_id,
    cast(started_at as timestamp) as started_at,
    cast(started_at as date) as session_date,
    channel,
    device['kind'] as device_kind,
    device['system'] as device_system,
    device['screen']['width'] as screen_width,
    customer_key,
    order_key,
    cast(cardinality(pages) as int) as page_count,
    cast(cardinality(cart) as int) as cart_item_count,
    search_terms
from raw.events
where extract(year from cast(started_at as date)) >= $min_year
