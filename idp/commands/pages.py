"""`siapkerja compile`: what an installation does once, so that no start and no visitor waits."""

import click

from config.settings import Settings
from idp.app import create_app
from idp.commands.output import Output, command
from idp.web import compiled


@click.command("compile")
@command
def compile_pages(output: Output) -> None:
    """Compile the templates of pages and letters, as who owns the files; after each upgrade."""
    count = compiled.load(create_app(Settings.of_nobody()))
    if not compiled.FOLDER.is_dir():
        output.refuse("compile.folder", f"{compiled.FOLDER.parent} can't be written")
    output.tell({"templates": count}, f"{count} templates are compiled.")
