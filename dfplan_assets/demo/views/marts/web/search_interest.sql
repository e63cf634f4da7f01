/* ---
description: What visitors search for, by quarter, and how often the search ends in an order.
owners: [team:web]
tags: {layer: marts, domain: web}
--- */
with searches as (
    select session_id, session_date, order_key, unnest(search_terms) as search_term
    from staging.web_sessions
)

select
    calendar.quarter_start,
    searches.search_term,
    count(distinct searches.session_id) as session_count,
    count(distinct searches.order_key) as order_count,
    sum(count(*)) over (
        partition by searches.search_term
        order by calendar.quarter_start
    ) as searches_so_far
from searches
join calendar on searches.session_date = calendar.day
group by calendar.quarter_start, searches.search_term
