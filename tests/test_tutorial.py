"""The tutorial is true: this test follows it from the first line to the last."""

from __future__ import annotations

import re
import shlex
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.running import DEADLINE_SECONDS, PYTHON, ROOT, Program, wait_until

TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TUTORIAL, re.DOTALL | re.MULTILINE)

#: Commands of the reader that the test need not repeat: django_ami is installed in its environment.
PREPARATIONS = ("mkdir ", "python3 -m venv ", ". .venv/bin/activate", "pip install ")

#: Programs without an end, and their options here: others may have the usual ports.
ENDLESS = {
    "ami_simulator": ["--port=0"],
    "runserver": ["--noreload", "127.0.0.1:0"],
    "ami_listen": [],
}


PASSWORD = "of-no-use-elsewhere"


class Reader:
    """Somebody who does what the tutorial says, in a directory of his own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {"PYTHONUNBUFFERED": "1"}
        self.program: Program | None = None  # the one that was started last
        self.running: dict[str, Program] = {}
        self.browser = build_opener(HTTPCookieProcessor())
        self._terminals = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._terminals.close()

    def do(self, language: str, text: str) -> None:
        """Follow a block of the tutorial."""
        match language:
            case "sh":
                for line in text.splitlines():
                    if not line.startswith(PREPARATIONS):
                        self.run(line)
            case "python" | "html":
                self.write(text)
            case "text":
                self.compare(text)
            case _:
                raise AssertionError(f"what shall a reader do with {language}? {text}")

    def write(self, text: str) -> None:
        """A file, by the name in its first line; or what comes to the end of one."""
        title = text.splitlines()[0].strip("#<>!- ")
        name, at_the_end, _ = title.partition(", at the end")
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.read_text()}\n{text}" if at_the_end else text)

    def run(self, line: str) -> None:
        """A command: to its end, or, if it has none, until the tutorial is over."""
        program, *words = shlex.split(line)
        assert program in ("django-admin", "python"), line
        name = words[program == "python"]
        if name == "createsuperuser":  # it asks for a password, where there is a terminal
            self.environment["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
            words.append("--noinput")
        command = [
            *PYTHON,
            *(["-m", "django"] if program == "django-admin" else []),
            *words,
            *ENDLESS.get(name, ()),
        ]
        self.program = self.start(command)
        if name in ENDLESS:
            self.running[name] = self.program
        else:
            assert self.program.wait() == 0, str(self.program)
        if name == "ami_simulator":
            self.environment["AMI_NODE1_PORT"] = self.program.wait_for_out("listens on").rpartition(
                ":"
            )[2]

    def start(self, command: list[str]) -> Program:
        return self._terminals.enter_context(
            Program(command, cwd=self.directory, **self.environment)
        )

    def compare(self, text: str) -> None:
        """The output in the tutorial is the program's own, but for numbers."""
        for line in map(without_numbers, text.splitlines()):
            wait_until(
                lambda line=line: line in without_numbers(str(self.program)),
                what=f"{line} of {self.program}",
            )

    # --- the page ---

    @property
    def site(self) -> str:
        return self.running["runserver"].wait_for_out("development server at").rpartition(" ")[2]

    def look(self) -> str:
        with self.browser.open(self.site) as page:
            return page.read().decode()

    def look_for(self, pattern: str) -> None:
        """Load the page again and again, until this is on it."""
        wait_until(lambda: re.search(pattern, self.look()), what=f"{pattern} on the page")

    def log_in(self) -> None:
        """As the page asks for."""
        with self.browser.open(self.site) as page:
            self.submit(page.url, page.read().decode(), username="ann", password=PASSWORD)

    def call(self, extension: str, number: str) -> str:
        """The text of the page after a click."""
        return self.submit(f"{self.site}call/", self.look(), extension=extension, number=number)

    def submit(self, address: str, page: str, **form: str) -> str:
        """The page behind a form."""
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        with self.browser.open(
            address, urlencode({"csrfmiddlewaretoken": token, **form}).encode()
        ) as answer:
            return answer.read().decode()


def without_numbers(text: str) -> str:
    """Ports, versions and times differ; how many tests there are, does not."""
    return re.sub(r"(?<!Ran )\b\d+", "0", text)


@pytest.mark.long
@pytest.mark.timeout(8 * DEADLINE_SECONDS)  # a dozen programs, one after the other
def test_the_tutorial(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for language, text in BLOCKS:
            reader.do(language, text)
            if language != "text":
                continue
            if reader.program is reader.running.get("runserver"):
                reader.log_in()
                assert "Your phone rings" in reader.call("101", "500")
                reader.look_for(r"101 to 500: answered")
                reader.call("104", "500")
                reader.look_for(r"104 to 500: no channel was seen")
                assert "+49" not in reader.look()  # nobody listens yet
            if reader.program is reader.running.get("ami_listen"):
                reader.call("105", "4711")  # whom the simulated Asterisk does not call by itself
                reader.look_for(r"105 to 4711: answered")
                reader.look_for(r"\+49\d+ to \w+: (answered|busy|no_answer|abandoned)")
                restart_the_simulator(reader)


def restart_the_simulator(reader: Reader) -> None:
    """As the reader is told to."""
    simulator, worker = reader.running["ami_simulator"], reader.running["ami_listen"]
    simulator.signal(signal.SIGINT)
    assert simulator.wait() == 0
    worker.wait_for_err("connection lost")
    reader.start(
        [*PYTHON, "manage.py", "ami_simulator", f"--port={reader.environment['AMI_NODE1_PORT']}"]
    )
    worker.wait_for_out("node_1: ready again")


def test_every_block_of_the_tutorial_was_seen() -> None:
    assert len(BLOCKS) * 2 == len(re.findall(r"^```", TUTORIAL, re.MULTILINE))
    assert {language for language, _ in BLOCKS} == {"sh", "python", "html", "text"}
