"""The initializer for programs, in the words of the runner before this one.

initializer = ProjectInitializer(InitializerConfig(model="opus", backend="claude-code"))
result = initializer.initialize("requirements.md", project_name="My App")
print(f"Created {result.tasks_created} tasks")
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.config import laptop_env, laptop_environ
from bot.errors import AiReadyError
from bot.initializer.drafting import Drafter
from bot.initializer.initialize import Desk, InitializationResult, Wish, initialize
from bot.initializer.opening import open_for_new_tasks
from bot.local.settings import Flags, read_settings
from bot.local.source import checkout_of


@dataclass(frozen=True, slots=True)
class InitializerConfig:
    """What differs from the configuration of the folder; empty: nothing."""

    model: str = ""
    backend: str = ""
    config_path: str = ""
    """Instead of `.ai-agents/config.yml`."""

    def flags(self) -> Flags:
        """The same as the command line would say it."""
        settings = {"agent.model": self.model, "agent.backend": self.backend}
        given = {key: value for key, value in settings.items() if value}
        return Flags(seed_config=Path(self.config_path) if self.config_path else None, settings=given)


class ProjectInitializer:
    """Turns a spec into tasks in the task source of a folder. To call it is to agree to the plan."""

    def __init__(self, config: InitializerConfig | None = None, *, folder: Path | None = None) -> None:
        """`folder`: the project; by default where the program was started."""
        self._config = config or InitializerConfig()
        self._folder = folder

    def initialize(
        self,
        spec_file: str | Path,
        project_name: str = "",
        *,
        force: bool = False,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> InitializationResult:
        """Do it. What went wrong is in the result's `error`; nothing is raised that a person could mend."""
        try:
            environ = laptop_environ()
            root = checkout_of(self._folder or Path.cwd())
            settings = read_settings(self._config.flags(), environ, root)
            desk = Desk(
                folder=settings.root,
                tracker=open_for_new_tasks(settings, environ),
                draft=Drafter(settings, laptop_env()),
                show=tell,
                agree=lambda: True,
                tell=tell,
            )
            return initialize(Wish(Path(spec_file), project_name or "", force=force), desk)
        except AiReadyError as error:
            return InitializationResult(False, "failed", error=str(error))
