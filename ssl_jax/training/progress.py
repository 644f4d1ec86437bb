"""Progress of a run while it trains: a bar on a terminal, plain lines elsewhere."""

import datetime
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from ssl_jax.errors import printable


class Progress:
    """Shows the progress of a run; a context manager.

    Args:
      steps: length of the run.
      epochs: the same in epochs.
      quiet: prints nothing; for all processes except the first.
    """

    def __init__(self, steps: int, epochs: int, *, quiet: bool = False):
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self._steps, self._epochs = steps, epochs
        self._bar = Bar(
            TextColumn("{task.percentage:>3.0f} %"),
            BarColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=steps)

    def print_line(self, text: str) -> None:
        """Prints a line, above the bar if there is one; control characters in it are escaped."""
        self._console.print(printable(text), markup=False)

    def update(self, step: int, values: Mapping[str, float]) -> None:
        """Shows the metrics of a step.

        Args:
          step: number of steps trained so far.
          values: loss, learning_rate, epoch, images_per_second and seconds_left; after a probe
            also its metrics. Others are ignored.
        """
        line = (
            f"step {step}/{self._steps}  epoch {values['epoch']:.1f}/{self._epochs}  "
            f"loss {values['loss']:.4f}  lr {values['learning_rate']:.3g}"
        )
        if values["images_per_second"]:  # unknown right after compiling
            line += (
                f"  {values['images_per_second']:,.0f} images/s"
                f"  {datetime.timedelta(seconds=round(values['seconds_left']))} left"
            )
        if self._bar.disable:
            self.print_line(line)
        else:
            self._bar.update(self._task, completed=step, description=line)
        if "feature_std_ratio" in values:
            knn = f"kNN {values['knn_top1']:.1%}  " if "knn_top1" in values else ""
            self.print_line(
                f"    epoch {values['epoch']:.0f}, held-out images: {knn}feature std "
                f"{values['feature_std_ratio']:.2f} / sqrt(d)  "
                f"effective rank {values['effective_rank']:.1f}; "
                f"embedding std {values['embedding_std_ratio']:.2f} / sqrt(d)"
            )

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
