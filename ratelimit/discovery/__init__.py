"""Finds how an unknown quota behaves from the service's throttles; begin with `controller`."""
