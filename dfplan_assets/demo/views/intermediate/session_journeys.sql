/* ---
description: The path that each visit took through the shop, from landing page to exit page.
owners: [team:web]
tags: {layer: intermediate, domain: web}
--- */
with journeys as (
    select
        session_id,
        array_agg(path order by page_number) as paths,
        sum(seconds) as seconds_on_site,
        max(seconds) filter (where path = '/product') as longest_product_view_seconds
    from staging.page_views
    group by session_id
)

select
    session_id,
    array_to_string(paths, ' > ') as journey,
    paths[1] as landing_page,
    paths[-1] as exit_page,
    seconds_on_site,
    longest_product_view_seconds
from journeys
