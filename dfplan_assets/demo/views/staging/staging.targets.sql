/* ---
description: Quarterly revenue targets by region; drafts only where the project asks for them.
owners: [team:finance]
tags: {layer: staging, domain: finance}
--- */
select region_key, quarter_start, target_revenue, 'agreed' as target_status
from raw.targets
where not is_draft

union all

-- With include_draft_targets: false this half folds away, and the view still depends on its source.
select region_key, quarter_start, target_revenue, 'draft' as target_status
from raw.targets
where is_draft and $include_draft_targets
