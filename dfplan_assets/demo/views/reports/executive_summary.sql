/* ---
name: reporting.executive_summary
description: The figures on one page that the management board reads.
owners: [team:finance, team:sales-analytics]
tags: {layer: reports, domain: finance}
--- */
select
    (select net_amount from sales_by_market where subtotal_level = 2) as net_amount,
    (select margin_amount from sales_by_market where subtotal_level = 2) as margin_amount,
    (select count(*) from core.customers where activity = 'active') as active_customers,
    (select count(*) from loyal_customers) as loyal_customers,
    (select count(*) from win_back_list) as customers_to_win_back,
    (select count(*) from target_attainment where attainment >= 1) as targets_met,
    (select count(*) from target_attainment where attainment < 1) as targets_missed,
    (select sum(cart_value) from abandoned_carts) as abandoned_cart_value,
    (select count(*) from sourcing_risks) as products_at_risk
