"""sql/ and its copies with other files, and its runner."""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile

from .desk import SOURCE, clean_environment
from .tap import same

SQL = os.path.join(SOURCE, "sql")


def newest():
    return len(glob.glob(os.path.join(SQL, "[0-9]*.sql")))


@contextlib.contextmanager
def with_files(files):
    """A copy of sql/ with other files, a text or a function of the old one;
    the path of its runner."""
    with tempfile.TemporaryDirectory() as directory:
        copy = os.path.join(directory, "sql with a space")
        shutil.copytree(SQL, copy)
        for name, text in files.items():
            path = os.path.join(copy, name)
            if callable(text):
                with open(path) as file:
                    text = text(file.read())
            with open(path, "w") as file:
                file.write(text)
        yield os.path.join(copy, "migrate")


def with_migration(name, text):
    return with_files({name: text})


def migrate(*arguments, runner=os.path.join(SQL, "migrate"), url=None,
            **settings):
    environment = {**clean_environment(), **settings}
    if url:
        environment["DATABASE_URL"] = url
    return subprocess.run([runner, *arguments], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)


def works(result):
    same(result.returncode, 0, result.stdout)
    return result.stdout
