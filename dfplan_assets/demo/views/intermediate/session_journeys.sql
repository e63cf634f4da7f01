/* ---
description: The path that each visit took through the shop, from landing page to exit page.
owners: [team:web]
tags: {layer: intermediate, domain: web}
--- */
select
    session_id,
    array_to_string(array_agg(path order by page_number), ' > ') as journey,
    first_value(path order by page_number) as landing_page,
    last_value(path order by page_number) as exit_page,
    string_agg(distinct path, ', ' order by path) as pages_seen,
    sum(seconds) as seconds_on_site,
    max(seconds) filter (where path = '/product') as longest_product_view_seconds
from staging.page_views
group by session_id
