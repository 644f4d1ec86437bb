"""The protocols, functions (task, seed) -> metrics and "settings"; `run_protocol` names them."""
