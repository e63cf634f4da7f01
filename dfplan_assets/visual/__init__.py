"""Pictures of plans and schedules: text in, text out, no engine and no Dagster."""
