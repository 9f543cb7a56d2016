"""A workload whose mixes alternate, and with them the quota that binds."""

from dataclasses import dataclass

from jobs.simulation.workload import Mix, User, Workload


@dataclass
class AlternatingWorkload(Workload):
    """One user whose sections have several mixes in rotation, each for `block` sections in a row."""

    mixes: tuple[Mix, ...] = (Mix(),)
    block: int = 20

    def __post_init__(self) -> None:
        self.users = (User("user 1", mix=max(self.mixes, key=lambda mix: mix.input[1])),)
        super().__post_init__()

    def mix(self, number: int) -> Mix:
        return self.mixes[number // self.block % len(self.mixes)]
