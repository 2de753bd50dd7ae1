"""verilens scan: files in, verdicts out."""

import os
from pathlib import Path
from typing import Annotated, cast

import typer

EXAMPLES = (
    "Examples:  verilens scan photo.jpg   |   verilens scan holiday/ --html report   |   "
    "verilens scan @files.txt --json - | jq .decision"
)
RESULTS, ASKING, RUNNING = "Results", "What is asked", "How it runs"

# One parameter an option: this is the command's grammar, so it is longer than a function may be.


def scan(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS",
            help="Files, folders (searched through), 'patterns*.jpg', http(s) addresses, "
            "@list.txt with one of these a line, or - for standard input.",
            show_default=False,
        ),
    ],
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Only these methods, e.g. npr,patchcraft; 'npr=my.safetensors' takes other "
            "weights. All are asked by default; 'verilens methods' lists them.",
            rich_help_panel=ASKING,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="post|spoof",
            help="Another question than whether a picture or video is genuine: post takes "
            "post.json files, or folders of them, and looks at media and words together; spoof "
            "asks whether the face before the camera is a living one (ISO/IEC 30107-3).",
            show_default="authenticity",
            rich_help_panel=ASKING,
        ),
    ] = None,
    poses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="The joints of the persons in the one video that is scanned; their movement is "
            "judged beside the pixels. A file of joints alone is scanned like any other.",
            rich_help_panel=ASKING,
        ),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            metavar="FOLDER|NAME",
            help="With --task post: what compares words, a transformers folder or a hub's name. A "
            "CLIP model compares them with the picture. By default the packaged sentence encoder.",
            show_default=False,
            rich_help_panel=ASKING,
        ),
    ] = "",
    where: Annotated[
        bool | None,
        typer.Option(
            "--where/--no-where",
            help="Make heat maps and dense timelines. On for one file and with --html.",
            show_default=False,
            rich_help_panel=ASKING,
        ),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="One line of JSON a file; - is standard output, which then holds nothing else.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table.", rich_help_panel=RESULTS)
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table.", rich_help_panel=RESULTS)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="One self-contained page a file, and an index.html.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="No progress, no lines.", rich_help_panel=RESULTS),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Files at a time.",
            show_default="one a core",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            metavar="torch|onnxruntime",
            help="What runs the networks. onnxruntime needs the extra 'export' and exports each "
            "network once, into the cache folder.",
            rich_help_panel=RUNNING,
        ),
    ] = "torch",
    engine: Annotated[
        str,
        typer.Option(
            metavar="local|ray",
            help="What does the work. ray needs the extra 'ray': more machines than one, the same "
            "decisions.",
            rich_help_panel=RUNNING,
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="auto|HOST:PORT",
            help="The Ray cluster to use, which sees the same files; by default one is started "
            "here for the scan.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Files at a time on Ray.",
            show_default="one a core of the cluster",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A 'verilens serve' that does the work; needs the extra 'client'.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Holds the key to --server; the environment variable VERILENS_KEY may, too.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where results are kept, so that a scan that was stopped goes on. By default a "
            "folder, pattern, list, or several paths keep one in the cache folder "
            "(~/.cache/verilens), one store for each set of PATHS; one file keeps none.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Forget kept results first.", rich_help_panel=RUNNING),
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, metavar="S", help="Seconds a file.", rich_help_panel=RUNNING),
    ] = 60.0,
    max_bytes: Annotated[
        str,
        typer.Option(metavar="N", help="Refuse larger files, e.g. 500M.", rich_help_panel=RUNNING),
    ] = "4G",
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private",
            help="Also fetch private, loopback and link-local addresses.",
            rich_help_panel=RUNNING,
        ),
    ] = False,
) -> None:
    """Say whether pictures and videos are genuine, and show where and why they are not.

    Exit code 0: everything scanned; 3: some files could not be read, the rest is written.
    """
    from verilens.cli import engines, run
    from verilens.cli.writer import Outputs
    from verilens.options import Backend, Options

    is_one = run.is_one(paths)
    chosen, posts = run.asked(task, run.named(methods), encoder)
    options = Options(
        methods=chosen,
        posts=posts,
        poses=run.joints(poses, paths, task),
        where=where if where is not None else (is_one or html is not None),
        jobs=jobs,
        timeout_s=timeout,
        max_bytes=run.count_bytes(max_bytes),
        allow_private=allow_private,
        backend=cast(Backend, backend),  # Options refuses any other
    )
    outputs = Outputs(json=json, csv=csv, parquet=parquet, html=html, quiet=quiet)
    asked = engines.Asked(
        engine=engine,
        address=address,
        workers=workers,
        server=server,
        key=os.environ.get("VERILENS_KEY"),
        key_file=key_file,
    )
    place = store or (None if is_one or server else run.default_store(paths))
    kept = engines.Kept(path=place, fresh=fresh)
    raise typer.Exit(run.run(paths, options, outputs, kept, asked.chosen()))
