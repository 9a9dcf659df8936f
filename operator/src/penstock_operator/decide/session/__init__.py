"""Decisions on session clusters: FlinkDeployments without `spec.job`. Their jobs are FlinkSessionJobs with a loop of their own."""
