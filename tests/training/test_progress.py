"""Lines that a run prints."""

from ssl_jax.training.progress import Progress


def test_a_name_in_a_line_cannot_move_the_cursor_or_fake_a_line(capsys):
    progress = Progress(10, 1)
    progress.print_line("a\x1b[2J\nb.png [bold]cannot[/bold] be read, Bär \udcff")
    expected = "a\\x1b[2J\\nb.png [bold]cannot[/bold] be read, Bär \\udcff\n"
    assert capsys.readouterr().out == expected
