"""The bundled scenarios of `simulate`, one TOML file each."""
