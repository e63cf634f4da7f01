/* ---
description: The bands in which merchandising thinks of prices; a band takes its lower bound, not its upper.
owners: [team:merchandising]
tags: {layer: intermediate, domain: products}
--- */
select band_name, lower_price, upper_price
from (
    values
        ('entry', 0, 1100),
        ('standard', 1100, 1500),
        ('premium', 1500, 1800),
        ('luxury', 1800, 1000000)
) as bands (band_name, lower_price, upper_price)
