"""The protocols: functions (task, seed) -> metrics and "settings"; see `protocol_names`."""
