"""A job of the simulator under the autoscaler, recorded as the operator records: for the tests of recording and replay."""

from benchmarks.autoscaler.job import Job
from benchmarks.autoscaler.traces import Moment
from penstock_operator.autoscale import decision
from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.recorder import Recorder
from penstock_operator.autoscale.recording import act_of

INTERVAL = 15


class Recorded:
    """A job that is scaled while a recorder looks on."""

    def __init__(self, options: AutoscalerOptions, parallelism: int = 4) -> None:
        self.job, self.recorder = Job(7, parallelism=parallelism), Recorder()
        self.options, self.memento = options, decision.Memento()
        self.made: decision.Decision | None = None

    def run(self, seconds: int, rate: float) -> None:
        """Let this load come for so long."""
        for _ in range(seconds):
            self.job.second(Moment(rate))
            if int(self.job.now) % INTERVAL == 0 and not self.job.is_changing:
                self._look()

    def _look(self) -> None:
        graph, sample = self.job.graph(), self.job.sample()
        self.memento = decision.observe(self.memento, graph, sample, self.options)
        made = decision.decide(self.memento, graph, self.options, decision.Circumstances(self.job.now))
        self.memento = made.memento
        self.recorder.sample(graph, sample, 6 * 3600.0)
        self.recorder.circumstances({}, Room(), made.memento.pauses, in_place=True)
        self.recorder.act(act_of(made, self.options.effective_mode, self.recorder.lag))
        self.made = made
        if made.target is not None and self.options.effective_mode is Mode.ACTIVE:
            self.memento = decision.applied(self.memento, made, self.options)
            self.job.ask(max(made.target.values()))
