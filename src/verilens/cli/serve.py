"""verilens serve: the server, its workers, its keys."""

import json as plain
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:  verilens serve   |   verilens serve --port 9000 --max-bytes 500M   |   "
    "verilens serve keys create press-desk --scope submit --scope read   |   "
    "verilens serve --host 0.0.0.0 --database postgresql://verilens@db/verilens"
)
WORKER = (
    "Example:  verilens serve worker --database postgresql://verilens@db/verilens "
    "--blobs s3://bucket/verilens"
)
KEYS = "Examples:  verilens serve keys create laptop   |   verilens serve keys list --json"

app = typer.Typer(
    help="Serve a page and an HTTP interface; files stay on this machine.",
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=EXAMPLES,
)
keys = typer.Typer(help="Make, list and delete keys.", no_args_is_help=True, epilog=KEYS)
app.add_typer(keys, name="keys")

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="VERILENS_DATA",
        help="Where database, files and logs are, by default ~/.local/share/verilens/serve.",
        show_default=False,
        rich_help_panel="Places",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="VERILENS_DATABASE",
        help="sqlite:///FILE (by default below --data) or postgresql://...",
        show_default=False,
        rich_help_panel="Places",
    ),
]
BlobsUrl = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|URL",
        envvar="VERILENS_BLOBS",
        help="Where files are kept: a folder (by default below --data) or e.g. s3://bucket/prefix.",
        show_default=False,
        rich_help_panel="Places",
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Only these methods, as of 'verilens scan'.",
        rich_help_panel="Work",
    ),
]
Timeout = Annotated[
    float, typer.Option(min=0.1, metavar="S", help="Seconds a file.", rich_help_panel="Work")
]
Slots = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        help="Files at a time in each worker.",
        show_default="one a core",
        rich_help_panel="Work",
    ),
]
Attempts = Annotated[
    int, typer.Option(min=1, help="How often a job is tried.", rich_help_panel="Work")
]
MaxBytes = Annotated[
    str, typer.Option(metavar="N", help="Refuse larger files, e.g. 500M.", rich_help_panel="Limits")
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="Also fetch private, loopback and link-local addresses.",
        rich_help_panel="Work",
    ),
]


@app.callback(epilog=EXAMPLES)
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than loopback need keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8000,
    auth: Annotated[
        bool | None,
        typer.Option(
            "--auth/--no-auth",
            help="Ask for a key. By default off on loopback while there is no key.",
            show_default=False,
        ),
    ] = None,
    trust_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Also answer to this name, e.g. behind a proxy."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Let pages of this site call (CORS); none by default."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Worker processes here.", rich_help_panel="Work")
    ] = 1,
    jobs: Slots = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="local|ray",
            help="What runs it. ray needs the extra 'ray': the interface as a Ray Serve "
            "deployment, the workers on the nodes of a cluster.",
            rich_help_panel="Work",
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="auto|HOST:PORT",
            help="The Ray cluster to use; by default one is started here.",
            rich_help_panel="Work",
        ),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Web processes on Ray.",
            show_default="1",
            rich_help_panel="Work",
        ),
    ] = None,
    methods: Methods = None,
    timeout: Timeout = 60.0,
    attempts: Attempts = 3,
    allow_private: AllowPrivate = False,
    max_bytes: MaxBytes = "4G",
    rate: Annotated[
        float, typer.Option(min=1, help="Requests a minute and key.", rich_help_panel="Limits")
    ] = 1200.0,
    queue: Annotated[
        int, typer.Option(min=1, help="Jobs that may wait.", rich_help_panel="Limits")
    ] = 10_000,
    keep: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="HOURS",
            help="How long files are kept; results stay.",
            rich_help_panel="Limits",
        ),
    ] = 24.0,
    data: Data = None,
    database: DatabaseUrl = None,
    blobs: BlobsUrl = None,
) -> None:
    """Serve a page and an HTTP interface; uploads stay on this machine.

    Stops with Ctrl-C; what is queued goes on at the next start.
    """
    if context.invoked_subcommand is not None:
        return
    from verilens.cli import serving
    from verilens.cli.run import count_bytes
    from verilens.errors import ConfigError
    from verilens.server.settings import Access, Rules, Settings

    settings = Settings(
        places=serving.places(data, database, blobs),
        rules=Rules(max_bytes=count_bytes(max_bytes), rate=rate, queue=queue, retention_h=keep),
        work=serving.work(methods, timeout, jobs, attempts, allow_private),
        access=Access(
            host=host,
            port=port,
            hosts=tuple(trust_host or ()),
            origins=tuple(allow_origin or ()),
        ),
    )
    if engine == "local":
        if address is not None or replicas is not None:
            raise ConfigError("--address and --replicas go with --engine ray")
        serving.serve(settings, workers, auth)
    elif engine == "ray":
        serving.serve_on_ray(settings, auth, (workers, replicas or 1), address)
    else:
        raise ConfigError(f"engine must be local or ray, not '{engine}'")


