/* ---
description: Every product with its place in the category tree, its price band and its preferred supplier.
owners: [team:merchandising]
tags: {layer: core, domain: products}
--- */
with placed as (
    -- The one column that both sides share is category_name.
    select product_key, product_name, brand, category_name, metal, finish, packaging, retail_price
    from staging.products
    natural join (
        select category_name, metal, finish
        from category_tree
        where depth = 3
    ) as leaves
)

select
    placed.product_key,
    placed.product_name,
    placed.brand,
    placed.metal,
    placed.finish,
    placed.category_name,
    placed.packaging['kind'] as packaging_kind,
    placed.retail_price,
    price_bands.band_name as price_band,
    offers.supplier_key as preferred_supplier_key,
    offers.unit_cost as preferred_unit_cost
from placed
join price_bands
    on placed.retail_price >= price_bands.lower_price and placed.retail_price < price_bands.upper_price
left join supplier_offers as offers
    on placed.product_key = offers.product_key and offers.offer_rank = 1
