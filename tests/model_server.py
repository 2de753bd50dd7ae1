"""A small server that answers as an OpenAI-compatible endpoint would, well or badly."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Request = dict[str, object]


@dataclass
class Reply:
    """An HTTP answer. pieces: sent one after the other, `pause_s` apart."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: int = 1
    pause_s: float = 0.0
    breaks: bool = False  # closes the connection without a word


def completion(text: object, finish: str = "stop", **message: object) -> Reply:
    """Return a chat completion."""
    value = {
        "choices": [
            {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }
    return Reply(body=json.dumps(value).encode())


@dataclass
class ModelServer:
    """Where it listens, and what it was asked."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Request, int], Reply]) -> Iterator[ModelServer]:
    """Give a server. answer: what is said to a request, given how many came before it."""
    found, lock = ModelServer(), threading.Lock()
    stopping = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                n = len(found.requests)
                found.requests.append(asked)
                found.keys.append(self.headers.get("authorization"))
            reply = answer(asked, n)
            if reply.breaks:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            size = max(1, -(-len(reply.body) // reply.pieces))
            for start in range(0, len(reply.body), size):
                try:
                    self.wfile.write(reply.body[start : start + size])
                    self.wfile.flush()
                except OSError:
                    return
                if reply.pause_s and stopping.wait(reply.pause_s):
                    return

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield found
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def always(reply: Reply) -> Callable[[Request, int], Reply]:
    """Return an `answer` that says the same to everybody."""
    return lambda asked, n: reply