@app.command("worker", epilog=WORKER)
def worker(
    data: Data = None,
    database: DatabaseUrl = None,
    blobs: BlobsUrl = None,
    jobs: Slots = None,
    methods: Methods = None,
    timeout: Timeout = 60.0,
    attempts: Attempts = 3,
    allow_private: AllowPrivate = False,
    max_bytes: MaxBytes = "4G",
    lease: Annotated[
        float,
        typer.Option(
            min=0.5,
            metavar="S",
            help="After this long without a sign of life its jobs are anybody's.",
            rich_help_panel="Work",
        ),
    ] = 30.0,
) -> None:
    """Start one more worker, on this machine or on another.

    It takes jobs from the database and files from the store; methods must be those of the server.
    """
    import dataclasses

    from verilens.cli import serving
    from verilens.cli.run import count_bytes
    from verilens.server.settings import Rules, Settings

    work = serving.work(methods, timeout, jobs, attempts, allow_private)
    settings = Settings(
        places=serving.places(data, database, blobs),
        rules=Rules(max_bytes=count_bytes(max_bytes)),
        work=dataclasses.replace(work, lease_s=lease),
    )
    serving.work_here(settings)


@keys.command("create", epilog=KEYS)
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for your own memory.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="submit|read|admin", help="What it is for; repeat for several."),
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Requests a minute.")] = None,
    max_bytes: Annotated[
        str | None, typer.Option(metavar="N", help="Refuse larger files from it, e.g. 50M.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Make a key, good to submit and to read by default; it is shown this once."""
    from verilens.cli import serving
    from verilens.cli.run import count_bytes
    from verilens.server import keys as kept

    size = None if max_bytes is None else count_bytes(max_bytes)
    with serving.database(data, database) as opened:
        made, text = kept.create(opened, name, scope or ["submit", "read"], rate, size)
    if json:
        typer.echo(plain.dumps({**serving.row(made), "key": text}, indent=2))
        return
    typer.echo(text)
    typer.echo("Keep it: it is not shown again.", err=True)


@keys.command("list", epilog=KEYS)
def list_(
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """List the keys: names, scopes, limits, last use."""
    from verilens.cli import serving
    from verilens.server import keys as kept

    with serving.database(data, database) as opened:
        found = kept.listed(opened)
    if json:
        typer.echo(plain.dumps([serving.row(key) for key in found], indent=2))
    else:
        serving.show(found)


@keys.command("delete", epilog=KEYS)
def delete(
    key: Annotated[str, typer.Argument(help="Its id, the twelve letters after 'vl_'.")],
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Delete a key; it opens nothing from now on."""
    from verilens.cli import serving
    from verilens.errors import UnknownName
    from verilens.server import keys as kept

    with serving.database(data, database) as opened:
        if not kept.remove(opened, key):
            raise UnknownName(f"there is no key {key}; see 'verilens serve keys list'")
    typer.echo(f"deleted {key}")
