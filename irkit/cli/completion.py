"""`irkit completion`: the script with which a shell completes irkit's commands and the names they take."""

from __future__ import annotations

import click

from irkit.cli.options import shared

VARIABLE = "_IRKIT_COMPLETE"
INSTALL = {
    "bash": ("~/.bashrc", 'eval "$(irkit completion bash)"'),
    "zsh": ("~/.zshrc, below compinit", 'eval "$(irkit completion zsh)"'),
    "fish": ("nothing; write it once", "irkit completion fish > ~/.config/fish/completions/irkit.fish"),
}


@click.command()
@click.argument("shell", type=click.Choice(list(INSTALL)))
@shared
def completion(shell: str) -> None:
    """Print a shell's completion script: commands, runbooks, incidents, steps, people.

    How to install it stands in its first lines.

    \b
    Examples:
      eval "$(irkit completion bash)"        in ~/.bashrc
      eval "$(irkit completion zsh)"         in ~/.zshrc, below compinit
      irkit completion fish > ~/.config/fish/completions/irkit.fish
    """
    from click.shell_completion import get_completion_class

    from irkit.cli import cli
    made = get_completion_class(shell)
    assert made is not None
    script = made(cli, {}, "irkit", VARIABLE)
    where, line = INSTALL[shell]
    click.echo(f"# Completes irkit in {shell}. In {where}:\n#   {line}")
    click.echo(script.source_template % script.source_vars())
