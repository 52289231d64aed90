"""Runs the command given as arguments until it ends or standard input closes.

Standard input is a pipe from the process that wants the server. However that
process ends, the pipe closes, and the server must not outlive it. Linux and
macOS share no other way to say so.
"""

import os
import signal
import subprocess
import sys
import threading

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)


def kill_when_orphaned():
    while os.read(0, 1):
        pass
    child.kill()


# An interrupt from the terminal is for the owner of the pipe to act on.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: child.kill())
threading.Thread(target=kill_when_orphaned, daemon=True).start()
sys.exit(child.wait())
