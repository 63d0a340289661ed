"""mailedu for a class on one machine, by The Littlest JupyterHub or a JupyterHub of your own.

Every student is a user of the system, with a home that nobody else can read.
"""

c = get_config()  # noqa: F821 - JupyterHub reads this file

c.Spawner.default_url = "/lab/tree/mailedu-lessons/00-start.ipynb"
c.Spawner.environment = {"PYTHONDONTWRITEBYTECODE": "1"}
c.Spawner.mem_limit = "1G"  # where the spawner can: systemd's and Kubernetes' do
c.Spawner.cpu_limit = 1.0
c.Spawner.http_timeout = 60
c.JupyterHub.concurrent_spawn_limit = 20  # a class presses the button in the same minute


def put_lessons(spawner):
    """Before a server starts: the lessons, where the student has none yet. Nothing of theirs is overwritten."""
    import os
    import pwd
    import subprocess
    import sys

    who = pwd.getpwnam(spawner.user.name)
    put = (
        "from pathlib import Path; from mailedu.cli.open import copy_lessons; "
        "from mailedu.exercises.course import lessons_folder; "
        "copy_lessons(lessons_folder(), Path.home() / 'mailedu-lessons')"
    )
    owned = {} if os.geteuid() != 0 else {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    subprocess.run([sys.executable, "-c", put], env={"HOME": who.pw_dir, "PATH": os.defpath}, check=True, **owned)


c.Spawner.pre_spawn_hook = put_lessons
