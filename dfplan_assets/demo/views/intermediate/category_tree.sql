/* ---
description: The product categories with their depth and their path from the root.
owners: [team:merchandising]
tags: {layer: intermediate, domain: products}
--- */
with recursive tree as (
    select
        category_key,
        parent_key,
        category_name,
        0 as depth,
        category_name as path
    from categories
    where parent_key is null

    union all

    select
        child.category_key,
        child.parent_key,
        child.category_name,
        tree.depth + 1,
        concat(tree.path, ' > ', child.category_name)
    from categories as child
    join tree on child.parent_key = tree.category_key
)

select
    category_key,
    parent_key,
    category_name,
    depth,
    path,
    split_part(path, ' > ', 2) as metal,
    split_part(path, ' > ', 3) as finish
from tree
