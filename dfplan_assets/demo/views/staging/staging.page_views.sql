/* ---
description: One row for each page of a visit; page_number counts in the order in which they were seen.
owners: [team:data-platform]
tags: {layer: staging, domain: web}
--- */
with pages as (
    select
        session_id,
        unnest(pages) as page,
        unnest(range(1, cast(cardinality(pages) as bigint) + 1)) as page_number
    from raw.events
)

select
    session_id,
    page_number,
    page['path'] as path,
    page['seconds'] as seconds
from pages
