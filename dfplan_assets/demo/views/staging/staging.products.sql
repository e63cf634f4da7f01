/* ---
description: Products under their category's name, with their packaging as one structure.
owners: [team:data-platform]
tags: {layer: staging, domain: products}
--- */
select
    p_partkey as product_key,
    p_name as product_name,
    p_brand as brand,
    p_type as category_name,
    p_size as size,
    named_struct(
        'volume', lower(split_part(p_container, ' ', 1)),
        'kind', lower(split_part(p_container, ' ', 2))
    ) as packaging,
    p_retailprice as retail_price
from part
