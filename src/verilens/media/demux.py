"""The one way libav gets at a file: already open, by one demuxer, and nothing beside it.

Given a name, libav would take "http:x.mp4" for an address; left to guess the format, it would
follow a playlist or a concat list to other files and to the network.
"""

from typing import BinaryIO

import av
import av.container


def demuxed(file: BinaryIO, demuxer: str) -> av.container.InputContainer:
    """Return the open container. Raises av.FFmpegError, and ValueError for an unknown demuxer."""
    alone = {"format_whitelist": demuxer, "protocol_whitelist": "none"}
    return av.open(
        file,
        format=demuxer,
        container_options=alone,
        metadata_errors="replace",
        buffer_size=1 << 17,
    )
