"""Studies: YAML to a validated study, and a study to the cells of its grid."""
