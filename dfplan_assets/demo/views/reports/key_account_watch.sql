/* ---
description: Key accounts that got a late delivery on an order larger than what such late orders usually are.
owners: [team:crm, team:sales-analytics]
tags: {layer: reports, domain: customers}
--- */
select
    scorecard."Customer No.",
    scorecard."Customer",
    scorecard."Market",
    scorecard."Revenue",
    scorecard."RFM"
from "CustomerScorecard" as scorecard
where scorecard."Class" = 'key account'
    and exists (
        select 1
        from order_totals as late
        where late.customer_key = scorecard."Customer No."
            and late.late_line_count = late.line_count
            and late.net_amount > (
                select avg(usual.net_amount)
                from order_totals as usual
                where usual.late_line_count > 0
                    and usual.priority = late.priority
                    and usual.customer_key in (
                        select customer_key
                        from core.customers as active
                        where active.activity = 'active'
                    )
            )
    )
-- Those nearest to the typical key account come first.
order by
    abs(scorecard."Revenue" - (
        select avg("Revenue") from "CustomerScorecard" where "Class" = 'key account'
    )),
    scorecard."Customer No."
