"""`python -m examples.chat`"""

from __future__ import annotations

from examples.chat.backend import Chat
from examples.launch import run

if __name__ == "__main__":
    run("chat", 8000, lambda application: Chat(application).root())
